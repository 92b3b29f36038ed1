"""Configure a tenant's flow: read, merge, intend, PUT; the answer is the verification."""

from collections.abc import Mapping
from dataclasses import replace

from deployer.domain.body import body_of, ignored, is_settled, masked, others, strayed
from deployer.domain.deployment import Instance, before_image
from deployer.domain.documents import MISSING, Document, Json, Path, Value, dotted, same
from deployer.domain.identity import is_newborn
from deployer.domain.lifecycle import BIRTHS, Event, State
from deployer.domain.masking import MASK_REMEDY, mask_reason
from deployer.domain.memory import instance_after
from deployer.domain.merge3 import CONFLICTS, Change, Choice, Chosen, Memory, Verdict, merge
from deployer.domain.moves import remaining
from deployer.domain.plan import Action, Planned
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.result import GONE, LOOK_AGAIN, Later, Moved, Result, look_again, not_done, unread
from deployer.integrator.wire import Done, NotSent, Refused, Unknown


async def begin(desk: Desk, case: Case) -> Result:
    """Read the flow afresh and write it, unless it moved since the plan."""
    planned, flow = case.deployment.planned, case.deployment.flow or ""
    live = desk.fresh.pop(flow, None)
    if live is None:
        read = await desk.client.flow(flow)
        if isinstance(read, Refused) and read.status == GONE and _is_just_born(desk, case):
            return Later(case.deployment, LOOK_AGAIN, "waiting for the new flow to be readable")
        if not isinstance(read, Done):
            return await unread(desk, case, read, wait=0.0)
        live = read.value
    if live.get("_integrationId") != planned.integration:
        case.tell(Event.UNDECIDABLE, _misplaced(flow, live))
        return Moved(case.deployment)
    changes = _merged(desk, case, live)
    if _is_stale(planned, live, changes):
        case.tell(Event.STALE, _stale(planned, changes))
        return Moved(case.deployment)
    if _is_done(live, changes, planned):
        case.tell(Event.FOUND, {"flow": flow}, _instance(desk, case, live, changes))
        return Moved(case.deployment)
    if held := masked(live, changes):
        case.tell(Event.REFUSE, failure("masked", mask_reason(held), MASK_REMEDY, field=held[0]))
        return Moved(case.deployment)
    return await _put(desk, case, live, changes)


async def recover(desk: Desk, case: Case, wait: float) -> Result:
    """Find out what became of a PUT: done if the flow is as wanted; else the same body again, or later another."""
    planned, flow = case.deployment.planned, case.deployment.flow or ""
    read = await desk.client.flow(flow)
    if not isinstance(read, Done):
        return await unread(desk, case, read, wait=wait)
    live = read.value
    changes = _merged(desk, case, live)
    if _is_done(live, changes, planned):
        case.tell(Event.FOUND, {"flow": flow}, _instance(desk, case, live, changes))
        return Moved(case.deployment)
    if wait <= 0:
        case.tell(Event.ABSENT)
        return Moved(case.deployment)
    untouched = case.step.facts.get("others") == others(live, planned.fields)
    if untouched and not case.step.facts.get("again"):
        ours = _merged(
            desk, case, live, {"": Choice.OURS, **planned.chosen}
        )  # the same body, whatever came of the first
        if not masked(live, ours):
            return await _put(desk, case, live, ours)
    return look_again(case, desk, wait, "making sure the first PUT is not still on its way")


def _is_just_born(desk: Desk, case: Case) -> bool:
    """Tell whether a flow of this rollout is so young that the server may not show it yet."""
    birth, safety = case.deployment.steps[0], desk.settings.safety
    if birth.kind not in BIRTHS or birth.intent is None:
        return False
    return remaining(birth, desk.clock.moment(), safety.clone_timeout + safety.lag) > 0


def _merged(desk: Desk, case: Case, live: Document, chosen: Chosen | None = None) -> tuple[Change, ...]:
    planned, known = case.deployment.planned, _known(desk, case)
    birth = case.deployment.steps[0]
    untouched = birth.kind in BIRTHS and not birth.facts.get("found") and known is None  # made here, nothing PUT yet
    taken = any(step.facts.get("taken") for step in case.deployment.steps)  # a person said that it is ours
    newborn = untouched or taken or is_newborn(live, planned.key.marker)
    memory = known.fields if known else {}
    restore = desk.settings.drift == "restore"
    return merge(live, planned.fields, memory, chosen=chosen or planned.chosen, newborn=newborn, restore=restore)


