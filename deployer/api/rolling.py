"""A rollout while it is carried out: an iterator of events, which can be stopped, and left at once."""

import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from json import dumps
from sys import stderr
from typing import TYPE_CHECKING, Self

import anyio

from deployer.api.budgets import budget_of
from deployer.api.freezing import frozen_now
from deployer.api.workplace import Workplace
from deployer.domain.deployment import Status
from deployer.domain.documents import Document
from deployer.domain.freeze import Thaw
from deployer.domain.instructions import Instruction, Standing, Verb
from deployer.domain.notify import Occasion, Stood, is_news, occasion_of
from deployer.domain.outcome import judge
from deployer.domain.waves import titled
from deployer.engine.accounts import Accounts
from deployer.engine.carrying import Ending, carry_out
from deployer.engine.control import Control, instruction_of, tidy
from deployer.engine.execute import DRAIN, Stop
from deployer.engine.narration import Narrator
from deployer.engine.rollouts import UNFINISHED, Crew
from deployer.journal.protocol import Rollout
from deployer.report.tally import Budget
from deployer.telemetry.events import Event
from deployer.telemetry.observing import Work as Seen

if TYPE_CHECKING:
    from deployer.api.notifying import Notifier

_LOOK = 0.25  # seconds between two looks at the calendar

__all__ = ["DRAIN", "Event", "Rolling", "Stop", "Work", "carried_out", "let_go_on", "sole", "worked"]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done of a rollout, and by whose word it stops; `concludes` is left out where others do more of it.

    With `settles` nothing new is begun. `stood` is how it stood before, where that is not what the journal says now.
    """

    carry: Callable[[Crew, Rollout, Accounts], Awaitable[Ending]]
    stop: Stop = field(default_factory=Stop)
    concludes: bool = True
    settles: bool = False
    stood: Stood | None = None


class Rolling:
    """A rollout that is being carried out. Iterate over it: it ends when every tenant rests or the work was stopped.

    `counts` are the tenants by status as it began; `ending` says why it went no further.
    """

    stopping = f"stopping: nothing new is started, what is in flight gets {DRAIN:g} s; again leaves at once"

    def __init__(self, place: Workplace, rollout: Rollout, counts: Mapping[Status, int], work: Work) -> None:
        self.rollout = rollout
        self.counts = counts
        self.ending = Ending({})
        self._place = place
        self._work = work
        self._stop = work.stop
        self._stood = work.stood or Stood(rollout.outcome, rollout.reason, counts)
        self._scope, self._telling = anyio.CancelScope(), anyio.CancelScope()
        self._told: deque[Event] = deque()
        self._news = anyio.Event()
        self._ended = False
        self._frozen = ""

    @property
    def budget(self) -> Budget:
        """Return what the accounts have sent, and may send."""
        return budget_of(self._place)

    def stop(self) -> None:
        """Start nothing new, and let what is in flight end, for 30 seconds at most."""
        self._stop.ask()

    def leave(self) -> None:
        """Leave at once; whatever is in flight is found again by the next apply."""
        self._scope.cancel()
        self._telling.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event."""
        while not self._told:
            if self._ended:
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        return self._told.popleft()

    async def work(self) -> None:
        """Carry the rollout out, and write how it ended."""
        rollout = self.rollout
        seen = Seen(rollout.id, rollout.name, rollout.kind, rollout.plan, self.counts)
        with self._place.office.observers.carrying(seen):
            await self._carry()

    async def _carry(self) -> None:
        place, rollout = self._place, self.rollout
        self._tell(place.tell("rollout.started", {"rollout": rollout.id, "plan": rollout.plan}))
        control = Control(place.control, place.journal, rollout.id, self._instructed)
        narrator = Narrator(place.clock, self._log_and_tell, place.office.observers.taken)
        crew = crew_of(place, self._stop, narrator, said=lambda: control.standing)
        try:
            notifier = await self._notifier()
            with self._scope:
                await control.know()
                async with anyio.create_task_group() as group:
                    group.start_soon(control.heed)
                    if place.loaded.manifest.freeze and rollout.kind != "rollback" and not self._work.settles:
                        group.start_soon(self._freeze, control)
                    self.ending = await self._work.carry(crew, rollout, place.accounts)
                    group.cancel_scope.cancel()
            await control.take()  # what was said meanwhile
            if self._work.concludes:
                outcome = await self._conclude(control.standing, notifier)
                self._tell(place.tell("rollout.ended", {"rollout": rollout.id, "outcome": outcome}))
            await control.take()  # and while that was written: a pause may be taken back
        finally:
            self._ended = True
            self._news.set()

    async def _freeze(self, control: Control) -> None:
        """Begin nothing more once a freeze holds that nobody has thawed."""
        while not self._frozen:
            freeze, thawed = frozen_now(self._place), control.standing.thawed
            if freeze and not (thawed and Thaw(thawed).covers(freeze)):
                self._frozen = freeze.said
                self._stop.ask()
            await anyio.sleep(_LOOK)

    def _instructed(self, said: Instruction) -> None:
        fields: Document = {"rollout": said.rollout, "verb": said.verb.value, "about": said.about, "who": said.who}
        self._tell(self._place.tell("rollout.instructed", fields))
        if said.verb is Verb.PAUSE:
            self._stop.ask()

    async def _notifier(self) -> "Notifier | None":
        """Return who is told how this ends, if anybody may be."""
        place, work = self._place, self._work
        if not place.loaded.manifest.notify or work.settles or not work.concludes:
            return None
        from deployer.api.notifying import notifier_of  # noqa: PLC0415 - not everybody has anybody to tell

        return await notifier_of(place.loaded, place.office, self._log_and_tell)

    async def _conclude(self, standing: Standing, notifier: "Notifier | None") -> str:
        """Write how the rollout stands now, after telling whoever is to know: who dies in between tells it again."""
        journal, rollout = self._place.journal, self.rollout.id
        halted, waiting = self.ending.halted, self.ending.waiting
        held = f"by {standing.paused.who}" if standing.paused else self.ending.held or self._frozen
        left = "halted" if halted else "paused" if held else "waiting" if waiting else "running"
        counts = await journal.counts(rollout)
        outcome = judge(counts, left=left)
        reasons = [f"{what}: {cause}" for what, cause in halted.items()]
        reasons += [held] if outcome == "paused" else []
        reasons += [f"{titled(waiting)} waits for approval"] if outcome == "waiting" else []
        reasons += [Thaw(standing.thawed).said] if standing.thawed else []
        reason = "; ".join(reasons)
        if notifier is not None:
            await self._notify(notifier, replace(self.rollout, outcome=outcome, reason=reason), counts, standing.told)
        ended_at = None if outcome in UNFINISHED else self._place.clock.utc()
        await journal.conclude(rollout, outcome=outcome, reason=reason, ended_at=ended_at)
        return outcome

    async def _notify(
        self, notifier: "Notifier", now: Rollout, counts: Mapping[Status, int], told: Collection[str]
    ) -> None:
        """Tell how the rollout stands now if that is news, and write down what people were asked."""
        place, ending = self._place, self.ending
        occasion, asked = occasion_of(now.outcome, held=bool(ending.held)), f"{now.outcome} {ending.gate}"
        changed = Stood(now.outcome, now.reason, counts) != self._stood
        if occasion is None or not is_news(occasion, asked, told, changed=changed):
            return
        from deployer.api.notifying import notice_of_rollout  # noqa: PLC0415 - as above

        at, manifest, wave = place.clock.utc(), str(place.loaded.path), ending.waiting
        notice = notice_of_rollout(now, counts, occasion=occasion, at=at, wave=wave, manifest=manifest)
        with self._telling:
            await notifier.tell(notice)
            if occasion is Occasion.WAITING:
                await place.journal.instruct(instruction_of(place.clock, now.id, Verb.TOLD, asked))

    def _log_and_tell(self, event: Event) -> None:
        self._place.office.tell(event)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self._told.append(event)
        self._news.set()


