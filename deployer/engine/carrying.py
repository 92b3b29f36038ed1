"""Carry a rollout out, wave by wave: nobody of the next one begins before the gate after the last is released."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import anyio

from deployer.domain.checks import Finding, Verdict
from deployer.domain.command import typed
from deployer.domain.deployment import Status
from deployer.domain.gate import Gate, GateState, Halt, Hold, Wait, gate_move
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.manifest import Manifest
from deployer.domain.moves import settle_time
from deployer.domain.plan import Plan
from deployer.domain.rebuilding import unlisted
from deployer.domain.waves import Wave, titled
from deployer.engine.accounts import Accounts
from deployer.engine.admission import Admission
from deployer.engine.checking import Checking
from deployer.engine.clock import Clock
from deployer.engine.desk import Desk, failure
from deployer.engine.execute import AccountRun, Delay, Failures, execute
from deployer.engine.keeping import Leases
from deployer.engine.premises import frozen, halted_before
from deployer.engine.rollouts import Crew
from deployer.engine.sampling import sampled
from deployer.engine.templates import changed_templates
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Entry, Journal, Rollout

_DIED: Final = "another journal's deployer died here; making sure that no call of it is still on its way"
_ENDED: Final = "another journal's deployer has only just ended here; waiting until lists show what it made"


@dataclass(frozen=True, slots=True)
class Ending:
    """How far a rollout came: `halted` says why accounts or waves stopped.

    `waiting` names the wave that waits for approval, `held` says what could not be told to be well; `gate` is the wave
    whose gate was come to last.
    """

    halted: dict[str, str]
    waiting: str = ""
    held: str = ""
    gate: str = ""


async def carry_out(crew: Crew, rollout: Rollout, accounts: Accounts, *, settle_only: bool = False) -> Ending:
    """Move every tenant as far as it goes. With `settle_only` nothing new is begun.

    Raise GuardError where the journal is not the one that worked here last.
    """
    async with crew.holding(accounts.opened.values()) as leases:
        return await carry_held(crew, rollout, accounts, leases, settle_only=settle_only)


async def carry_held(crew: Crew, rollout: Rollout, accounts: Accounts, leases: Leases, *, settle_only: bool) -> Ending:
    """Do the same with accounts that are held already, and a journal that is known to be the one."""
    plan = await crew.journal.plan(rollout.id)
    carrying = _Carrying(crew, rollout.id, plan, frozen(plan, crew.safety), accounts, rollout.kind, settle_only)
    with sampled(crew.journal, crew.clock, rollout.id, accounts.opened):
        await carrying.go(leases)
    sure = not await crew.journal.unsettled()
    for name, account in accounts.opened.items():
        lease = leases[account.identity]
        lease.settled &= sure and (not lease.dead or carrying.holds.get(name) == Delay())
    return Ending(carrying.halted, carrying.waiting, carrying.held, carrying.gate)


Spread: TypeAlias = Callable[[int, Collection[str], bool], Awaitable[Mapping[str, str]]]
"""Has others move the tenants of a wave in some accounts as far as they go, those alone that have begun if it is over.

