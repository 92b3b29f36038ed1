"""What is remembered of a flow after it was written, or only compared."""

from collections.abc import Iterable

from deployer.domain.deployment import Instance
from deployer.domain.documents import Document, put
from deployer.domain.merge3 import Change, Verdict, remember
from deployer.domain.plan import Action, Planned


def instance_after(
    planned: Planned, known: Instance | None, changes: Iterable[Change], answer: Document, revision: str
) -> Instance:
    """Return what is remembered once `answer` is the live flow. A field that drifted is remembered as it was.

    The stamp is only kept where all of the flow is as remembered: it is what saves reading the flow again.
    """
    changes = tuple(changes)
    drifted = any(change.verdict is Verdict.DRIFT for change in changes)
    made_here = revision if planned.action is Action.CREATE else ""
    return Instance(
        tenant=planned.tenant,
        account=planned.account,
        template=planned.template,
        integration=planned.integration,
        flow=str(answer["_id"]),
        revision=known.revision if known else made_here,
        last_modified="" if drifted else str(answer.get("lastModified", "")),
        connections=planned.connections,
        fields=remember(known.fields if known else {}, changes, answer),
    )


def instance_unwritten(planned: Planned, known: Instance | None) -> Instance | None:
    """Return what a tenant without any step leaves to remember; None where that is nothing new."""
    if planned.steps or planned.flow is None or planned.action not in {Action.ADOPT, Action.NO_CHANGE}:
        return None
    known = known if known and known.flow == planned.flow else None
    flow: Document = {"_id": planned.flow, "lastModified": planned.last_modified}
    for change in planned.changes:
        flow = put(flow, change.path, change.live)
    after = instance_after(planned, known, planned.changes, flow, "")
    return None if after == known else after
