"""Schedules and their firings in the journal: no two rows for one time of a schedule, whoever writes."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from deployer.domain.documents import canonical
from deployer.domain.firing import Cause, Firing, State
from deployer.domain.schedule import Kept, Pause, Schedule
from deployer.journal import queries as q
from deployer.journal.checksums import checked, summed
from deployer.journal.connection import Connection, Row
from deployer.journal.writer import Writer

_NOW: Final = """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


class Calendar:
    """The schedules of a journal; of `rollout` None, those of all rollouts. Every method may raise JournalError."""

    def __init__(self, writer: Writer, *, is_shared: bool) -> None:
        self._writer = writer
        self._is_shared = is_shared

    async def now(self) -> str | None:
        """Return the time by the clock that all who share the journal go by (UTC, ISO-8601); None where nobody does."""
        if not self._is_shared:
            return None
        [(now,)] = await self._select(_NOW, ())
        return str(now)

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
        found = await self._select(q.FIRINGS, (rollout, name, limit))
        return [_firing(row) for row in reversed(found)]

    async def open_firings(self, rollout: str | None = None) -> Sequence[Firing]:
        """Return the firings with something left to do, in the order they were due."""
        return list(map(_firing, await self._select(q.OPEN_FIRINGS, (rollout,))))

    async def write(self, firing: Firing) -> bool:
        """Write what becomes of a time, unless it is written already; tell whether it was not."""
        return await self._writer.ask(lambda connection: _changed(connection, q.WRITE_FIRING, _row(firing)))

    async def move(self, before: Firing, after: Firing) -> bool:
        """Write what became of a firing, unless somebody else did since; tell whether nobody had."""
        *_, checksum = _row(before)
        *_, state, body, new = _row(after)
        values = (state, body, new, before.of, before.schedule, before.local, checksum)
        return await self._writer.ask(lambda connection: _changed(connection, q.MOVE_FIRING, values))

    async def _select(self, query: str, wanted: Row) -> list[Row]:
        return await self._writer.ask(lambda connection: connection.execute(query, wanted).fetchall())


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