def _known(desk: Desk, case: Case) -> Instance | None:
    """Return what is remembered of this very flow; of one never written with an answer, how it stood before our PUT."""
    planned, flow = case.deployment.planned, case.deployment.flow or ""
    known = case.deployment.known
    if known and known.flow == flow and known.is_configured:
        return known
    before = _before(case)
    if not before:
        return None
    where = (planned.tenant, planned.account, planned.template, planned.integration)
    revision = desk.planned.revision if planned.action is Action.CREATE else ""
    return Instance(*where, flow=flow, revision=revision, fields=before)


def _is_done(live: Document, changes: tuple[Change, ...], planned: Planned) -> bool:
    """Tell whether the flow is as wanted, also where a field was dropped and has to go."""
    left = (change for change in changes if change.verdict is Verdict.REMOVE)
    return is_settled(live, planned.fields, planned) and all(same(each.live, each.desired) for each in left)


def _before(case: Case) -> dict[Path, Memory]:
    """Remember the before-image of a PUT whose answer was lost: by it we know what was changed since."""
    return {path: Memory(value, value, value) for path, value in before_image(case.step).items()}


def _is_stale(planned: Planned, live: Document, changes: tuple[Change, ...]) -> bool:
    if any(change.verdict in CONFLICTS for change in changes):
        return True
    if planned.action is Action.CREATE or live.get("lastModified") == planned.last_modified:
        return False
    return {change.path: change.verdict for change in changes} != planned.verdicts


def _stale(planned: Planned, changes: tuple[Change, ...]) -> Document:
    moved = [dotted(change.path) for change in changes if change.verdict is not planned.verdicts.get(change.path)]
    error = failure("stale", f"changed by somebody else since the plan: {', '.join(moved)}", "plan and apply again")
    return {"stale": True, **error}


def _misplaced(flow: str, live: Document) -> Document:
    where = f"flow {flow} lies in integration {live.get('_integrationId')}, not in the tenant's"
    return failure("contradiction", where, "look at the flow; nothing was written to it")


async def _put(desk: Desk, case: Case, live: Document, changes: tuple[Change, ...]) -> Result:
    planned = case.deployment.planned
    body = body_of(
        live,
        changes,
        planned,
        rollout=desk.plan.name if desk.settings.marker == "description" else None,
        name=str(planned.fields.get(("name",), desk.planned.template_name)),
    )

    repeated = case.step.state is State.INTENDED
    before = case.step.facts.get("before") if repeated else _images(changes)

    async def stamp() -> float:
        return await case.intend({"others": others(live, planned.fields), "before": before, "again": repeated})

    match await desk.client.replace(str(live["_id"]), body, stamp=stamp):
        case Done(answer):
            _verify(desk, case, answer, changes, strayed(body, answer, planned.fields))
        case Refused() | NotSent() if repeated:
            pass  # which says nothing of the first
        case Refused() | NotSent() | Unknown() as outcome:
            return await not_done(desk, case, outcome)
    return Moved(case.deployment)


def _images(changes: tuple[Change, ...]) -> list[Json]:
    """Return the before-image: each field of ours as it stood."""
    return [
        {"path": list(change.path)} if change.live is MISSING else {"path": list(change.path), "value": change.live}
        for change in changes
    ]


def _verify(desk: Desk, case: Case, answer: Document, changes: tuple[Change, ...], astray: list[str]) -> None:
    planned = case.deployment.planned
    before = _before(case)
    left = ignored((replace(change, live=_first(before, change)) for change in changes), answer)
    if answer.get("_integrationId") != planned.integration:
        case.tell(Event.UNDECIDABLE, _misplaced(str(answer["_id"]), answer))
    elif left:
        text = f"the API took the PUT and left {', '.join(left)} as it was"
        case.tell(Event.REFUSE, failure("not_applied", text, "check that the account may change this"))
    else:
        facts: Document = {"flow": answer["_id"], **({"strayed": [*astray]} if astray else {})}
        case.tell(Event.SUCCEED, facts, _instance(desk, case, answer, changes))


def _first(before: Mapping[Path, Memory], change: Change) -> Value:
    known = before.get(change.path)
    return known.first if known else change.live


def _instance(desk: Desk, case: Case, answer: Document, changes: tuple[Change, ...]) -> Instance:
    planned = case.deployment.planned
    return instance_after(planned, _known(desk, case), changes, answer, desk.planned.revision)