Returns why accounts stopped before that.
"""


async def conduct(crew: Crew, rollout: Rollout, accounts: Accounts, spread: Spread) -> Ending:
    """Go through the waves and gates of a rollout, and leave its tenants to whoever has an account."""
    plan = await crew.journal.plan(rollout.id)
    carrying = _Carrying(crew, rollout.id, plan, frozen(plan, crew.safety), accounts, rollout.kind, spread=spread)
    await carrying.go({})
    return Ending(carrying.halted, carrying.waiting, carrying.held, carrying.gate)


@dataclass(frozen=True, slots=True)
class Part:
    """What one account has of a wave; where the wave is over, nobody new begins."""

    wave: int
    account: str
    is_over: bool = False


async def carry_part(crew: Crew, rollout: Rollout, accounts: Accounts, *, part: Part) -> Ending:
    """Move the tenants that one account, the only one that is open, has in a wave, as far as they go."""
    async with crew.holding(accounts.opened.values()) as leases:
        plan = await crew.journal.plan(rollout.id)
        settings = frozen(plan, crew.safety)
        carrying = _Carrying(crew, rollout.id, plan, settings, accounts, rollout.kind)
        with sampled(crew.journal, crew.clock, rollout.id, accounts.opened):
            await carrying.part(part, leases)
        return Ending(carrying.halted)


@dataclass(slots=True)
class _Carrying:
    """A rollout while it is carried out. `holds` are how long each account has to wait before it begins anything.

    Without `spread` its tenants are moved here.
    """

    crew: Crew
    rollout: str
    plan: Plan
    settings: Manifest
    accounts: Accounts
    kind: str
    settle_only: bool = False
    spread: Spread | None = None
    halted: dict[str, str] = field(default_factory=dict)
    waiting: str = ""
    held: str = ""
    gate: str = ""
    holds: dict[str, Delay] = field(default_factory=dict)
    failures: dict[str, Failures] = field(default_factory=dict)

    async def go(self, leases: Leases) -> None:
        """Go through the waves until one does not let the next begin."""
        for name, cause in halted_before(self.plan, self.accounts).items():
            self._halt(name, cause)
        for name in self.plan.accounts:  # in their order, so that a rollout that is repeated goes as the first did
            if name not in self.halted:
                self._hold(name, leases)
        if not self.plan.waves:
            await self._carry(0, Admission())
            return
        counts = await self.crew.journal.counts_by_wave(self.rollout)
        for number, wave in enumerate(self.plan.waves, 1):
            if not await self._wave(number, wave, counts[number]):
                break

    async def part(self, part: Part, leases: Leases) -> None:
        """Move what one account has of a wave."""
        cause = halted_before(self.plan, self.accounts).get(part.account)
        if cause:
            self._halt(part.account, cause)
            return
        self._hold(part.account, leases)
        admission = Admission()
        if part.wave:
            counts = (await self.crew.journal.counts_by_wave(self.rollout))[part.wave]
            admission = await self._admission(part.wave, self.plan.waves[part.wave - 1], counts)
        if part.is_over:
            admission.close()
        await self._carry(part.wave, admission)

    def _hold(self, name: str, leases: Leases) -> None:
        """Let an account wait that a deployer of another journal left with calls on their way, or only just now."""
        lease, safety = leases.get(self.accounts.opened[name].identity), self.settings.safety
        self.holds[name] = Delay()
        if lease and lease.dead:
            self.holds[name] = Delay(settle_time(StepKind.CLONE, safety), _DIED)
        elif lease and (seconds := unlisted(lease.left, self.crew.name, self.crew.clock.moment(), safety.lag)):
            self.holds[name] = Delay(seconds, _ENDED)

    async def _admission(self, number: int, wave: Wave, counts: Mapping[Status, int]) -> Admission:
        """Return who may begin in a wave that stands so far."""
        await self.crew.journal.seat(self.rollout, number)
        ask = partial(self.crew.journal.admit, wave=wave, strict=self.plan.strict)
        return Admission(wave, ask, failed=_failed(counts), shared=self.crew.journal.is_shared)

    async def _wave(self, number: int, wave: Wave, counts: Mapping[Status, int]) -> bool:
        """Carry a wave out that stands so far, and tell whether the next may begin."""
        watcher = self.crew.watcher
        admission = await self._admission(number, wave, counts)
        if counts[Status.PENDING] and number > 1 and self.kind == "apply":
            await self._halt_changed()
        if self.halted or self.settle_only:
            admission.close()
        if counts[Status.PENDING] and not admission.is_over:
            watcher.wave("started", number, wave)
        await self._carry(number, admission)
        if self.settle_only:
            return True
        if admission.is_broken:
            self._halt_wave(number, wave, f"{admission.failed} failed, {wave.tolerance} tolerated")
        if self.halted or self.crew.stop.asked:
            return False
        return number == len(self.plan.waves) or await self._is_released(number, wave)

    async def _halt_changed(self) -> None:
        """Halt accounts whose template changed since the plan: one rollout deploys one revision."""
        if self.settings.template.file is None:
            for name in await changed_templates(self.plan, self.accounts, None, self.holds):
                self._halt(name, "the template changed since the plan; leave the rollout with apply --supersede")

    async def _carry(self, number: int, admission: Admission) -> None:
        """Move the tenants of a wave in every account, here or by others."""
        if self.spread:
            self.halted |= await self.spread(number, list(self.holds), admission.is_over)
            if number:
                admission.failed = _failed((await self.crew.journal.counts_by_wave(self.rollout))[number])
            return
        ahead, runs = _ahead(len(self.plan.accounts)), {}
        for name, hold in self.holds.items():
            account, planned = self.accounts.opened[name], self.plan.accounts[name]
            crew, failures = self.crew, self.failures.setdefault(name, {})
            desk = Desk(account, planned, self.plan, self.settings, crew.journal, crew.clock, crew.rescue)
            where = (desk, self.rollout, crew.watcher, crew.stop, self.settle_only, ahead, hold)
            runs[name] = AccountRun(*where, number, admission, crew.said, failures)
        await execute(runs)
        for name, run in runs.items():
            self.holds[name] = run.hold
            if run.halted:
                self.halted[name] = run.halted

    async def _is_released(self, number: int, wave: Wave) -> bool:
        """Wait until the gate after a wave is open; tell False where it stays closed, or the wait is cut short."""
        crew, self.gate = self.crew, wave.name
        while True:
            before = (await crew.journal.gates(self.rollout)).get(number)
            finding = await self._checked(number, wave, before)
            if before is None:
                before = Gate(number, GateState.BAKING, crew.clock.utc())
                await crew.journal.set_gate(self.rollout, before)
            approval = crew.said().approved.get(wave.name)
            by = approval.who if approval else ""
            match gate_move(number, wave, before, finding, crew.clock.utc(), approved_by=by):
                case Gate() as gate:
                    return await self._set(gate, wave, anew=gate != before)
                case Halt(cause):
                    self._halt_wave(number, wave, cause)
                    return False
                case Hold(cause):
                    self.held = f"{titled(wave.name)} cannot be told to be well: {cause}"
                    return False
                case Wait(seconds):
                    crew.watcher.wave("baking", number, wave, seconds=round(seconds, 3))
                    with anyio.move_on_after(seconds):
                        await crew.stop.wait()
                        return False

    async def _checked(self, number: int, wave: Wave, gate: Gate | None) -> Finding:
        """Return what the checks of a wave come to, unless its gate is open already."""
        if not wave.checks or (gate and gate.state is GateState.RELEASED):
            return Finding(Verdict.PASS)
        folder = Path(self.crew.manifest).parent
        opened = {name: self.accounts.opened[name] for name in self.holds}
        return await Checking(self.crew.journal, opened, self.rollout, number, wave, folder).go()

    async def _set(self, gate: Gate, wave: Wave, *, anew: bool) -> bool:
        """Write a gate that is open, or waits for a person, and tell whether it is open."""
        is_open = gate.state is GateState.RELEASED
        if anew:
            await self.crew.journal.set_gate(self.rollout, gate)
        if anew or not is_open:  # whoever comes again is told what is waited for
            self.crew.watcher.wave(gate.state.value, gate.wave, wave)
        self.waiting = "" if is_open else wave.name
        return is_open

    def _halt_wave(self, number: int, wave: Wave, cause: str) -> None:
        self.halted[titled(wave.name)] = cause
        self.crew.watcher.wave("halted", number, wave, cause=cause)

    def _halt(self, name: str, cause: str) -> None:
        self.halted[name] = cause
        self.crew.watcher.halted(name, cause)


async def give_over(journal: Journal, clock: Clock, rollout: Rollout, accounts: Accounts) -> None:
    """Leave each call in doubt, of accounts that cannot be asked any more, to a person."""
    plan = await journal.plan(rollout.id)
    unreachable = halted_before(plan, accounts)
    async for deployment in every_deployment(journal, rollout.id):
        cause = unreachable.get(deployment.planned.account)
        for index, step in enumerate(deployment.steps):
            if cause and step.state is State.INTENDED:
                resolve = typed("resolve", deployment.planned.tenant)
                remedy = f"look at it, then: {resolve} --took ID, or --retry, or --skip"
                facts = failure("account_gone", f"its {step.kind} was never answered, and {cause}", remedy)
                left = step.meet(Event.UNDECIDABLE, facts)
                journal.note(Entry(deployment, index, Event.UNDECIDABLE, left, clock.utc(), facts))


def _failed(counts: Mapping[Status, int]) -> int:
    return counts[Status.FAILED] + counts[Status.UNKNOWN]


def _ahead(accounts: int) -> int:
    """Return how many deployments each of so many accounts reads ahead: hundreds of them must not fill the memory."""
    return max(8, min(64, 512 // accounts))
