"""A rollout as reports show it, read from the journal alone, also while another process carries it out."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, TextIO

import anyio.to_thread

from deployer.api.standing import Standing
from deployer.domain.deployment import Deployment
from deployer.domain.gate import Gate, GateState
from deployer.engine.clock import Clock, SystemClock
from deployer.journal.protocol import Journal, Met
from deployer.report.gathering import Gathering, report_head
from deployer.report.tracks import Frame, moment

_PAGE = 500
_GOING_ON = frozenset({"running", "waiting"})


@dataclass(frozen=True, slots=True)
class Reported:
    """A rollout that was read: `head` is all but its tenants, which lie in a file as long as it is open."""

    head: Mapping[str, Any]
    _spool: TextIO

    def tenants(self) -> Iterator[Mapping[str, Any]]:
        """Yield the tenants in the order of their list; one pass at a time."""
        self._spool.seek(0)
        yield from map(json.loads, self._spool)


@asynccontextmanager
async def reported(
    standing: Standing, *, clock: Clock | None = None, watch: Callable[[int], None] = lambda _: None
) -> AsyncIterator[Reported]:
    """Read a rollout once, in pages, and give it to the block; its tenants never lie in memory together.

    `watch` is told how many were read so far.
    """
    read_at = (clock or SystemClock()).utc()
    with TemporaryFile("w+", encoding="ascii") as spool:
        async with standing.home.open(read_only=True) as book:
            gates = await book.gates(standing.rollout.id)
            gathered = Gathering(_frame(standing, gates, read_at))
            await _gather(book, standing.rollout.id, gathered, spool, watch)
            plan, samples = await book.plan(standing.rollout.id), await book.samples(standing.rollout.id)
        yield Reported(report_head(standing.rollout, plan, gathered, samples, gates=gates, read_at=read_at), spool)


async def _gather(
    book: Journal, rollout: str, gathered: Gathering, spool: TextIO, watch: Callable[[int], None]
) -> None:
    def add(page: Sequence[Deployment], met: Mapping[int, Sequence[Met]]) -> None:
        for deployment in page:
            tenant = gathered.add(deployment, met.get(deployment.place, ()))
            spool.write(f"{json.dumps(tenant)}\n")

    after = -1
    while page := await book.deployments(rollout, after=after, limit=_PAGE):
        upto = page[-1].place
        met = await book.met(rollout, after=after, upto=upto)
        await anyio.to_thread.run_sync(add, page, met)
        watch(upto + 1)
        after = upto


def _frame(standing: Standing, gates: Mapping[int, Gate], read_at: str) -> Frame:
    rollout = standing.rollout
    released = {number + 1: moment(gate.since) for number, gate in gates.items() if gate.state is GateState.RELEASED}
    at_work = standing.at_work or (standing.home.is_shared and rollout.outcome in _GOING_ON)
    now = moment(read_at) if rollout.ended_at is None else None
    return Frame(moment(rollout.started_at), released, now, at_work)
