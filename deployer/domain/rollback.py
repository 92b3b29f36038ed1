"""What undoes a rollout: each touched tenant's fields as they stood before, merged with what others changed since."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from deployer.domain.body import masked
from deployer.domain.choosing import demand_conflicts
from deployer.domain.chosen import Chosen, chosen_in
from deployer.domain.deployment import Deployment, Instance, Step, before_image
from deployer.domain.documents import MISSING, Document, Path, Value, assembled, dotted, in_the_way
from deployer.domain.identity import is_newborn
from deployer.domain.lifecycle import BIRTHS, State, StepKind
from deployer.domain.masking import holds_mask, is_sealed, mask_reason
from deployer.domain.merge3 import CONFLICTS, WRITES, Change, Memory, merge, with_base
from deployer.domain.plan import Action, Planned
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceKey
from deployer.domain.upgrading import placeholder, translated
from deployer.domain.waves import Checks, Wave

_DISABLED: Path = ("disabled",)


def is_touched(deployment: Deployment) -> bool:
    """Tell whether a rollout changed anything of a tenant, or may have."""
    return any(step.state in {State.UNKNOWN, State.INTENDED} or _has_written(step) for step in _writes(deployment))


def _has_written(step: Step) -> bool:
    """Tell whether a step did what it was to do, or a part of it before it failed."""
    return step.state is State.DONE or step.facts.get("partly") is True


def adjusted(deployment: Deployment) -> list[tuple[PlannedResource, Step]]:
    """Return the resources that a rollout wrote and that were there before it, with their steps.

    The copies of a flow that it made are not: they are as good as not there once that is disabled. Nor are those that
    an upgrade made, since no flow uses them any more.
    """
    pairs = ((deployment.resource(index), step) for index, step in enumerate(deployment.steps) if _is_adjusted(step))
    kept = ((one, step) for one, step in pairs if not one.is_copied)
    return [(one, step) for one, step in kept if one.key == INTEGRATION or not is_made_here(deployment)]


def _is_adjusted(step: Step) -> bool:
    return step.kind is StepKind.ADJUST and _has_written(step)


def undo(
    deployment: Deployment, live: Document | None, resources: Mapping[ResourceKey, Document], chosen: Chosen
) -> Planned:
    """Return what undoes a tenant's share of a rollout, given what it has now; None is a flow that is gone.

    Raise UsageError for a field that was chosen for and has no conflict.
    """
    if any(chosen):
        demand_conflicts(deployment.planned.tenant, chosen, _undo(deployment, live, resources, {}).every_change)
    return _undo(deployment, live, resources, chosen)


def _undo(
    deployment: Deployment, live: Document | None, resources: Mapping[ResourceKey, Document], chosen: Chosen
) -> Planned:
    known, flow = deployment.known, deployment.flow
    planned = replace(
        deployment.planned,
        flow=flow,
        steps=(),
        changes=(),
        chosen=chosen,
        wave=0,
        seen=(),
        resources=(),
        base=_carried(deployment.planned.base, deployment.planned.fields, deployment.planned.changes, deployment),
        upgrade=(upgrade[1], upgrade[0]) if (upgrade := deployment.planned.upgrade) else None,
    )
    if any(step.state in {State.UNKNOWN, State.INTENDED} for step in _writes(deployment)):
        return _blocked(planned, "a call of the rollout waits for a person: deployer resolve")
    if missing := [one.label for one, _ in adjusted(deployment) if one.key not in resources]:
        return _blocked(planned, f"{', '.join(missing)} cannot be read any more")
    planned = replace(planned, resources=_resources(deployment, resources, chosen))
    if live is None:  # and with it whatever used the copies
        planned = replace(planned, resources=tuple(one for one in planned.resources if one.key == INTEGRATION))
        return _besides(planned, "its flow is gone: there is nothing to undo")
    if live.get("_integrationId") != planned.integration:
        return _blocked(planned, f"flow {flow} lies in another integration now")
    if is_newborn(live, planned.key.marker):
        return _besides(planned, "its flow was never enabled, and stays disabled")
    if known is None or known.flow != flow:
        return _blocked(planned, f"nothing is remembered of flow {flow}")
    return _merged(deployment, planned, known, live)


def _merged(deployment: Deployment, planned: Planned, known: Instance, live: Document) -> Planned:
    wanted = _wanted(deployment, known)
    changes = merge(live, wanted, with_base(known.fields, planned.base), chosen=planned.chosen)
    stamp = str(live.get("lastModified", ""))
    planned = replace(planned, fields=wanted, changes=changes, last_modified=stamp, reason=_said(deployment))
    written = planned.upgrade or any(change.verdict in WRITES for change in changes)  # an upgrade ends with the flow
    if _fought(planned) or not written:
        return _besides(planned, "everything is as it was before")
    if held := masked(live, changes):
        return _blocked(planned, mask_reason(held))
    return replace(planned, action=Action.UPDATE, steps=(*_adjustments(planned), StepKind.CONFIGURE))


def _fought(planned: Planned) -> list[str]:
    return [path for path, change in planned.every_change if change.verdict in CONFLICTS]


def _adjustments(planned: Planned) -> tuple[StepKind, ...]:
    return tuple(StepKind.ADJUST for resource in planned.resources if resource.is_written)


def _resources(
    deployment: Deployment, live: Mapping[ResourceKey, Document], chosen: Chosen
) -> tuple[PlannedResource, ...]:
    """Return what puts each resource back as it stood before its step."""
    memories = deployment.known.resources if deployment.known else {}
    undone = []
    for resource, step in adjusted(deployment):
        document, memory = live[resource.key], memories.get(resource.key)
        known = memory.fields if memory else {}
        wanted = _restored(known, resource.changes, before_image(step), deployment.planned.secrets)
        base = _carried(resource.base, resource.fields, resource.changes, deployment)
        changes = merge(document, wanted, with_base(known, base), chosen=chosen_in(chosen, resource.label))
        stamp, id_ = str(document.get("lastModified", "")), str(document["_id"])
        undone.append(replace(resource, id=id_, fields=wanted, changes=changes, last_modified=stamp, base=base))
    return tuple(undone)


def _carried(
    base: Mapping[Path, Value], fields: Mapping[Path, Value], changes: Iterable[Change], deployment: Deployment
) -> dict[Path, Value]:
    """Return how an upgrade left the fields that it carried, which is what undoing it begins with."""
    ids = {placeholder(key): id_ for key, id_ in deployment.copies.items()}
    written = (change.path for change in changes if change.verdict in WRITES and change.path in base)
    return {path: translated(fields.get(path, MISSING), ids) for path in written}


def _restored(
    known: Mapping[Path, Memory], changes: Iterable[Change], before: Mapping[Path, Value], secrets: Container[str]
) -> dict[Path, Value]:
    """Return fields as they are to be: what was written as it stood before, the others as they were left.

    Of secrets those can be put back that are read again.
    """
    wanted: dict[Path, Value] = {path: memory.sent for path, memory in known.items()}
    for path, value in _written(changes, before).items():
        if value is MISSING:
            wanted.pop(path, None)
        elif not _is_lost(value, secrets):
            wanted[path] = value
    return wanted


def _written(changes: Iterable[Change], before: Mapping[Path, Value]) -> dict[Path, Value]:
    """Return what stood where the rollout wrote, or in its way."""
    written = {change.path for change in changes if change.verdict in WRITES}
    replaced = {place for path in written if (place := in_the_way(assembled(_whole(before, path)), path))}
    return {path: value for path, value in before.items() if path in written or path in replaced}


def _whole(before: Mapping[Path, Value], path: Path) -> dict[Path, Value]:
    """Return what stood above a path."""
    return {place: value for place, value in before.items() if place == path[: len(place)] and len(place) < len(path)}


def _wanted(deployment: Deployment, known: Instance) -> dict[Path, Value]:
    """Return the flow's fields as they are to be; one that the rollout made is only disabled."""
    if is_made_here(deployment):
        return {**{path: memory.sent for path, memory in known.fields.items()}, _DISABLED: True}
    return _restored(known.fields, deployment.planned.changes, _before(deployment), deployment.planned.secrets)