@asynccontextmanager
async def carried_out(
    place: Workplace, rollout: Rollout, *, settle_only: bool = False, despite: str | None = None
) -> AsyncIterator[Rolling]:
    """Carry a rollout out while the block runs, and write how it ended. Leaving the block early stops it.

    With `settle_only` nothing new is begun: what became of each call in doubt is found out. `despite` is why it goes on
    in a freeze.
    """
    place.accounts.demand_one()
    await tidy(place.control, place.journal)
    await let_go_on(place, rollout, despite=despite)
    work = Work(partial(carry_out, settle_only=settle_only), settles=settle_only)
    async with worked(place, rollout, work) as rolling:
        yield rolling


async def let_go_on(place: Workplace, rollout: Rollout, *, despite: str | None) -> None:
    """Take back a pause, and let a rollout go on in a freeze for a reason, if there is one."""
    if Standing.of(await place.journal.instructions(rollout.id)).paused:
        await place.journal.instruct(instruction_of(place.clock, rollout.id, Verb.RESUME))
    if despite and frozen_now(place):
        await place.journal.instruct(instruction_of(place.clock, rollout.id, Verb.THAW, despite))


@asynccontextmanager
async def worked(place: Workplace, rollout: Rollout, work: Work) -> AsyncIterator[Rolling]:
    """Do work on a rollout while the block runs. Leaving the block early stops it."""
    if work.concludes:
        await place.journal.conclude(rollout.id, outcome="running", reason="", ended_at=None)
    rolling = Rolling(place, rollout, await place.journal.counts(rollout.id), work)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(rolling.work)
            try:
                yield rolling
            finally:
                rolling.stop()
    except BaseExceptionGroup as several:
        if (one := sole(several)) is several:
            raise
        raise one  # noqa: B904 - it happened by itself: that tasks are a group concerns nobody


def sole(error: BaseException) -> BaseException:
    """Return the one error that a group holds, however deep, or the group of several."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def crew_of(place: Workplace, stop: Stop, narrator: Narrator, *, said: Callable[[], Standing] = Standing) -> Crew:
    """Return what a rollout of a workplace is carried out with."""
    return Crew(
        place.journal,
        place.clock,
        narrator,
        stop,
        lambda tenant, flow: _rescue(place, tenant, flow),
        place.locks,
        place.loaded.manifest.safety,
        said,
        place.journal_name,
        str(place.loaded.path),
    )


def _rescue(place: Workplace, tenant: str, flow: str) -> None:
    """Save what the journal could not be told, in every place that may still take it."""
    line = dumps({"tenant": tenant, "flow": flow})  # in ASCII, which every terminal and file takes
    with suppress(OSError):
        stderr.write(f"the journal cannot be written; keep this line: {line}\n")
    with suppress(OSError):
        place.home.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(place.home.folder / "emergency.jsonl", "a", encoding="ascii", opener=_own) as file:
            file.write(f"{line}\n")


def _own(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
