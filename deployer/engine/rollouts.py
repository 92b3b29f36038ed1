"""Rollouts from their plan to their end: begin, carry out, try again, resolve."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TypeAlias

from deployer.domain.deployment import Deployment, Status, Step
from deployer.domain.documents import Document
from deployer.domain.instructions import Standing
from deployer.domain.lifecycle import Event, State
from deployer.domain.manifest import Safety
from deployer.domain.template import Template
from deployer.engine.accounts import OpenAccount
from deployer.engine.clock import Clock
from deployer.engine.control import cancel
from deployer.engine.execute import Stop, Watcher
from deployer.engine.keeping import Leases, begin_work, demand_kept, held, locked
from deployer.engine.plans import SavedPlan
from deployer.engine.whoever import whoever
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Entry, Journal, Rollout

SUPERSEDED = "superseded"
UNFINISHED = frozenset({"running", "halted", "waiting", "paused"})

Tell: TypeAlias = Callable[[Rollout, Mapping[Status, int]], Awaitable[None]]
"""Tells whoever is to know how a rollout ends, with its tenants by status."""


@dataclass(frozen=True, slots=True)
class Crew:
    """What a rollout is carried out with. `locks` is a directory of the user's: one lock an account, for any journal.

    `rescue` is told the tenant and the flow that the journal could not be told of; `safety` is what the clients now
    keep to; `said` is what people said so far.
    """

    journal: Journal
    clock: Clock
    watcher: Watcher
    stop: Stop
    rescue: Callable[[str, str], None]
    locks: Path
    safety: Safety
    said: Callable[[], Standing]
    name: str  # of the journal, for whoever finds an account's lock left by a deployer that died
    manifest: str  # as a person types it

    @asynccontextmanager
    async def holding(self, accounts: Collection[OpenAccount]) -> AsyncIterator[Leases]:
        """Hold every account and count one more work before anything is sent.

        Raise GuardError where the journal is not the one that worked here last.
        """
        shared, moment = self.journal.is_shared, self.clock.moment
        with locked(self.locks, self.name, accounts, shared=shared, moment=moment) as leases:
            await demand_kept(self.journal, self.name, accounts, locks=self.locks, manifest=self.manifest)
            async with held(self.journal, accounts, self.clock.moment().boot):
                await begin_work(self.journal, self.name, leases)
                yield leases


async def begin(
    journal: Journal,
    clock: Clock,
    saved: SavedPlan,
    *,
    kind: str,
    id_: str,
    revisions: Collection[Template] = (),
) -> Rollout:
    """Write a plan as a rollout, with what it only has to remember; nothing is sent yet.

    Raise JournalError where there is a rollout of its id.
    """
    plan, now = saved.plan, clock.utc()
    rollout = Rollout(
        id=id_,
        name=plan.name,
        kind=kind,
        plan=saved.digest,
        manifest_digest=plan.manifest_digest,
        tenants_digest=plan.tenants_digest,
        outcome="running",
        reason="",
        who=whoever(),
        started_at=now,
    )
    await journal.begin(rollout, plan, revisions)
    return rollout


def new_id(name: str, clock: Clock, chance: Random) -> str:
    """Return the id of a rollout to come."""
    stamp = clock.utc()[:19].replace("-", "").replace(":", "")
    return f"{name}-{stamp}-{chance.getrandbits(16):04x}"


async def is_settled(journal: Journal, rollout: Rollout) -> bool:
    """Tell whether no call of a rollout is in doubt."""
    async for deployment in every_deployment(journal, rollout.id):
        if deployment.in_doubt:
            return False
    return True


async def nobody(rollout: Rollout, counts: Mapping[Status, int]) -> None:
    """Tell nobody."""


async def abort(journal: Journal, clock: Clock, rollout: Rollout, who: str, *, tell: Tell = nobody) -> bool:
    """End a rollout where it stands: what has not begun is cancelled; tell whether that could be: none is in doubt."""
    if not await is_settled(journal, rollout):
        return False
    async for deployment in every_deployment(journal, rollout.id):
        cancel(journal, clock, deployment)
    await leave(journal, clock, replace(rollout, outcome="aborted", reason=f"by {who}"), tell=tell)
    return True


async def leave(journal: Journal, clock: Clock, rollout: Rollout, *, tell: Tell) -> None:
    """Write that somebody ended a rollout, as it says, after telling whoever is to know."""
    await tell(rollout, await journal.counts(rollout.id))
    await journal.conclude(rollout.id, outcome=rollout.outcome, reason=rollout.reason, ended_at=clock.utc())


async def retry_failed(journal: Journal, clock: Clock, rollout: Rollout) -> int:
    """Make every failed step of a rollout ready again, and have those looked at again that could not be read.

    Return how many.
    """
    return await _decide(journal, clock, rollout, _again)


async def look_at_unread(journal: Journal, clock: Clock, rollout: Rollout) -> int:
    """Have every step looked at again that could not be read; return how many."""
    return await _decide(journal, clock, rollout, lambda step: Event.LOOK if is_unread(step) else None)


def is_unread(step: Step) -> bool:
    """Tell whether a person waits only since what became of a call could not be read."""
    return step.state is State.UNKNOWN and step.facts.get("unread") is True


async def _decide(journal: Journal, clock: Clock, rollout: Rollout, rule: Callable[[Step], Event | None]) -> int:
    count = 0
    async for deployment in every_deployment(journal, rollout.id, troubled=True):
        for index, step in enumerate(deployment.steps):
            if event := rule(step):
                journal.note(decided(clock, deployment, index, event))
                count += 1
    return count


def _again(step: Step) -> Event | None:
    """Return what trying again means for a step; nothing where a person has to decide."""
    match step.state:
        case State.FAILED:
            return Event.RETRY
        case State.UNKNOWN if is_unread(step):
            return Event.LOOK
        case _:
            return None


def decided(clock: Clock, deployment: Deployment, index: int, event: Event, facts: Document | None = None) -> Entry:
    """Return the entry of what a person decided about a step: what was wrong with it is wrong no more."""
    step = deployment.steps[index]
    cleared: Document = {"error": None, "stale": False, "unread": False, "cleared": step.facts.get("doubtful") or []}
    added = {**cleared, **(facts or {}), "who": whoever()}
    after = step.meet(event, added)
    if event is Event.RETRY:
        after = replace(after, attempts=0, intent=None)
    return Entry(deployment, index, event, after, clock.utc(), added)
