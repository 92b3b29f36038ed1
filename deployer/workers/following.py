"""A rollout that workers carry out, as somebody sees it who only reads the journal."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self

import anyio

from deployer.api.workplace import Rollout, Workplace
from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.gate import Gate
from deployer.journal.postgres import PostgresJournal
from deployer.report.tally import Budget
from deployer.telemetry.events import Event
from deployer.workers.queue import Queue, address_of, opened_queue
from deployer.workers.tasks import shared

_LOOK: Final = 0.5  # seconds between two looks
_PATIENCE: Final = 10.0  # seconds between two looks for workers
_OVERLAP: Final = 1000  # numbers: those of writers that commit late are smaller than what was read already
_MOST: Final = 2 * _OVERLAP  # events that are read at a time: what is read again leaves room for what is new
_UNSEEN: Final = Budget(0, 0, 0, 0.0, 0.0)  # what is sent, the workers know


class Following:
    """What happens to a rollout, as events, until it goes no further or somebody stops looking on."""

    stopping = "leaving: the workers go on without this; deployer pause stops them"

    def __init__(
        self, place: Workplace, queue: Queue, rollout: Rollout, counts: Mapping[Status, int], begun: int
    ) -> None:
        self.counts = counts
        self._queue = queue
        self._looked = anyio.current_time()
        self._deserted = False
        self.budget = _UNSEEN
        self._place = place
        self._journal: PostgresJournal = shared(place.journal)
        self._rollout = rollout.id
        self._after = begun
        self._known: deque[int] = deque(maxlen=2 * _MOST)
        self._rested: set[int] = set()
        self._gates: Mapping[int, Gate] = {}
        self._told: deque[Event] = deque()
        self._stop = anyio.Event()
        self._ended = False

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
            [found] = await self._journal.rollouts(begins=self._rollout, limit=1)
            self._ended = found.outcome != "running"  # what happened before that is still told
            await self._look()
            await self._look_for_workers()
            if not (self._told or self._ended):
                with anyio.move_on_after(_LOOK):
                    await self._stop.wait()
        return self._told.popleft()

    async def _look(self) -> None:
        """See what happened since."""
        moved = False
        while happened := [
            (number, place)
            for number, place in await self._journal.moved(self._rollout, after=self._after - _OVERLAP, limit=_MOST)
            if number not in self._known
        ]:
            moved = True
            self._known.extend(number for number, _ in happened)
            self._after = max(self._after, happened[-1][0])
            places = sorted({place for _, place in happened} - self._rested)
            for deployment in await self._journal.rested_at(self._rollout, places):
                self._see(deployment)
        for number, gate in (await self._journal.gates(self._rollout)).items():
            before = self._gates.get(number)
            if before is None or before.state is not gate.state:
                self._gates = {**self._gates, number: gate}
                await self._tell_gate(gate)
        if moved:
            counts = await self._journal.counts(self._rollout)
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

    def _see(self, deployment: Deployment) -> None:
        if deployment.status in OPEN:
            return
        self._rested.add(deployment.place)
        planned = deployment.planned
        who: Document = {"rollout": self._rollout, "tenant": planned.tenant, "account": planned.account}
        rest: Document = {"status": deployment.status.value, "flow": deployment.flow, "error": deployment.error}
        self._tell("tenant.rested", {**who, **rest, "seconds": None})

    async def _tell_gate(self, gate: Gate) -> None:
        wave = (await self._journal.plan(self._rollout)).waves[gate.wave - 1]
        self._tell(f"wave.{gate.state.value}", {"wave": gate.wave, "name": wave.name, "tenants": wave.size})

    def _tell(self, name: str, fields: Document) -> None:
        self._told.append(Event(name, self._place.clock.utc(), fields))


@asynccontextmanager
async def followed(place: Workplace, rollout: Rollout) -> AsyncIterator[Following]:
    """Look on while workers carry a rollout out, from when it was left to them."""
    journal = shared(place.journal)
    begun = await journal.latest_event()
    async with opened_queue(address_of(place.home)) as queue:
        yield Following(place, queue, rollout, await journal.counts(rollout.id), begun)
