"""Execute a rollout: claim, decide, perform, record, until every tenant rests. Starting and resuming are the same."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeAlias

import anyio
from anyio.abc import TaskGroup

from deployer.domain.deployment import OPEN, Deployment, Step
from deployer.domain.instructions import Standing
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.moves import Rest, next_move
from deployer.domain.waves import Wave
from deployer.engine.admission import Admission
from deployer.engine.agenda import Agenda
from deployer.engine.control import leave_out
from deployer.engine.desk import Desk
from deployer.engine.perform import perform
from deployer.engine.result import Down, Later, Moved

EVERYBODY = 3  # tenants in a row that fail alike, before any succeeds, until the account is thought to be at fault
DRAIN = 30.0  # seconds that calls in flight are given once a stop was asked for
_BROKEN = frozenset({State.FAILED, State.UNKNOWN})


class Watcher(Protocol):
    """Who looks on while a rollout goes."""

    def taken(self, deployment: Deployment) -> None:
        """See a deployment taken up by whoever calls: what is sent from there on is for it."""

    def moved(self, before: Deployment, after: Deployment) -> None:
        """See a deployment move."""

    def waiting(self, deployment: Deployment, seconds: float, why: str) -> None:
        """See a deployment wait, for `seconds` at most, until something is decided."""

    def held(self, account: str, seconds: float, why: str) -> None:
        """See an account wait before it begins."""

    def halted(self, account: str, cause: str) -> None:
        """See an account stop."""

    def wave(self, event: str, number: int, wave: Wave, **more: str | float) -> None:
        """See a wave start, bake, wait for a person, be released or halted."""


class Stop:
    """The request to start nothing new. What is in flight gets `DRAIN` seconds."""

    def __init__(self) -> None:
        self.asked = False
        self._asked = anyio.Event()

    def ask(self) -> None:
        """Ask for the stop."""
        self.asked = True
        self._asked.set()

    async def wait(self) -> None:
        """Return when somebody asked."""
        await self._asked.wait()


Failures: TypeAlias = dict[StepKind, deque[str]]
"""The codes with which the latest tenants of an account failed, by kind of step."""


@dataclass(frozen=True, slots=True)
class Delay:
    """For how many seconds nothing is begun, and why: what others did may not show yet."""

    seconds: float = 0.0
    why: str = ""


@dataclass(slots=True)
class AccountRun:
    """One account of a rollout while it is executed. `halted` says why it stopped.

    `hold` is for how long nothing is begun, and none once that is over; `ahead` is how many deployments are read from
    the journal at a time. All accounts of a `wave` share its `admission`; all waves of an account its `failures`.
    """

    desk: Desk
    rollout: str
    watcher: Watcher
    stop: Stop
    settle_only: bool = False
    ahead: int = 64
    hold: Delay = field(default_factory=Delay)
    wave: int = 0
    admission: Admission = field(default_factory=Admission)
    said: Callable[[], Standing] = Standing
    failures: Failures = field(default_factory=dict)
    halted: str | None = None
    _succeeded: set[StepKind] = field(default_factory=set)
    _workers: int = 1
    _arriving: bool = True  # a worker was hired and has not begun

    async def go(self) -> None:
        """Work until nothing is left, the account halts, or a stop is asked for."""
        agenda = Agenda(
            self.desk.journal,
            self.rollout,
            self.desk.account.name,
            self.desk.clock,
            ahead=self.ahead,
            wave=self.wave,
            admission=self.admission,
        )
        async with anyio.create_task_group() as group:
            group.start_soon(self._heed, agenda, group.cancel_scope)
            await self._hold()
            async with anyio.create_task_group() as workers:
                hire = partial(self._hire, workers, agenda)
                with self.desk.account.limiter.telling(hire):
                    workers.start_soon(self._work, agenda, hire)
                    await agenda.ended()
            group.cancel_scope.cancel()

    async def _hold(self) -> None:
        if not self.hold.seconds:
            return
        self.watcher.held(self.desk.account.name, self.hold.seconds, self.hold.why)
        with anyio.move_on_after(self.hold.seconds):
            await self.stop.wait()
            return
        self.hold = Delay()

    async def _heed(self, agenda: Agenda, scope: anyio.CancelScope) -> None:
        await self.stop.wait()
        agenda.close()
        scope.deadline = anyio.current_time() + DRAIN
        await anyio.sleep_forever()

    def _hire(self, workers: TaskGroup, agenda: Agenda) -> None:
        """Let one more worker begin, where that would help."""
        limiter = self.desk.account.limiter
        free = self._arriving or agenda.idle or agenda.is_closed
        if limiter.may_have_more(self._workers) and limiter.wants_more and not free:
            self._workers += 1
            self._arriving = True
            workers.start_soon(self._work, agenda, partial(self._hire, workers, agenda))

    async def _work(self, agenda: Agenda, hire: Callable[[], None]) -> None:
        """Take one deployment after the other; whoever finds work hires the next."""
        while deployment := await agenda.next():
            self._arriving = False
            hire()
            await self._drive(self._unless_excluded(deployment), agenda)

    def _unless_excluded(self, deployment: Deployment) -> Deployment:
        """Return a deployment, cancelled where somebody excluded its tenant before it began."""
        if deployment.is_begun or deployment.planned.tenant not in self.said().excluded:
            return deployment
        left_out = leave_out(self.desk.journal, self.desk.clock, deployment)
        self.watcher.moved(deployment, left_out)
        return left_out

    async def _drive(self, deployment: Deployment, agenda: Agenda) -> None:
        """Move a deployment until it rests, has to wait, or the account stops."""
        self.watcher.taken(deployment)
        was_open = deployment.status in OPEN  # one that failed before is counted already
        while not self.stop.asked and not self.halted:
            now = self.desk.clock.moment()
            move = next_move(deployment, now, self.desk.settings.safety, settle_only=self.settle_only)
            if isinstance(move, Rest):
                break
            result = await perform(self.desk, deployment, move)
            self.watcher.moved(deployment, result.deployment)
            match result:
                case Moved(deployment):
                    await self._tally(deployment, deployment.steps[move.index])
                case Later(deployment, seconds, why, left):
                    if left is not None:
                        self.watcher.waiting(deployment, left, why)
                    agenda.put_aside(deployment, seconds)
                    return
                case Down(deployment, cause):
                    self._halt(cause)
        if self.halted:
            agenda.close()
        agenda.rest()
        self.admission.rested(deployment, anew=was_open)

    async def _tally(self, deployment: Deployment, step: Step) -> None:
        """Take tenants that fail alike in a step that nobody has done yet for the account's or the template's fault."""
        if step.state is State.DONE:
            self._succeeded.add(step.kind)
        elif step.state in _BROKEN and deployment.error and not step.facts.get("stale"):
            failures = self.failures.setdefault(step.kind, deque(maxlen=EVERYBODY))
            failures.append(str(deployment.error["code"]))
            alike = len(failures) == EVERYBODY and len(set(failures)) == 1
            if alike and not await self._anybody_did(step.kind):
                self._halt(f"the first {EVERYBODY} tenants all fail to {step.kind} with {failures[0]}")

    async def _anybody_did(self, kind: StepKind) -> bool:
        """Tell whether a step of a kind was done here, now or before this process began."""
        if kind not in self._succeeded and await self.desk.journal.has_done(self.rollout, self.desk.account.name, kind):
            self._succeeded.add(kind)
        return kind in self._succeeded

    def _halt(self, cause: str) -> None:
        if not self.halted:
            self.halted = cause
            if self.admission.is_bounded:  # a wave that lacks an account cannot end well
                self.admission.close()
            self.watcher.halted(self.desk.account.name, cause)


async def execute(runs: Mapping[str, AccountRun]) -> None:
    """Execute every account side by side; an account that halts stops no other."""
    async with anyio.create_task_group() as group:
        for run in runs.values():
            group.start_soon(run.go)
