"""Schedules and their firings: no two rows for one time of a schedule, however many look at the clock."""

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from deployer.domain.documents import canonical
from deployer.domain.firing import Cause, Firing, State, look
from deployer.domain.local_time import utc_text
from deployer.domain.schedule import Kept, Pause, Schedule
from deployer.journal import calendar_queries as q
from deployer.journal.checksums import checked, summed
from deployer.journal.connection import Connection, Row
from deployer.journal.writer import Book

ALONE_IN_FILE: Final = "UPDATE schedule SET name = name WHERE name IS NULL"  # a write, and so the only one
ALONE_IN_POSTGRES: Final = "SELECT pg_advisory_xact_lock(hashtext('schedules'))"
CLOCK_OF_POSTGRES: Final = """
    SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
"""
_NEAR: Final = 200  # firings, of any schedule, that may still have been under way at a time that has come
_PATIENCE: Final = 30.0  # seconds in which somebody else's write is over


class Calendar(Book):
    """The schedules that go with a journal; of `rollout` None, those of all rollouts.

    Any number of processes may have it open. Every method may raise JournalError. `alone` is the statement that keeps
    others from writing until the commit; `clock` is the one that asks for the time all of them go by, if there is any.
    """

    def __init__(self, connect: Callable[[], Connection], *, alone: str, clock: str = "") -> None:
        super().__init__(connect)
        self._alone = alone
        self._clock = clock

    async def now(self, own: Callable[[], str]) -> str:
        """Return the time (UTC, ISO-8601) by the clock that all who share it go by, else by one's `own`."""
        if not self._clock:
            return own()
        [(now,)] = await self._select(self._clock, ())
        return str(now)

    async def look(self, rollout: str | None, now: datetime, who: str) -> Sequence[Firing]:
        """Write what becomes of the times that have come since the last look, and return it; alone, as if at once."""

        def work(connection: Connection) -> list[Firing]:
            connection.execute(self._alone)
            found: list[Firing] = []
            for kept in map(_kept, connection.execute(q.SCHEDULES, (rollout,)).fetchall()):
                come = utc_text(now)  # a clock that was wrong may have had later ones written
                past = _past(connection, kept.rollout, None, _NEAR, until=come)
                past += _past(connection, kept.rollout, kept.name, 1, until=come)
                seen = look(kept, past, now, who)
                found += [each for each in seen if _changed(connection, q.WRITE_FIRING, _row(each))]
            return found

        return await self._writer.ask(work)

    async def schedules(self, rollout: str | None = None) -> Sequence[Kept]:
        """Return schedules by rollout and name."""
        return list(map(_kept, await self._select(q.SCHEDULES, (rollout,))))

    async def keep(self, kept: Kept) -> None:
        """Write a schedule, in place of the one of its name."""
        row = summed((kept.rollout, kept.name, canonical(_record(kept))))
        await self._writer.ask(lambda connection: connection.execute(q.KEEP_SCHEDULE, row))

    async def drop(self, rollout: str, name: str) -> None:
        """Forget a schedule; its firings stay."""
        await self._writer.ask(lambda connection: connection.execute(q.DROP_SCHEDULE, (rollout, name)))

    async def firings(self, rollout: str, name: str | None = None, *, limit: int) -> Sequence[Firing]:
        """Return the firings that were due last, of a schedule or of all, oldest first."""
        return await self._writer.ask(lambda connection: _past(connection, rollout, name, limit))

    async def open_firings(self, rollout: str | None = None) -> Sequence[Firing]:
        """Return the firings with something left to do, in the order they were due."""
        return list(map(_firing, await self._select(q.OPEN_FIRINGS, (rollout,))))

    async def move(self, before: Firing, after: Firing) -> bool:
        """Write what became of a firing, unless somebody else did since; tell whether nobody had."""
        *_, checksum = _row(before)
        *_, state, body, new = _row(after)
        values = (state, body, new, before.of, before.schedule, before.local, checksum)
        return await self._writer.ask(lambda connection: _changed(connection, q.MOVE_FIRING, values))


def in_file(path: Path) -> Callable[[], Connection]:
    """Return what opens the schedules in a file of SQLite's, which is made where there is none."""

    def connect() -> Connection:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            connection.execute(f"PRAGMA {pragma}").fetchone()
        connection.executescript(f"BEGIN IMMEDIATE; {_schema()} COMMIT;")
        return connection

    return connect


def in_memory() -> Connection:
    """Open schedules that are none, and leave nothing behind."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(_schema())
    return connection


def _schema() -> str:
    return files("deployer.journal").joinpath("schedules.sql").read_text(encoding="utf-8")


def _past(
    connection: Connection, rollout: str, name: str | None, limit: int, *, until: str | None = None
) -> list[Firing]:
    found = connection.execute(q.FIRINGS, (rollout, name, until, limit)).fetchall()
    return [_firing(row) for row in reversed(found)]


def _changed(connection: Connection, statement: str, values: Row) -> bool:
    return connection.execute(statement, values).rowcount == 1


def _record(kept: Kept) -> dict[str, object]:
    pause = asdict(kept.pause) if kept.pause else None
    schedule = kept.schedule.model_dump(mode="json")
    return {
        "schedule": schedule,
        "manifest": kept.manifest,
        "since": kept.since,
        "stated": kept.stated,
        "pause": pause,
    }


def _kept(row: Row) -> Kept:
    rollout, name, body = checked(row, f"schedule {row[1]} of {row[0]}")
    said = json.loads(body)
    pause = Pause(**said["pause"]) if said["pause"] else None
    schedule = Schedule.model_validate(said["schedule"])
    return Kept(rollout, name, schedule, said["manifest"], said["since"], said["stated"], pause)


def _row(firing: Firing) -> Row:
    body = asdict(firing)
    of, schedule, local, due, state = (body.pop(name) for name in ("of", "schedule", "local", "due", "state"))
    return summed((of, schedule, local, due, state.value, canonical(body)))


def _firing(row: Row) -> Firing:
    of, schedule, local, due, state, body = checked(row, f"the firing of {row[1]} at {row[2]}")
    said = json.loads(body)
    cause = Cause(said.pop("cause")) if said["cause"] else said.pop("cause")
    return Firing(of, schedule, local, due, State(state), cause=cause, **said)
