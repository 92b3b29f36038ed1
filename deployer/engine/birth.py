"""Clone or create a tenant's flow: look, intend, send; and find again what was sent and never answered."""

from deployer.domain.command import typed
from deployer.domain.documents import Document, Json, at
from deployer.domain.identity import birth_name, marker_line, with_marker_line
from deployer.domain.lifecycle import Event, StepKind
from deployer.domain.plan import Planned
from deployer.domain.sighting import Absent, Doubtful, Found, sight
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.result import GONE, Moved, Result, look_again, not_done, unread
from deployer.integrator.client import Stamp
from deployer.integrator.wire import Created, Done, NotSent, Outcome, Refused, Unknown

_DOUBT = "a flow cloned from the template is there without our marker: {}"
_UNSCHEDULED = frozenset({"schedule", "_id", "createdAt", "lastModified", "_sourceId", "_runNextFlowIds"})


async def begin(desk: Desk, case: Case) -> Result:
    """Look before sending, always: what is there already is taken, and nothing is made beside it."""
    planned = case.deployment.planned
    if isinstance(known := await _known(desk, case), Done) and known.value:
        await case.tell_birth(str(known.value["_id"]), Event.FOUND)
        return Moved(case.deployment)
    listing = await desk.client.integration_flows(planned.integration) if isinstance(known, Done) else known
    if not isinstance(listing, Done):
        return await unread(desk, case, listing, wait=0.0)
    cleared = case.step.facts.get("cleared")
    strangers = (*planned.seen, *(map(str, cleared) if isinstance(cleared, list) else ()))
    match sight(listing.value, planned.key, seen=strangers):
        case Found(flow, surplus):
            await case.tell_birth(str(flow["_id"]), Event.FOUND, surplus)
            return Moved(case.deployment)
        case Doubtful(flows):
            return _doubtful(case, flows)
        case Absent(seen):
            return await _send(desk, case, seen)


async def _known(desk: Desk, case: Case) -> Outcome[Document | None]:
    """Return the flow that another rollout made since the plan, if it is there: lists may not show it yet."""
    if case.deployment.known is None:
        return Done(None, 200)
    read = await desk.client.flow(case.deployment.known.flow)
    if isinstance(read, Refused) and read.status == GONE:
        return Done(None, read.status)
    is_here = isinstance(read, Done) and read.value.get("_integrationId") == case.deployment.planned.integration
    return read if is_here or not isinstance(read, Done) else Done(None, read.status)


async def recover(desk: Desk, case: Case, wait: float) -> Result:
    """Look for a flow whose birth was never answered; it is absent only if a listing begun after `wait` lacks it."""
    planned = case.deployment.planned
    listing = await desk.client.integration_flows(planned.integration)
    if not isinstance(listing, Done):
        return await unread(desk, case, listing, wait=wait)
    seen = case.step.facts.get("seen")
    match sight(listing.value, planned.key, seen=[str(flow) for flow in seen] if isinstance(seen, list) else ()):
        case Found(flow, surplus):
            await case.tell_birth(str(flow["_id"]), Event.FOUND, surplus)
        case Doubtful(flows):
            return _doubtful(case, flows)
        case Absent() if wait > 0:
            return look_again(case, desk, wait, f"making sure the first {case.step.kind} is not still on its way")
        case Absent():
            case.tell(Event.ABSENT)
    return Moved(case.deployment)


def _doubtful(case: Case, flows: tuple[Document, ...]) -> Result:
    """After a call of ours only a person can say whose flow it is; before the first one, the plan is stale."""
    ids = ", ".join(str(flow["_id"]) for flow in flows)
    if case.step.attempts:
        remedy = f"look at it, then: {typed('resolve', case.deployment.planned.tenant)} --took ID, or --retry"
        named: list[Json] = [flow["_id"] for flow in flows]
        case.tell(Event.UNDECIDABLE, {"doubtful": named, **failure("doubtful_flow", _DOUBT.format(ids), remedy)})
    else:
        remedy = "plan again; it can be taken over with `adopt: id`"
        case.tell(Event.STALE, {"stale": True, **failure("appeared", _DOUBT.format(ids), remedy)})
    return Moved(case.deployment)


async def _send(desk: Desk, case: Case, seen: tuple[str, ...]) -> Result:
    async def stamp() -> float:
        return await case.intend({"seen": list(seen)})

    match await _made(desk, case, stamp):
        case Done(Created(flow)) if flow in seen:
            text = f"the API answered with flow {flow}, which was there before"
            case.tell(Event.UNDECIDABLE, failure("contradiction", text, "look at the tenant's flows, then resolve it"))
        case Done(Created(flow, document)):
            if document:
                desk.fresh[flow] = document
            await case.tell_birth(flow, Event.SUCCEED)
        case Refused() | NotSent() | Unknown() as outcome:
            return await not_done(desk, case, outcome)
    return Moved(case.deployment)


async def _made(desk: Desk, case: Case, stamp: Stamp) -> Outcome[Created]:
    planned = case.deployment.planned
    body = birth_body(planned, desk.planned.template_name, rollout=desk.plan.name)
    if case.step.kind is StepKind.CREATE:
        return await desk.client.create(body, stamp=stamp)
    return await desk.client.clone(planned.template, body, stamp=stamp)


def birth_body(planned: Planned, template_name: str, *, rollout: str) -> Document:
    """Return the body of a clone or create: named with the marker, disabled, and without a schedule.

    What is created has the marker in its description too: it names no source by which it could be told from others
    once somebody has renamed it.
    """
    final = planned.fields.get(("name",), template_name)
    named: Document = {"name": birth_name(str(final), planned.key), "_integrationId": planned.integration}
    if planned.document is None:
        return {**named, "connectionMap": dict(planned.connections)}
    kept = {key: value for key, value in planned.document.items() if key not in _UNSCHEDULED}
    line = marker_line(rollout, planned.key)
    return {**kept, **named, "description": with_marker_line(at(kept, ("description",)), line), "disabled": True}
