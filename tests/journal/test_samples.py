"""Samples cost no commits: they wait for one, and get their own only where none comes."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random

import anyio
import psycopg
import pytest

from deployer.domain.samples import Sample
from deployer.errors import JournalError
from deployer.journal.home import SqliteHome
from deployer.journal.postgres import PostgresHome, PostgresJournal
from deployer.journal.samples import SampleQueue
from deployer.journal.sqlite import SqliteJournal
from deployer.journal.tables import TableJournal
from tests.clockwork import BACKEND
from tests.factories import plan, rollout
from tests.postgres import Server
from tests.simulation.journal import Tables, embedded
from tests.simulation.process import Process, Trace
from tests.simulation.weather import Weather

pytestmark = pytest.mark.anyio

FIRST = rollout()
SAMPLE = Sample("main", "2026-03-01T10:00:00.000Z", 10.0, 1)


@pytest.mark.parametrize("anyio_backend", [BACKEND], ids=["virtual time"])
async def test_a_sample_waits_ten_seconds_for_something_to_be_written_with() -> None:
    queue = SampleQueue()
    assert [queue.put(FIRST.id, SAMPLE), queue.put(FIRST.id, SAMPLE)] == [False, False]
    await asyncio.sleep(9.0)
    assert not queue.put(FIRST.id, SAMPLE)
    await asyncio.sleep(1.0)
    assert queue.put(FIRST.id, SAMPLE)


@asynccontextmanager
async def in_memory() -> AsyncIterator[tuple[TableJournal, Callable[[], int]]]:
    """Open a journal that has begun a rollout, and tell how many samples there are in its tables."""
    calm = Weather({}, 0.0, 0.0, 0.0, 0.0, 0.0, calm=True)
    with closing(Tables()) as tables:
        async with embedded(tables, Process("alone", calm, Random(0), Trace(), boot=1)) as journal:
            await journal.begin(FIRST, plan())
            yield journal, lambda: len(tables.raw.execute("SELECT 1 FROM sample").fetchall())


@pytest.mark.parametrize("anyio_backend", [BACKEND], ids=["virtual time"])
async def test_samples_that_waited_for_too_long_get_a_commit_of_their_own() -> None:
    async with in_memory() as (journal, written):
        for _ in range(2):
            journal.sample(FIRST.id, SAMPLE)
            await asyncio.sleep(5.0)
            assert written() == 0
        journal.sample(FIRST.id, SAMPLE)
        await asyncio.sleep(1.0)
        assert written() == 3
        journal.sample(FIRST.id, SAMPLE)
        await asyncio.sleep(9.0)
        assert written() == 3


@pytest.mark.parametrize("anyio_backend", [BACKEND], ids=["virtual time"])
async def test_a_sample_fails_nobody_where_nothing_more_can_be_written() -> None:
    async with in_memory() as (journal, written):
        with pytest.raises(JournalError):
            await journal.conclude("nowhere", outcome="failed", reason="", ended_at=None)
        for _ in range(2):
            journal.sample(FIRST.id, SAMPLE)
            await asyncio.sleep(10.0)
        assert written() == 0


async def test_a_file_of_a_version_without_samples_is_read_and_has_none(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with SqliteJournal(path) as journal:
        await journal.begin(FIRST, plan())
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE sample; PRAGMA user_version = 8")
    async with SqliteJournal(path, read_only=True) as journal:
        assert await journal.samples(FIRST.id) == []
    async with SqliteHome(path).watched() as book:
        assert await book.samples_after(FIRST.id, 0, limit=9) == []
    assert "every checksum holds" in SqliteHome(path).examine()


async def test_a_database_of_a_version_without_samples_is_read_and_copied(database: Server, tmp_path: Path) -> None:
    address = database.new_database()
    async with PostgresJournal(address) as journal:
        await journal.begin(FIRST, plan())
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE deployer.sample")
        connection.execute("UPDATE deployer.version SET number = 8")
    async with PostgresJournal(address, read_only=True) as journal:
        assert await journal.samples(FIRST.id) == []
    home = PostgresHome(address, tmp_path)
    assert "every checksum holds" in await anyio.to_thread.run_sync(home.examine)
    await anyio.to_thread.run_sync(home.copy, tmp_path / "copy.db")
    async with SqliteJournal(tmp_path / "copy.db") as copy:
        assert await copy.deployment(FIRST.id, "acme")


async def test_samples_go_into_the_copy_of_a_database(database: Server, tmp_path: Path) -> None:
    address = database.new_database()
    async with PostgresJournal(address) as journal:
        await journal.begin(FIRST, plan())
        journal.sample(FIRST.id, SAMPLE)
    await anyio.to_thread.run_sync(PostgresHome(address, tmp_path).copy, tmp_path / "copy.db")
    async with SqliteJournal(tmp_path / "copy.db") as copy:
        assert await copy.samples(FIRST.id) == [SAMPLE]


async def test_a_flipped_bit_in_a_sample_is_found(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with SqliteJournal(path) as journal:
        await journal.begin(FIRST, plan())
        journal.sample(FIRST.id, SAMPLE)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE sample SET account = 'mbin'")
    async with SqliteJournal(path, read_only=True) as journal:
        with pytest.raises(JournalError, match="a sample of rollout order-sync-1 does not match"):
            await journal.samples(FIRST.id)
