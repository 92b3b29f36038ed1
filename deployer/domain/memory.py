"""What is remembered of a flow after it was written, or only compared."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deployer.domain.deployment import Instance
from deployer.domain.documents import MISSING, Document, put
from deployer.domain.merge3 import Change, Verdict, remember
from deployer.domain.owned import OWNED
from deployer.domain.plan import Action, Planned
from deployer.domain.resources import PlannedResource, ResourceKey, ResourceMemory


def instance_after(
    planned: Planned,
    known: Instance | None,
    changes: Iterable[Change],
    answer: Document,
    revision: str,
    resources: Mapping[ResourceKey, ResourceMemory],
) -> Instance:
    """Return what is remembered once `answer` is the live flow; `revision` is the one it had until now.

    A field that drifted is remembered as it was. The stamp is only kept where all of the flow is as remembered: it is
    what saves reading the flow again.
    """
    changes = tuple(changes)
    drifted = any(change.verdict is Verdict.DRIFT for change in changes)
    fields = remember(known.fields if known else {}, changes, answer)
    if planned.document is not None:  # nothing of a file's was anybody's before
        ours = {path: memory for path, memory in fields.items() if path[0] in OWNED}
        fields = {path: replace(memory, first=MISSING) for path, memory in fields.items()} | ours
    return Instance(
        tenant=planned.tenant,
        account=planned.account,
        template=planned.template,
        integration=planned.integration,
        flow=str(answer["_id"]),
        revision=planned.upgrade[1] if planned.upgrade else revision,
        last_modified="" if drifted else str(answer.get("lastModified", "")),
        connections=planned.connections,
        fields={path: memory for path, memory in fields.items() if path not in planned.base},
        resources=resources_after(planned, resources),
    )


def resources_after(
    planned: Planned, before: Mapping[ResourceKey, ResourceMemory]
) -> dict[ResourceKey, ResourceMemory]:
    """Return what is remembered of resources once those are recorded that take no step."""
    after = dict(before)
    for resource in planned.resources:
        if resource.is_recorded and resource.id:
            seen = resource_after(resource, after.get(resource.key), resource.changes, as_seen(resource))
            if seen.fields:
                after[resource.key] = seen
    return after


def as_seen(resource: PlannedResource) -> Document:
    """Return a resource as the plan saw it, as far as it concerns us."""
    document: Document = {"_id": resource.id, "lastModified": resource.last_modified}
    for change in resource.changes:
        document = put(document, change.path, change.live)
    return document


def as_left(memory: ResourceMemory) -> Document:
    """Return a resource as we left it, as far as it concerns us."""
    document: Document = {"_id": memory.id, "lastModified": memory.last_modified}
    for path, field in memory.fields.items():
        document = put(document, path, field.returned)
    return document


def resource_after(
    resource: PlannedResource, known: ResourceMemory | None, changes: Iterable[Change], answer: Document
) -> ResourceMemory:
    """Return what is remembered of a resource once it is as `answer`; of another one of that key, nothing is.

    What is the template's is not: the revision says it.
    """
    changes = tuple(changes)
    drifted = any(change.verdict is Verdict.DRIFT for change in changes)
    before = known.fields if known and known.id == answer["_id"] else {}
    stamp = "" if drifted else str(answer.get("lastModified", ""))
    fields = remember(before, changes, answer)
    templates = {*resource.base, *([("name",)] if resource.is_copied else [])}
    kept = {path: memory for path, memory in fields.items() if path not in templates}
    return ResourceMemory(str(answer["_id"]), stamp, kept)


def instance_unwritten(planned: Planned, known: Instance | None) -> Instance | None:
    """Return what a tenant without any step leaves to remember; None where that is nothing new."""
    if planned.steps or planned.flow is None or planned.action not in {Action.ADOPT, Action.NO_CHANGE}:
        return None
    known = known if known and known.flow == planned.flow else None
    flow: Document = {"_id": planned.flow, "lastModified": planned.last_modified}
    for change in planned.changes:
        flow = put(flow, change.path, change.live)
    revision, resources = (known.revision, known.resources) if known else ("", {})
    after = instance_after(planned, known, planned.changes, flow, revision, resources)
    return None if after == known else after
