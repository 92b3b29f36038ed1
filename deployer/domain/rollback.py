"""What undoes a rollout: each touched tenant's fields as they stood before, merged with what others changed since."""

from collections.abc import Sequence
from dataclasses import replace

from deployer.domain.body import masked
from deployer.domain.choosing import demand_conflicts
from deployer.domain.deployment import Deployment, Instance, Step, before_image
from deployer.domain.documents import MISSING, Document, Path, Value, dotted
from deployer.domain.identity import is_newborn
from deployer.domain.lifecycle import BIRTHS, State, StepKind
from deployer.domain.masking import holds_mask, mask_reason
from deployer.domain.merge3 import CONFLICTS, WRITES, Chosen, merge
from deployer.domain.plan import Action, Planned
from deployer.domain.waves import Checks, Wave

_DISABLED: Path = ("disabled",)


def is_touched(deployment: Deployment) -> bool:
    """Tell whether a rollout changed anything of a tenant, or may have."""
    return any(step.state in {State.DONE, State.UNKNOWN, State.INTENDED} for step in _writes(deployment))


def undo(deployment: Deployment, live: Document | None, chosen: Chosen) -> Planned:
    """Return what undoes a tenant's share of a rollout, given its flow as it is now; None is a flow that is gone."""
    known, flow = deployment.known, deployment.flow
    planned = replace(deployment.planned, flow=flow, steps=(), changes=(), chosen=chosen, wave=0, seen=())
    if any(step.state in {State.UNKNOWN, State.INTENDED} for step in _writes(deployment)):
        return _blocked(planned, "a call of the rollout waits for a person: deployer resolve")
    if live is None:
        return _nothing(planned, "its flow is gone: there is nothing to undo")
    if live.get("_integrationId") != planned.integration:
        return _blocked(planned, f"flow {flow} lies in another integration now")
    if is_newborn(live, planned.key.marker):
        return _nothing(planned, "its flow was never enabled, and stays disabled")
    if known is None or known.flow != flow:
        return _blocked(planned, f"nothing is remembered of flow {flow}")
    return _merged(deployment, planned, known, live)


def _merged(deployment: Deployment, planned: Planned, known: Instance, live: Document) -> Planned:
    wanted = _wanted(deployment, known)
    changes = merge(live, wanted, known.fields, chosen=planned.chosen)
    if planned.chosen:
        demand_conflicts(planned.tenant, planned.chosen, merge(live, wanted, known.fields))
    stamp = str(live.get("lastModified", ""))
    planned = replace(planned, fields=wanted, changes=changes, last_modified=stamp, reason=_said(deployment))
    fought = [dotted(change.path) for change in changes if change.verdict in CONFLICTS]
    if fought:
        tenant = planned.tenant
        why = f"{', '.join(fought)} changed since by somebody else; choose --ours {tenant} or --theirs {tenant}"
        return _blocked(planned, why)
    if held := masked(live, changes):
        return _blocked(planned, mask_reason(held))
    if not any(change.verdict in WRITES for change in changes):
        return _nothing(planned, "everything is as it was before")
    return replace(planned, action=Action.UPDATE, steps=(StepKind.CONFIGURE,))


def _wanted(deployment: Deployment, known: Instance) -> dict[Path, Value]:
    """Return the fields as they are to be: what the rollout wrote as it stood before, the others as they were left."""
    wanted: dict[Path, Value] = {path: memory.sent for path, memory in known.fields.items()}
    if _is_made_here(deployment):
        return {**wanted, _DISABLED: True}
    for path, value in _before(deployment).items():
        if value is MISSING:
            wanted.pop(path, None)
        elif not holds_mask(value):
            wanted[path] = value
    return wanted


def _before(deployment: Deployment) -> dict[Path, Value]:
    """Return what stood where the rollout wrote."""
    configured = (step for step in deployment.steps if step.kind is StepKind.CONFIGURE and step.state is State.DONE)
    written = {change.path for change in deployment.planned.changes if change.verdict in WRITES}
    return {path: value for path, value in next(map(before_image, configured), {}).items() if path in written}


def _is_made_here(deployment: Deployment) -> bool:
    birth = deployment.steps[0]
    return birth.kind in BIRTHS and not birth.facts.get("found")


def _said(deployment: Deployment) -> str:
    ran = any(step.kind is StepKind.RUN and step.state is State.DONE for step in deployment.steps)
    told = ["made by the rollout: it is disabled, not deleted"] if _is_made_here(deployment) else []
    secrets = [dotted(path) for path, value in _before(deployment).items() if holds_mask(value)]
    told += [f"{', '.join(secrets)} stays: what stood there before reads back masked"] if secrets else []
    return "; ".join([*told, *(["its run is not undone"] if ran else [])])


def _writes(deployment: Deployment) -> list[Step]:
    return [step for step in deployment.steps if step.kind not in {StepKind.RUN, StepKind.FOLLOW}]


def _blocked(planned: Planned, reason: str) -> Planned:
    return replace(planned, action=Action.BLOCKED, reason=reason)


def _nothing(planned: Planned, reason: str) -> Planned:
    said = "; ".join(filter(None, (planned.reason, reason)))
    return replace(planned, action=Action.NO_CHANGE, reason=said, flow=None)  # so that nothing new is remembered of it


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
