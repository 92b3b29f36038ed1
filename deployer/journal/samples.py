"""Samples on their way into the journal: they are written with what is written next, and nobody waits for them."""

import asyncio
from collections import deque
from typing import Final

from deployer.domain.samples import Sample
from deployer.journal import queries as q
from deployer.journal.connection import Connection, Row
from deployer.journal.rows import read_sample, sample_row

_LATE: Final = 10.0  # seconds after which a sample gets a commit of its own


class SampleQueue:
    """Samples that wait for a commit of something else. True while any does."""

    def __init__(self) -> None:
        self._waiting: deque[Row] = deque()
        self._since = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, rollout: str, sample: Sample) -> bool:
        """Let a sample wait, and tell whether another has waited for too long."""
        now = asyncio.get_running_loop().time()
        if not self._waiting:
            self._since = now
        self._waiting.append(sample_row(rollout, sample))
        return now - self._since >= _LATE

    def write(self, connection: Connection) -> None:
        """Write those that wait."""
        rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if rows:
            connection.executemany(q.KEEP_SAMPLE, rows)


def samples_of(connection: Connection, rollout: str) -> list[Sample]:
    """Return the samples of a rollout, oldest first; of a journal that was made before there were any, none."""
    if not has_samples(connection):
        return []
    rows = connection.execute(q.SAMPLES, (rollout,)).fetchall()
    return [read_sample(row) for row in rows]


def samples_after(connection: Connection, rollout: str, number: int, *, limit: int) -> list[tuple[int, Sample]]:
    """Return the next samples of a rollout after a number, each with its own; of an older journal, none."""
    if not has_samples(connection):
        return []
    return [(row[0], read_sample(row[1:])) for row in connection.execute(q.SAMPLES_AFTER, (rollout, number, limit))]


def has_samples(connection: Connection) -> bool:
    """Tell whether a journal has a place for samples: one of an older version that is only read has none."""
    return bool(connection.execute(q.TABLE, ("sample",)).fetchall())
