"""Schedules and firings as they are written: on both databases, by any number of processes at a time."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from deployer.domain.firing import Cause, Firing, State
from deployer.domain.schedule import Kept, Pause, Schedule
from deployer.errors import JournalError
from deployer.journal.calendar import Calendar
from deployer.journal.home import Home, SqliteHome
from deployer.journal.postgres import PostgresHome
from tests.postgres import Server

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)
EVERY = Schedule.model_validate({"do": "run", "cron": "* * * * *", "timezone": "UTC", "overlap": "queue"})
KEPT = Kept("crm", "often", EVERY, "rollout.yaml", "2026-11-27T12:00:00Z", stated=True)


@pytest.fixture(params=["sqlite", "postgres"])
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    if request.param == "sqlite":
        yield SqliteHome(tmp_path / "journal.db")
    else:
        server: Server = request.getfixturevalue("database")
        yield PostgresHome(server.new_database(), tmp_path)


async def test_a_schedule_is_kept_whole_and_replaced_by_its_name(home: Home) -> None:
    paused = replace(KEPT, stated=False, pause=Pause("bob@host", "2026-11-27T13:00:00Z"))
    async with home.calendar() as calendar:
        await calendar.keep(KEPT)
        await calendar.keep(replace(KEPT, name="other", rollout="erp"))
        await calendar.keep(paused)
        assert await calendar.schedules("crm") == [paused]
        assert [each.rollout for each in await calendar.schedules()] == ["crm", "erp"]
        await calendar.drop("crm", "often")
        assert await calendar.schedules("crm") == []


async def test_a_firing_is_written_once_and_moved_by_who_knows_how_it_was(home: Home) -> None:
    async with home.calendar() as calendar:
        await calendar.keep(KEPT)
        [due] = await calendar.look("crm", NOON, "ann@host")
        assert await calendar.look("crm", NOON, "bob@host") == []
        assert await calendar.open_firings() == [due]
        running = replace(due, state=State.RUNNING, began_at="2026-11-27T12:00:31.000Z", rollout="crm-1")
        assert await calendar.move(due, running)
        assert not await calendar.move(due, replace(running, rollout="crm-2"))
        ended = replace(running, state=State.ENDED, code=3, counts={"done": 2, "failed": 1}, ended_at=due.due)
        assert await calendar.move(running, ended)
        assert await calendar.open_firings() == []
        assert await calendar.firings("crm", limit=5) == [ended]
        assert await calendar.firings("crm", "other", limit=5) == []


async def test_a_clock_that_was_years_ahead_for_a_moment_keeps_no_later_time_from_being_fired(home: Home) -> None:
    async with home.calendar() as calendar:
        await calendar.keep(replace(KEPT, schedule=EVERY.model_copy(update={"cron": "0 12 * * *"})))
        wrong = await calendar.look("crm", NOON + timedelta(days=4 * 365), "ann@host")
        assert wrong

        found = await calendar.look("crm", NOON, "ann@host")
        again = await calendar.look("crm", NOON, "ann@host")

    assert [(each.state, each.local) for each in found] == [(State.DUE, "2026-11-27T12:00 UTC")]
    assert again == []


async def test_those_who_look_at_once_write_each_time_once_and_let_one_alone_be_due(home: Home) -> None:
    """Each has a connection of its own, and a clock that is a little off."""
    async with home.calendar() as calendar:
        await calendar.keep(KEPT)
    found: list[Firing] = []

    async def look(who: int) -> None:
        async with home.calendar() as calendar:
            for minute in range(10):
                now = NOON + timedelta(minutes=minute, seconds=7 * who)
                found.extend(await calendar.look("crm", now, f"scheduler {who}"))

    async with anyio.create_task_group() as group:
        for who in range(4):
            group.start_soon(look, who)

    assert sorted(each.local for each in found) == [f"2026-11-27T12:{minute:02} UTC" for minute in range(10)]
    assert [each.local for each in found if each.state is State.DUE] == ["2026-11-27T12:00 UTC"]
    assert {each.cause for each in found if each.state is State.SKIPPED} == {Cause.OVERLAP}


async def test_a_file_of_schedules_is_its_owners_alone_and_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path / "journal.db")
    async with home.calendar() as calendar:
        await calendar.keep(KEPT)
    file = tmp_path / "journal-schedules.db"
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE schedule SET body = replace(body, 'rollout.yaml', 'rollaut.yaml')")
    async with home.calendar(read_only=True) as calendar:
        with pytest.raises(JournalError, match="schedule often of crm does not match its checksum"):
            await calendar.schedules()


async def test_all_go_by_the_clock_of_the_database(home: Home) -> None:
    async with home.calendar() as calendar:
        now = await calendar.now(lambda: "one's own")
    if isinstance(home, SqliteHome):
        assert now == "one's own"
    else:
        assert abs(datetime.fromisoformat(str(now)) - datetime.now(UTC)) < timedelta(seconds=5)


def content(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_who_reads_makes_no_file(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path / "journal.db")
    calendar: Calendar = home.calendar(read_only=True)
    async with calendar:
        assert await calendar.schedules() == []
    assert content(tmp_path) == []
