"""A rollout that workers carry out, as somebody sees it who only reads the journal."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import anyio

from deployer.api.workplace import Rollout, Workplace
from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.gate import Gate
from deployer.domain.lifecycle import State
from deployer.journal.postgres import PostgresJournal
from deployer.report.tally import Budget
from deployer.telemetry.events import Event
from deployer.workers.asked import Asked
from deployer.workers.queue import Queue, address_of, opened_queue
from deployer.workers.tasks import shared

_LOOK: Final = 0.5  # seconds between two looks
_SHARE: Final = 0.1  # of the time, at most, that tenants are counted in
_PATIENCE: Final = 10.0  # seconds between two looks for workers
_OVERLAP: Final = 1000  # numbers: those of writers that commit late are smaller than what was read already
_MOST: Final = 5 * _OVERLAP  # events that are read at a time: what is read again leaves room for what is new


@dataclass(frozen=True, slots=True)
class Begun:
    """The numbers of the newest event and sample when somebody began to look on."""

    event: int
    sample: int


class Following:
    """What happens to a rollout, as events, until it goes no further or somebody stops looking on."""

    stopping = "leaving: the workers go on without this; deployer pause stops them"

    def __init__(
        self, place: Workplace, queue: Queue, rollout: Rollout, counts: Mapping[Status, int], begun: Begun
    ) -> None:
        self.counts = counts
        self._queue = queue
        self._looked = self._next = anyio.current_time()
        self._deserted = False
        self._asked = Asked()
        self._place = place
        self._journal: PostgresJournal = shared(place.journal)
        self._rollout = rollout.id
        self._begun, self._after = begun, begun.event
        self._is_counted, self._count_at = True, 0.0
        self._rested: set[int] = set()
        self._since: dict[int, float] = {}  # when those that run were first seen to move
        self._sampled: set[int] = set()
        self._gates: Mapping[int, Gate] = {}
        self._told: deque[Event] = deque()
        self._stop = anyio.Event()
        self._ended = False

    @property
    def budget(self) -> Budget:
        """Return what the accounts were asked, as far as the workers wrote it down, and may be asked."""
        return self._asked.budget(anyio.current_time())

    def stop(self) -> None:
        """Look on no more; nobody else is stopped."""
        self._stop.set()

    leave = stop

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event."""
        while not self._told:
            if self._ended or self._stop.is_set():
                raise StopAsyncIteration
            with anyio.CancelScope(deadline=self._next):
                await self._stop.wait()
            self._next = anyio.current_time() + _LOOK
            [found] = await self._journal.rollouts(begins=self._rollout, limit=1)
            self._ended = found.outcome != "running"  # what happened before that is still told
            await self._look()
            await self._sample()
            await self._count()
            await self._look_for_workers()
        return self._told.popleft()

    async def _look(self) -> None:
        """See what happened since."""
        more = True
        while more:
            moved = await self._journal.moved(self._rollout, after=self._after - _OVERLAP, limit=_MOST)
            more = moved.more
            self._is_counted &= moved.latest <= self._after
            self._after = max(self._after, moved.latest)
            moving, now = {*moved.places} - self._rested, anyio.current_time()
            self._since = {**dict.fromkeys(moving, now), **self._since}
            for deployment in await self._journal.rested_at(self._rollout, sorted(moving)):
                self._see(deployment, now)
        for number, gate in (await self._journal.gates(self._rollout)).items():
            before = self._gates.get(number)
            if before is None or before.state is not gate.state:
                self._gates = {**self._gates, number: gate}
                await self._tell_gate(gate)

    async def _sample(self) -> None:
        """See which accounts somebody is at, and what they were asked since."""
        places = await self._queue.places(self._rollout)
        at_work = [account for account, status in places.items() if status == "doing"]
        self._asked.working(at_work, waiting=len(places) - len(at_work))
        after = max(self._begun.sample, max(self._sampled, default=0) - _OVERLAP)
        found = await self._journal.samples_after(self._rollout, after, limit=_MOST)
        self._asked.add((sample for number, sample in found if number not in self._sampled), anyio.current_time())
        self._sampled = {number for number, _ in found}

    async def _count(self) -> None:
        """Count the tenants anew where anything happened: at the end, and before that as often as is worth it."""
        begun = anyio.current_time()
        if not self._is_counted and (self._ended or begun >= self._count_at):
            counts = await self._journal.counts(self._rollout)
            self._is_counted = True
            self._count_at = begun + (anyio.current_time() - begun) / _SHARE
            self._tell("rollout.counted", {"counts": {status.value: count for status, count in counts.items()}})

    async def _look_for_workers(self) -> None:
        """Say once that no worker is left, as often as that happens: nothing goes on then, and nobody else would."""
        if anyio.current_time() - self._looked < _PATIENCE:
            return
        self._looked = anyio.current_time()
        deserted = not await self._queue.workers()
        if deserted and not self._deserted:
            fields: Document = {"rollout": self._rollout, "remedy": "start one: deployer worker"}
            self._told.append(self._place.tell("workers.gone", fields))
        self._deserted = deserted

    def _see(self, deployment: Deployment, now: float) -> None:
        if deployment.status in OPEN:
            return
        self._rested.add(deployment.place)
        seconds = now - self._since.pop(deployment.place)
        planned = deployment.planned
        who: Document = {"rollout": self._rollout, "tenant": planned.tenant, "account": planned.account}
        for step in (each for each in deployment.steps if each.state is not State.READY):
            state: Document = {"step": step.kind.value, "state": step.state.value, "attempt": step.attempts}
            self._tell("step.moved", {**who, **state, "was": Status.RUNNING.value, "status": Status.RUNNING.value})
        rest: Document = {"status": deployment.status.value, "flow": deployment.flow, "error": deployment.error}
        self._tell("tenant.rested", {**who, **rest, "seconds": round(seconds, 3) or None})

    async def _tell_gate(self, gate: Gate) -> None:
        wave = (await self._journal.plan(self._rollout)).waves[gate.wave - 1]
        self._tell(f"wave.{gate.state.value}", {"wave": gate.wave, "name": wave.name, "tenants": wave.size})

    def _tell(self, name: str, fields: Document) -> None:
        self._told.append(Event(name, self._place.clock.utc(), fields))


@asynccontextmanager
async def followed(place: Workplace, rollout: Rollout) -> AsyncIterator[Following]:
    """Look on while workers carry a rollout out, from when it was left to them."""
    journal = shared(place.journal)
    begun = Begun(await journal.latest_event(), await journal.latest_sample())
    async with opened_queue(address_of(place.home)) as queue:
        yield Following(place, queue, rollout, await journal.counts(rollout.id), begun)
