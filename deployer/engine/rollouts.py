"""Rollouts from their plan to their end: begin, carry out, try again, resolve."""

import getpass
import os
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from deployer.domain.command import typed
from deployer.domain.deployment import Deployment
from deployer.domain.documents import Document
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.manifest import Manifest, Safety
from deployer.domain.moves import settle_time
from deployer.domain.plan import Plan
from deployer.engine.accounts import OpenAccount
from deployer.engine.clock import Clock
from deployer.engine.desk import Desk, failure
from deployer.engine.execute import AccountRun, Stop, Watcher, execute
from deployer.engine.keeping import Leases, begin_work, demand_kept, locked
from deployer.engine.planning import Accounts
from deployer.engine.plans import SavedPlan
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Entry, Journal, Rollout

SUPERSEDED = "superseded"
UNFINISHED = frozenset({"running", "halted"})


@dataclass(frozen=True, slots=True)
class Crew:
    """What a rollout is carried out with. `locks` is a directory of the user's: one lock an account, for any journal.

    `rescue` is told the tenant and the flow that the journal could not be told of; `safety` is what the clients now
    keep to.
    """

    journal: Journal
    clock: Clock
    watcher: Watcher
    stop: Stop
    rescue: Callable[[str, str], None]
    locks: Path
    safety: Safety
    name: str  # of the journal, for whoever finds an account's lock left by a deployer that died
    manifest: str  # as a person types it

    @asynccontextmanager
    async def holding(self, accounts: Collection[OpenAccount]) -> AsyncIterator[Leases]:
        """Hold every account and count one more work before anything is sent.

        Raise GuardError where the journal is not the one that worked here last.
        """
        with locked(self.locks, self.name, accounts) as leases:
            demand_kept(await self.journal.work(), self.name, accounts, locks=self.locks, manifest=self.manifest)
            await begin_work(self.journal, self.name, leases)
            yield leases


async def begin(journal: Journal, clock: Clock, saved: SavedPlan, *, kind: str, chance: Random) -> Rollout:
    """Write a plan as a rollout, with what it only has to remember; nothing is sent yet."""
    plan, now = saved.plan, clock.utc()
    stamp = now[:19].replace("-", "").replace(":", "")
    rollout = Rollout(
        id=f"{plan.name}-{stamp}-{chance.getrandbits(16):04x}",
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
    await journal.begin(rollout, plan)
    return rollout


async def carry_out(crew: Crew, rollout: Rollout, accounts: Accounts, *, settle_only: bool = False) -> dict[str, str]:
    """Move every tenant as far as it goes; return why accounts halted. With `settle_only` nothing new is begun.

    Raise GuardError where the journal is not the one that worked here last.
    """
    async with crew.holding(accounts.opened.values()) as leases:
        return await carry_held(crew, rollout, accounts, leases, settle_only=settle_only)


async def carry_held(
    crew: Crew, rollout: Rollout, accounts: Accounts, leases: Leases, *, settle_only: bool
) -> dict[str, str]:
    """Do the same with accounts that are held already, and a journal that is known to be the one."""
    plan = await crew.journal.plan(rollout.id)
    halted = _halted_before(plan, accounts)
    for name, cause in halted.items():
        crew.watcher.halted(name, cause)
    settings = frozen(plan, crew.safety)
    runs: dict[str, AccountRun] = {}
    for name in plan.accounts.keys() - halted.keys():
        account, planned = accounts.opened[name], plan.accounts[name]
        desk = Desk(account, planned, plan, settings, crew.journal, crew.clock, crew.rescue)
        hold = settle_time(StepKind.CLONE, settings.safety) if leases[account.identity].dead else 0.0
        runs[name] = AccountRun(
            desk, rollout.id, crew.watcher, crew.stop, settle_only, _ahead(len(plan.accounts)), hold
        )
    await execute(runs)
    sure = not await crew.journal.unsettled()
    for name, account in accounts.opened.items():
        lease = leases[account.identity]
        lease.settled &= sure and (not lease.dead or (name in runs and not runs[name].hold))
    return halted | {name: run.halted for name, run in runs.items() if run.halted}


def _ahead(accounts: int) -> int:
    """Return how many deployments each of so many accounts reads ahead: hundreds of them must not fill the memory."""
    return max(8, min(64, 512 // accounts))


def _halted_before(plan: Plan, accounts: Accounts) -> dict[str, str]:
    """Return the planned accounts that cannot be worked on at all, and why."""
    halted: dict[str, str] = {}
    for name, planned in plan.accounts.items():
        account = accounts.opened.get(name)
        if name in accounts.refused:
            halted[name] = accounts.reasons[name]
        elif account is None:
            halted[name] = "it is not in the manifest any more"
        elif (account.base_url, account.user) != (planned.base_url, planned.user):
            halted[name] = f"the token is of user {account.user}; the plan was made for {planned.user}"
    return halted


def frozen(plan: Plan, safety: Safety) -> Manifest:
    """Return the manifest as it was planned, but waiting as long as the more patient of then and now demands."""
    settings = Manifest.model_validate({**plan.settings, "tenants": []})
    longest = {name: max(then, getattr(safety, name)) for name, then in settings.safety}
    return settings.model_copy(update={"safety": Safety.model_construct(**longest)})


async def give_over(journal: Journal, clock: Clock, rollout: Rollout, accounts: Accounts) -> None:
    """Leave each call in doubt, of accounts that cannot be asked any more, to a person."""
    plan = await journal.plan(rollout.id)
    unreachable = _halted_before(plan, accounts)
    async for deployment in every_deployment(journal, rollout.id):
        cause = unreachable.get(deployment.planned.account)
        for index, step in enumerate(deployment.steps):
            if cause and step.state is State.INTENDED:
                resolve = typed("resolve", deployment.planned.tenant)
                remedy = f"look at it, then: {resolve} --took ID, or --retry, or --skip"
                facts = failure("account_gone", f"its {step.kind} was never answered, and {cause}", remedy)
                left = step.meet(Event.UNDECIDABLE, facts)
                journal.note(Entry(deployment, index, Event.UNDECIDABLE, left, clock.utc(), facts))


async def retry_failed(journal: Journal, clock: Clock, rollout: Rollout) -> int:
    """Make every failed step of a rollout ready again; return how many."""
    count = 0
    async for deployment in every_deployment(journal, rollout.id, troubled=True):
        for index, step in enumerate(deployment.steps):
            if step.state is State.FAILED:
                journal.note(decided(clock, deployment, index, Event.RETRY))
                count += 1
    return count


def decided(clock: Clock, deployment: Deployment, index: int, event: Event, facts: Document | None = None) -> Entry:
    """Return the entry of what a person decided about a step: what was wrong with it is wrong no more."""
    step = deployment.steps[index]
    cleared: Document = {"error": None, "stale": False, "cleared": step.facts.get("doubtful") or []}
    added = {**cleared, **(facts or {}), "who": whoever()}
    after = step.meet(event, added)
    if event is Event.RETRY:
        after = replace(after, attempts=0, intent=None)
    return Entry(deployment, index, event, after, clock.utc(), added)


def whoever() -> str:
    """Return who is at work, and where; in a container the user may have no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
