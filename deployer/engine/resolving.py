"""What a person decides about a step that is UNKNOWN or FAILED, checked against the API where it can be."""

from dataclasses import replace
from enum import StrEnum

from deployer.domain.deployment import Deployment, Instance, Step
from deployer.domain.documents import Document
from deployer.domain.lifecycle import BIRTHS, Event, State, StepKind
from deployer.domain.manifest import Safety
from deployer.domain.moves import remaining, settle_time
from deployer.engine.accounts import Accounts
from deployer.engine.clock import Clock
from deployer.engine.observe import got
from deployer.engine.rollouts import decided
from deployer.errors import GuardError, UsageError
from deployer.journal.protocol import Journal

_OPEN_TO_PEOPLE = frozenset({State.UNKNOWN, State.FAILED})


class Decision(StrEnum):
    """What a person says of a call."""

    TOOK = "took"
    RETRY = "retry"
    SKIP = "skip"


_EVENTS = {Decision.TOOK: Event.CONFIRM, Decision.RETRY: Event.RETRY, Decision.SKIP: Event.SKIP}


def seconds_in_doubt(deployment: Deployment, clock: Clock, safety: Safety) -> float:
    """Return the seconds for which the call that a person is asked about may still be on its way."""
    step = next(step for step in deployment.steps if step.state in _OPEN_TO_PEOPLE)
    if step.state is not State.UNKNOWN or step.intent is None:
        return 0.0
    return remaining(step, clock.moment(), settle_time(step.kind, safety))


async def resolve(
    journal: Journal, clock: Clock, accounts: Accounts, deployment: Deployment, *, decision: Decision, took: str | None
) -> str:
    """Record a decision about the step that waits, and return it as a sentence."""
    index = next(index for index, step in enumerate(deployment.steps) if step.state in _OPEN_TO_PEOPLE)
    step, tenant = deployment.steps[index], deployment.planned.tenant
    facts = await _taken(accounts, deployment, step, took) if took else {}
    entry = decided(clock, deployment, index, _EVENTS[decision], facts)
    if took and step.kind in BIRTHS:
        planned = deployment.planned
        where = (planned.tenant, planned.account, planned.template, planned.integration)
        entry = replace(entry, instance=Instance(*where, flow=took, revision="", connections=planned.connections))
    await journal.record(entry)
    said = {Decision.TOOK: f"made {took}", Decision.RETRY: "is tried again", Decision.SKIP: "is skipped"}
    return f"{tenant}: its {step.kind} {said[decision]}"


async def _taken(accounts: Accounts, deployment: Deployment, step: Step, took: str) -> Document:
    """Return the facts of a flow or job that a person names, once it is seen to be the tenant's."""
    planned = deployment.planned
    account = accounts.opened.get(planned.account)
    if account is None:
        raise accounts.refused[planned.account]
    if step.kind in BIRTHS:
        flow = got(account, f"flow {took}", await account.client.flow(took))
        if took == planned.template or flow.get("_integrationId") != planned.integration:
            raise GuardError(f"flow {took} is not one of the tenant's integration {planned.integration}")
        return {"flow": took, "taken": True}
    if step.kind is StepKind.COPY:
        key = deployment.resource(deployment.steps.index(step)).key
        part = got(account, f"{key.kind} {took}", await account.client.resource(key.kind, took))
        if part.get("_sourceId") != key.source:
            raise GuardError(f"{key.kind} {took} is no copy of {key.kind} {key.source}")
        return {"resource": took}
    if step.kind is StepKind.RUN:
        job = got(account, f"job {took}", await account.client.job(took))
        if job.get("_flowId") != deployment.flow:
            raise GuardError(f"job {took} is not of the tenant's flow {deployment.flow}")
        return {"job": took}
    raise UsageError(f"--took names a flow, a copy or a job; a {step.kind} makes none", remedy="say --retry or --skip")
