"""Copy a part that only the new revision of a template uses: look, intend, send; and find again what was not answered.

A copy is born with a marker in its name, as a flow is; the step after gives it the name of the template's part.
"""

from deployer.domain.documents import Document
from deployer.domain.identity import birth_name, carries
from deployer.domain.lifecycle import Event
from deployer.domain.moves import settle_time
from deployer.domain.resources import PlannedResource
from deployer.domain.upgrading import copy_key
from deployer.engine.desk import Case, Desk
from deployer.engine.result import Moved, Result, look_again, not_done, unread
from deployer.integrator.wire import Created, Done, NotSent, Outcome, Refused, Unknown


async def begin(desk: Desk, case: Case) -> Result:
    """Look before sending, always: a copy that is there already is taken."""
    since = desk.clock.moment().at if case.step.attempts else 0.0  # one of this process will do for the first look
    found = await _found(desk, case, since=since)
    if not isinstance(found, Done):
        return await unread(desk, case, found, wait=0.0)
    if found.value is not None:
        case.tell(Event.FOUND, {"resource": found.value})
        return Moved(case.deployment)
    return await _send(desk, case)


async def recover(desk: Desk, case: Case, wait: float) -> Result:
    """Look for a copy whose birth was never answered; it is absent only if a list begun after `wait` lacks it."""
    intent = case.step.intent.at if case.step.intent else desk.clock.moment().at
    settled = settle_time(case.step.kind, desk.settings.safety)
    found = await _found(desk, case, since=intent if wait > 0 else intent + settled)
    if not isinstance(found, Done):
        return await unread(desk, case, found, wait=wait)
    if found.value is not None:
        case.tell(Event.FOUND, {"resource": found.value})
    elif wait > 0:
        return look_again(case, desk, wait, "making sure the first copy is not still on its way")
    else:
        case.tell(Event.ABSENT)
    return Moved(case.deployment)


async def _found(desk: Desk, case: Case, *, since: float) -> Outcome[str | None]:
    """Return the id of the copy, the oldest where there are several; None where there is none."""
    key = case.resource.key
    marker = copy_key(case.deployment.planned.key, key).marker
    listed = await desk.listings.parts(desk.client, desk.clock, key.kind, since=since)
    if not isinstance(listed, Done):
        return listed
    alike = [part for part in listed.value if part.get("_sourceId") == key.source and carries(part, marker)]
    oldest = min(alike, key=lambda part: (str(part.get("createdAt")), str(part["_id"])), default=None)
    return Done(str(oldest["_id"]) if oldest else None, 200)


async def _send(desk: Desk, case: Case) -> Result:
    resource = case.resource

    async def stamp() -> float:
        return await case.intend({})

    body = _body(case, resource)
    match await desk.client.copy(resource.key.kind, resource.key.source, body, stamp=stamp):
        case Done(Created(id_)):
            case.tell(Event.SUCCEED, {"resource": id_})
        case Refused() | NotSent() | Unknown() as outcome:
            return await not_done(desk, case, outcome)
    return Moved(case.deployment)


def _body(case: Case, resource: PlannedResource) -> Document:
    planned = case.deployment.planned
    name = str(resource.fields.get(("name",), resource.label))
    return {"name": birth_name(name, copy_key(planned.key, resource.key)), "connectionMap": dict(planned.connections)}
