"""Flow runs and the jobs they make."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from deployer.simulator.calls import Answer, Call
from deployer.simulator.job import Job
from deployer.simulator.knobs import Knobs
from deployer.simulator.resources import references
from deployer.simulator.world import Account, Document, Refused, World, iso

MOST = 1_001
RECORDS = 100
SCOPES: dict[str, Callable[[Job], str | None]] = {
    "_flowId": lambda job: job.flow,
    "_integrationId": lambda job: job.integration,
    "_exportId": lambda job: job.step,
    "_importId": lambda job: job.step,
}


def launch(
    world: World,
    account: Account,
    flow: Document,
    *,
    now: float,
    knobs: Knobs,
    exports: Collection[str] | None = None,
) -> list[Job]:
    """Make one flow job per page generator, each with its children, behind whatever the flow still has to do."""
    free = max((job.ends for job in account.jobs_of_flow.get(flow["_id"], ()) if job.canceled is None), default=now)
    starts = max(now + knobs.job_queued, free)
    jobs = [
        _flow_job(world, flow, export, now=now, starts=starts, knobs=knobs) for export in _generators(flow, exports)
    ]
    for job in jobs:
        account.start(job)
        for kind, step in _children(flow, job):
            account.start(_child(world, job, kind, step))
    account.keep("flows", {**flow, "lastExecutedAt": iso(now)})
    return jobs


def _generators(flow: Document, exports: Collection[str] | None) -> list[str]:
    generators = [item.get("_exportId", "") for item in flow.get("pageGenerators", ())]
    chosen = [export for export in generators if exports is None or export in exports]
    return chosen or [flow.get("_exportId", "")]


def _children(flow: Document, job: Job) -> list[tuple[str, str]]:
    imports = [("import", key) for kind, key in dict.fromkeys(references(flow)) if kind == "imports"]
    return [("export", job.step), *imports]


def _flow_job(world: World, flow: Document, export: str, *, now: float, starts: float, knobs: Knobs) -> Job:
    outcome = _outcome(knobs, flow)
    return Job(
        id=world.mint(now),
        type="flow",
        flow=flow["_id"],
        integration=flow.get("_integrationId"),
        created=now,
        starts=starts,
        ends=starts + knobs.job_duration,
        errors=outcome if isinstance(outcome, int) else 0,
        fails=outcome == "failed",
        step=export,
    )


def _child(world: World, job: Job, kind: str, step: str) -> Job:
    errors = job.errors if kind == "import" else 0
    return replace(job, id=world.mint(job.created), type=kind, errors=errors, parent=job.id, step=step)


def _outcome(knobs: Knobs, flow: Document) -> int | str:
    keys = (flow["_id"], str(flow.get("_integrationId")), "*")
    return next((knobs.job_outcome[key] for key in keys if key in knobs.job_outcome), 0)


def latest(call: Call) -> Answer:
    """Answer with the jobs of the flow's latest run, one per page generator."""
    flow = call.found()
    jobs = [job for job in call.account.jobs_of_flow.get(flow["_id"], ()) if job.type == "flow"]
    newest = [job for job in jobs if job.created == jobs[-1].created]
    return _rows(call, newest)


def read(call: Call) -> Answer:
    """Answer with one job."""
    return Answer(status=200, body=_view(_found(call), call.now))


def family(call: Call) -> Answer:
    """Answer with one job and its children."""
    job = _found(call)
    children = [_view(child, call.now) for child in _family(call, job) if child is not job]
    return Answer(status=200, body={**_view(job, call.now), "children": children})


def cancel(call: Call) -> Answer:
    """End a job that has not ended yet, and its children."""
    job = _found(call)
    if job.status(call.now) not in ("queued", "running"):
        raise Refused(422, "invalid_field", "the job has ended already", "status")
    for member in _family(call, job):
        member.canceled = call.now
    call.note("cancel", resource="jobs", id=job.id)
    return Answer(status=200, body=_view(job, call.now))


def list_jobs(call: Call) -> Answer:
    """Answer with at most 1,001 jobs, newest first, of what the query asks for; without a scope it is refused."""
    scopes = {name: call.query[name] for name in SCOPES if name in call.query}
    if not scopes:
        raise Refused(400, "invalid_query", f"one of {', '.join(SCOPES)} is needed")
    flow = scopes.get("_flowId")
    jobs: Iterable[Job] = call.account.jobs.values() if flow is None else call.account.jobs_of_flow.get(flow, ())
    wanted = [
        job for job in jobs if all(SCOPES[name](job) == value for name, value in scopes.items()) and _asked(call, job)
    ]
    return _rows(call, wanted[::-1][:MOST])


def _asked(call: Call, job: Job) -> bool:
    query = call.query
    return (
        query.get("type", job.type) == job.type
        and ("status" not in query or query["status"] == job.status(call.now))
        and ("createdAt_gte" not in query or iso(job.created) >= _stamp(call, "createdAt_gte"))
        and ("createdAt_lte" not in query or iso(job.created) <= _stamp(call, "createdAt_lte"))
    )


def _stamp(call: Call, name: str) -> str:
    """Read a time in any ISO form to compare it at the milliseconds that jobs show."""
    try:
        return iso(datetime.fromisoformat(call.query[name]).timestamp())
    except ValueError:
        raise Refused(400, "invalid_query_params", f"{name} must be an ISO time", name) from None


def _found(call: Call) -> Job:
    if call.id not in call.account.jobs:
        raise Refused(404, "resource_not_found", f"job {call.id} not found")
    return call.account.jobs[call.id]


def _family(call: Call, job: Job) -> list[Job]:
    return [member for member in call.account.jobs_of_flow[job.flow] if job.id in (member.id, member.parent)]


def _rows(call: Call, jobs: list[Job]) -> Answer:
    return Answer(status=200, body=[_view(job, call.now) for job in jobs]) if jobs else Answer(status=204)


def _view(job: Job, now: float) -> Document:
    status = job.status(now)
    view = {
        "_id": job.id,
        "type": job.type,
        "status": status,
        "_flowId": job.flow,
        "_integrationId": job.integration,
        "createdAt": iso(job.created),
        "lastModified": iso(max(job.created, min(now, job.ends))),
        **_counts(job, now),
    }
    if job.type != "flow":
        view |= {"_flowJobId": job.parent, f"_{job.type}Id": job.step}
    if status not in ("queued", "canceled"):
        view["startedAt"] = iso(job.starts)
    if status not in ("queued", "running"):
        view["endedAt"] = iso(job.ends if job.canceled is None else job.canceled)
    return view


def _counts(job: Job, now: float) -> Document:
    ended = job.status(now) in ("completed", "failed")
    done = RECORDS if ended else 0
    errors = job.errors if ended else 0
    return {
        "numExport": done,
        "numSuccess": max(0, done - errors) if not job.fails else 0,
        "numError": errors,
        "numOpenError": errors,
        "numResolved": 0,
        "numIgnore": 0,
        "numPagesGenerated": int(ended),
        "numPagesProcessed": int(ended),
        "doneExporting": ended,
    }