def _is_lost(value: Value, secrets: Container[str]) -> bool:
    """Tell whether nobody knows what stood somewhere: it read back masked, or is a seal that nothing opens."""
    return holds_mask(value) or (is_sealed(value) and value not in secrets)


def _before(deployment: Deployment) -> dict[Path, Value]:
    configured = (step for step in deployment.steps if step.kind is StepKind.CONFIGURE and _has_written(step))
    return next(map(before_image, configured), {})


def is_made_here(deployment: Deployment) -> bool:
    """Tell whether a rollout made the tenant's flow."""
    birth = deployment.steps[0]
    return birth.kind in BIRTHS and not birth.facts.get("found")


def _said(deployment: Deployment) -> str:
    ran = any(step.kind is StepKind.RUN and step.state is State.DONE for step in deployment.steps)
    told = ["made by the rollout: it is disabled, not deleted"] if is_made_here(deployment) else []
    before = dict(_overwritten(deployment))
    masked_ = [name for name, value in before.items() if holds_mask(value)]
    told += [f"{', '.join(masked_)} stays: what stood there before reads back masked"] if masked_ else []
    lost = (name for name, value in before.items() if _is_lost(value, deployment.planned.secrets))
    other = [name for name in lost if name not in masked_]
    told += [f"{', '.join(other)} stays: the secret that stood there before is not the one read now"] if other else []
    return "; ".join([*told, *(["its run is not undone"] if ran else [])])


