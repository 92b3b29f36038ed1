"""Run a tenant's flow at most once, and follow the jobs that the run made."""

from collections.abc import Iterable

from deployer.domain.command import typed
from deployer.domain.deployment import Deployment
from deployer.domain.documents import Document, Json
from deployer.domain.jobs import Started, ended, errors, judge_run, trouble, unseen
from deployer.domain.lifecycle import BIRTHS, Event, StepKind
from deployer.domain.polling import durations, until_next_look
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.result import Later, Moved, Result, look_again, not_done, unread
from deployer.integrator.wire import Done, NotSent, Outcome, Refused, Unknown

_LAST_LOOK = 0.5  # seconds after the run's timeout


async def begin_run(desk: Desk, case: Case) -> Result:
    """Note the jobs that are there already, intend, and start the flow."""
    flow = case.deployment.flow or ""
    listing = await desk.client.latest_jobs(flow)
    if not isinstance(listing, Done):
        return await unread(desk, case, listing, wait=0.0)
    desk.took.extend(durations(listing.value))  # those of the last run
    seen: list[Json] = [job["_id"] for job in listing.value]
    fresh = not seen and _is_ours_alone(case.deployment)

    async def stamp() -> float:
        return await case.intend({"seen": seen, "fresh": fresh})

    match await desk.client.run(flow, {}, stamp=stamp):
        case Done(job):
            case.tell(Event.SUCCEED, {"job": job})
        case Refused() | NotSent() | Unknown() as outcome:
            return await not_done(desk, case, outcome)
    return Moved(case.deployment)


def _is_ours_alone(deployment: Deployment) -> bool:
    """Tell whether nothing but us starts the flow: it was made here, and the platform has no schedule for it."""
    return deployment.steps[0].kind in BIRTHS and deployment.planned.fields.get(("schedule",)) is None


async def recover_run(desk: Desk, case: Case, wait: float) -> Result:
    """Find out whether a run started; where that cannot be known, a person is asked and nothing is started again."""
    listing = await desk.client.latest_jobs(case.deployment.flow or "")
    if not isinstance(listing, Done):
        return await unread(desk, case, listing, wait=wait)
    facts = case.step.facts
    new = unseen(listing.value, _ids(facts.get("seen")))
    match judge_run(new, fresh=facts.get("fresh") is True, generators=desk.planned.generators):
        case Started.YES:
            case.tell(Event.FOUND, {"job": new[0]})
        case Started.NO if wait > 0:
            return look_again(case, desk, wait, "making sure the first run has not started")
        case Started.NO if desk.settings.run.mode == "reconcile":
            case.tell(Event.ABSENT)
        case Started.NO:
            case.tell(Event.UNDECIDABLE, _undecided(case, "no job of it is there", ()))
        case Started.UNDECIDABLE:
            case.tell(Event.UNDECIDABLE, _undecided(case, f"job {', '.join(new)} may be it or another's", new))
    return Moved(case.deployment)


def _undecided(case: Case, seen: str, jobs: Iterable[str]) -> Document:
    tenant = case.deployment.planned.tenant
    text = f"the answer to the run was lost, and it cannot be known whether it started: {seen}"
    told = failure("run_undecided", text, f"{typed('resolve', tenant)} --took JOB, or --retry, or --skip")
    return {"doubtful": list(jobs), **told}


def _ids(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


async def begin_follow(desk: Desk, case: Case) -> Result:
    """Take note that jobs are being followed, and look at them first when they may have ended."""
    await case.intend({})
    return Later(case.deployment, until_next_look(0.0, desk.took), "the run has just begun")


async def follow(desk: Desk, case: Case) -> Result:
    """Look at the run's jobs once: as many as the flow has page generators."""
    found = await _jobs(desk, case.deployment)
    if not isinstance(found, Done):
        return await _unfollowed(desk, case, found)
    jobs = found.value
    facts: Document = {"jobs": [job["_id"] for job in jobs], "errors": errors(jobs)}
    if not ended(jobs):
        return _poll(desk, case, f"{len(jobs)} job(s) still going")
    desk.took.extend(durations(jobs))
    wrong = trouble(jobs, desk.settings.run.max_errors)
    if wrong:
        case.tell(Event.REFUSE, {**facts, **failure("run_failed", wrong, "open the flow's errors in integrator.io")})
    else:
        case.tell(Event.SUCCEED, facts)
    return Moved(case.deployment)


async def _jobs(desk: Desk, deployment: Deployment) -> Outcome[tuple[Document, ...]]:
    run = next(step for step in deployment.steps if step.kind is StepKind.RUN)
    ours = str(run.facts["job"])
    listing = await desk.client.latest_jobs(deployment.flow or "", poll=True)
    if not isinstance(listing, Done):
        return listing
    by_id = {str(job["_id"]): job for job in listing.value}
    siblings = [by_id[job] for job in unseen(listing.value, [*_ids(run.facts.get("seen")), ours])]
    if ours not in by_id:  # a later run has taken the list over
        job = await desk.client.job(ours)
        return Done((job.value,), job.status) if isinstance(job, Done) else job
    return Done((by_id[ours], *siblings[: desk.planned.generators - 1]), listing.status)


async def _unfollowed(desk: Desk, case: Case, outcome: Refused | Unknown | NotSent) -> Result:
    """Leave a job that vanished to a person, and ask an API that does not answer again."""
    if isinstance(outcome, Refused):
        return await unread(desk, case, outcome, wait=0.0)
    return _poll(desk, case, outcome.reason)


def _poll(desk: Desk, case: Case, why: str) -> Result:
    """Look again when the run may have ended, until its timeout is over."""
    intent = case.step.intent
    elapsed = desk.clock.moment().at - intent.at if intent else 0.0
    limit = desk.settings.run.timeout
    if elapsed > limit:
        remedy = "follow on with resume --failed, or raise run.timeout"
        case.tell(Event.REFUSE, failure("run_timeout", f"not ended after {limit:g} s: {why}", remedy))
        return Moved(case.deployment)
    return Later(case.deployment, min(until_next_look(elapsed, desk.took), limit - elapsed + _LAST_LOOK), why)
