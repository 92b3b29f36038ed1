"""Delete a tenant's flow: read, intend, send once; what nobody answered is found out by reading."""

from deployer.domain.chosen import Choice
from deployer.domain.documents import Document
from deployer.domain.identity import carries
from deployer.domain.lifecycle import Event
from deployer.domain.merge3 import merge, with_base
from deployer.domain.parting import changed_outside
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.result import GONE, Moved, Result, look_again, not_done, unread
from deployer.engine.unsealing import Secrets
from deployer.integrator.wire import Done, NotSent, Refused, Unknown


async def begin(desk: Desk, case: Case) -> Result:
    """Read the flow afresh, and delete it unless anything speaks against it."""
    flow = case.deployment.flow or ""
    read = _secrets(desk, case).sealed(await desk.client.flow(flow))
    if isinstance(read, Refused) and read.status == GONE:
        case.tell(Event.FOUND, {"flow": flow}, forgets=True)
        return Moved(case.deployment)
    if not isinstance(read, Done):
        return await unread(desk, case, read, wait=0.0)
    if why := _obstacle(desk, case, read.value):
        error = failure("stale", why, "look at the flow, and plan again")
        case.tell(Event.STALE, {"stale": True, **error})
        return Moved(case.deployment)
    return await _send(desk, case, flow)


async def recover(desk: Desk, case: Case, wait: float) -> Result:
    """Find out whether a flow is gone; it is told to go again only once the first call cannot land any more."""
    flow = case.deployment.flow or ""
    read = await desk.client.flow(flow)
    if isinstance(read, Refused) and read.status == GONE:
        case.tell(Event.FOUND, {"flow": flow}, forgets=True)
        return Moved(case.deployment)
    if not isinstance(read, Done):
        return await unread(desk, case, read, wait=wait)
    if wait > 0:
        return look_again(case, desk, wait, "making sure the first delete is not still on its way")
    case.tell(Event.ABSENT)
    return Moved(case.deployment)


async def _send(desk: Desk, case: Case, flow: str) -> Result:
    async def stamp() -> float:
        return await case.intend({"flow": flow})

    match await desk.client.delete_flow(flow, stamp=stamp):
        case Done():
            case.tell(Event.SUCCEED, {"flow": flow}, forgets=True)
        case Refused(status) if status == GONE:
            case.tell(Event.FOUND, {"flow": flow}, forgets=True)
        case Refused() | NotSent() | Unknown() as outcome:
            return await not_done(desk, case, outcome)
    return Moved(case.deployment)


def _secrets(desk: Desk, case: Case) -> Secrets:
    planned, known = case.deployment.planned, case.deployment.known
    return Secrets(desk.account.vault, planned, planned.fields, known.fields if known else {})


def _obstacle(desk: Desk, case: Case, live: Document) -> str:
    """Say what speaks against deleting a flow now; nothing does where it is as this rollout, or its plan, saw it."""
    planned, known = case.deployment.planned, case.deployment.known
    if live.get("_integrationId") != planned.integration:
        return f"flow {live['_id']} lies in another integration now"
    if desk.settings.marker == "description" and not carries(live, planned.key.marker):
        return f"flow {live['_id']} does not carry our marker any more"
    stamps = {planned.last_modified, known.last_modified if known else ""}
    if planned.chosen.get("") is Choice.OURS or live.get("lastModified") in stamps:
        return ""
    memory = with_base(known.fields if known else {}, planned.base)
    changed = changed_outside(merge(live, planned.fields, memory))
    return f"{', '.join(changed)} changed by somebody else since the plan" if changed else ""
