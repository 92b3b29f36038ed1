"""What only flows can do: be created, patched and run."""

from deployer.simulator.calls import Answer, Call
from deployer.simulator.jobs import launch
from deployer.simulator.resources import keep, validated
from deployer.simulator.world import Document, Refused, iso

PATCHABLE = frozenset({"name", "description", "schedule", "timezone", "disabled", "skipRetries", "_flowGroupingId"})


def create(call: Call) -> Answer:
    """Make a flow from a document."""
    stamps = {"createdAt": iso(call.now), "lastModified": iso(call.now)}
    default = {"disabled": call.knobs.create_disabled}
    flow = {"_id": call.world.mint(call.now), **default, **validated(call, call.document()), **stamps}
    keep(call, flow)
    call.note("create", resource="flows", id=flow["_id"], integration=flow.get("_integrationId"), body=call.body)
    return Answer(status=201, body=flow)


def patch(call: Call) -> Answer:
    """Apply a JSON Patch to the few fields that allow it."""
    flow = call.found()
    if not isinstance(call.body, list):
        raise Refused(400, "invalid_field", "the body must be a list of operations")
    for operation in call.body:
        flow = _patched(flow, operation)
    flow = {**flow, **validated(call, flow), "lastModified": iso(call.now)}
    keep(call, flow)
    call.note("patch", resource="flows", id=call.id, body=call.body)
    return Answer(status=204)


def _patched(flow: Document, operation: object) -> Document:
    match operation:
        case {"op": "add" | "replace", "path": str(path), "value": value} if path.removeprefix("/") in PATCHABLE:
            return {**flow, path.removeprefix("/"): value}
        case {"op": "remove", "path": str(path)} if path.removeprefix("/") in PATCHABLE:
            return {name: value for name, value in flow.items() if name != path.removeprefix("/")}
        case _:
            raise Refused(422, "invalid_field", f"cannot patch {operation}", "path")


def run(call: Call) -> Answer:
    """Start a flow; behind a running one it queues."""
    flow, body = call.found(), call.document()
    if flow.get("disabled"):
        raise Refused(call.knobs.inactive_status, "inactive_flow", "the flow is disabled")
    jobs = launch(call.world, call.account, flow, now=call.now, knobs=call.knobs, exports=body.get("_exportIds"))
    call.note("run", resource="flows", id=call.id, jobs=[job.id for job in jobs], body=body)
    return Answer(status=201, body={"_jobId": jobs[0].id, **call.knobs.run_fields})
