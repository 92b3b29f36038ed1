"""Part with a tenant's flow: delete it, or only forget it. Neither is ever planned unless somebody asks for it."""

from dataclasses import replace

from deployer.domain.body import is_marked
from deployer.domain.chosen import Choice, Chosen
from deployer.domain.deployment import Instance
from deployer.domain.documents import MISSING, Document, Path, Value, at, dotted
from deployer.domain.identity import carries, is_newborn
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import CONFLICTS, Change, Verdict, merge, with_base
from deployer.domain.plan import Action, Planned

_DISABLED: Path = ("disabled",)


def parted(
    action: Action, instance: Instance, live: Document | None, chosen: Chosen, *, is_marked_by_us: bool
) -> Planned:
    """Return what parts with an instance, given its flow as it is now; None is one that is gone.

    `is_marked_by_us` tells whether the manifest wants the line in the description that says who manages the flow.
    """
    planned = Planned(
        instance.tenant,
        instance.account,
        instance.integration,
        action,
        instance.template,
        flow=instance.flow,
        connections=instance.connections,
        chosen=chosen,
    )
    if live is None:
        step = StepKind.DELETE if action is Action.DELETE else StepKind.CONFIGURE
        return replace(planned, steps=(step,), reason="its flow is gone already")
    planned = replace(planned, last_modified=str(live.get("lastModified", "")))
    if why := _obstacle(planned, live, is_marked_by_us=is_marked_by_us):
        return replace(planned, action=Action.BLOCKED, reason=why)
    return _deleted(planned, instance, live) if action is Action.DELETE else _detached(planned, instance, live)


def _obstacle(planned: Planned, live: Document, *, is_marked_by_us: bool) -> str:
    if live.get("_integrationId") != planned.integration:
        return f"flow {planned.flow} lies in another integration now"
    if is_marked_by_us and not carries(live, planned.key.marker):
        return f"flow {planned.flow} does not carry our marker any more"
    if planned.action is Action.DETACH and is_newborn(live, planned.key.marker):
        return "its flow was only born: delete it, or apply first"
    return ""


def _deleted(planned: Planned, instance: Instance, live: Document) -> Planned:
    """Plan a deletion: the flow is disabled first, and one that somebody changed goes only if that is said."""
    wanted: dict[Path, Value] = {**_as_left(instance), _DISABLED: True}
    base = {} if _DISABLED in instance.fields else {_DISABLED: at(live, _DISABLED)}
    changes = merge(live, wanted, with_base(instance.fields, base), chosen=planned.chosen)
    planned = replace(planned, fields=wanted, changes=changes, base=base)
    if planned.chosen.get("") is not Choice.OURS and (changed := changed_outside(changes)):
        what = f"{', '.join(changed)} changed since it was deployed"
        why = f"{what}; --ours {planned.tenant} deletes it all the same"
        return replace(planned, action=Action.BLOCKED, reason=why)
    first = () if live.get("disabled") is True else (StepKind.CONFIGURE,)
    return replace(planned, steps=(*first, StepKind.DELETE))


def _detached(planned: Planned, instance: Instance, live: Document) -> Planned:
    """Plan that a flow is forgotten: the line that says who manages it goes, and nothing else."""
    wanted = _as_left(instance)
    changes = merge(live, wanted, instance.fields)
    reason = "" if is_marked(live) else "nothing of ours stands in it"
    return replace(planned, fields=wanted, changes=changes, steps=(StepKind.CONFIGURE,), reason=reason)


def _as_left(instance: Instance) -> dict[Path, Value]:
    return {path: memory.sent for path, memory in instance.fields.items() if memory.sent is not MISSING}


def changed_outside(changes: tuple[Change, ...]) -> list[str]:
    """Return the fields that somebody changed since they were deployed."""
    changed = (change for change in changes if change.verdict in CONFLICTS | {Verdict.DRIFT})
    return [dotted(change.path) for change in changed]