def _overwritten(deployment: Deployment) -> Iterator[tuple[str, Value]]:
    """Yield what stood where the rollout wrote, by the name of each setting: the flow's, and those beside it."""
    for path, value in _written(deployment.planned.changes, _before(deployment)).items():
        yield dotted(path), value
    for resource, step in adjusted(deployment):
        for path, value in _written(resource.changes, before_image(step)).items():
            yield f"{resource.label}.{dotted(path)}", value


def _writes(deployment: Deployment) -> list[Step]:
    return [step for step in deployment.steps if step.kind not in {StepKind.RUN, StepKind.FOLLOW}]


def _blocked(planned: Planned, reason: str) -> Planned:
    return replace(planned, action=Action.BLOCKED, reason=reason)


def _nothing(planned: Planned, reason: str) -> Planned:
    said = "; ".join(filter(None, (planned.reason, reason)))
    return replace(planned, action=Action.NO_CHANGE, reason=said, flow=None)  # so that nothing new is remembered of it


def _besides(planned: Planned, reason: str) -> Planned:
    """Return a tenant of whose flow nothing is to be undone, but perhaps of what it has besides."""
    if fought := _fought(planned):
        tenant = planned.tenant
        why = f"{', '.join(fought)} changed since by somebody else; choose --ours {tenant} or --theirs {tenant}"
        return _blocked(planned, why)
    steps = _adjustments(planned)
    return replace(planned, action=Action.UPDATE, steps=steps) if steps else _nothing(planned, reason)


def backwards(waves: Sequence[Wave], picks: Sequence[int]) -> tuple[list[int] | None, tuple[Wave, ...]]:
    """Return the wave of each tenant, and the waves, in reverse order: `picks` are the waves that they were in.

    They keep their bounds, and neither bake nor ask: whoever rolls back has no time.
    """
    if not waves:
        return None, ()
    sizes = {number: picks.count(number) for number in range(len(waves), 0, -1)}
    used = [number for number, size in sizes.items() if size]
    numbers = {number: place for place, number in enumerate(used, 1)}
    undone = tuple(_undone(waves[number - 1], sizes[number]) for number in used)
    return [numbers[pick] for pick in picks], undone


def _undone(wave: Wave, size: int) -> Wave:
    concurrency = min(wave.concurrency, size)
    return replace(wave, size=size, concurrency=concurrency, approve=False, bake=(0.0, 0.0), checks=Checks())
