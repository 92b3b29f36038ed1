"""A journal of an older version is brought up to date when it is opened to be written, and nothing of it is lost."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import psycopg
import pytest

from deployer.errors import JournalError
from deployer.journal.migrations import VERSION, to_come
from deployer.journal.postgres import PostgresJournal
from deployer.journal.sqlite import SqliteJournal
from tests.factories import plan, rollout
from tests.postgres import Server

pytestmark = pytest.mark.anyio

FIRST = rollout()
COLUMNS = """
    SELECT table_name, column_name, data_type, collation_name, is_nullable FROM information_schema.columns
    WHERE table_schema = 'deployer' ORDER BY 1, 2
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'deployer' ORDER BY 1"


def sqlite_shape(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY 1")]
        columns = [connection.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall() for name in tables]
        return [tables, columns, connection.execute("PRAGMA user_version").fetchone()]


def postgres_shape(address: str) -> list[object]:
    with psycopg.connect(address) as connection:
        number = connection.execute("SELECT number FROM deployer.version").fetchall()
        return [connection.execute(COLUMNS).fetchall(), connection.execute(INDEXES).fetchall(), number]


SAMPLES = ("sample", "sample_by_rollout")
SCHEDULES = ("schedule", "firing", "firing_by_due", "firing_open")
ADMISSION = ("admission", "admission_by_wave")


def made(version: int, *, postgres: bool) -> tuple[str, ...]:
    """Return the tables and indexes that are made of those of an older version."""
    statements = " ".join(to_come(version, "journal.db", postgres=postgres))
    return tuple(re.findall(r"CREATE (?:TABLE|INDEX) (\w+)", statements))


@pytest.mark.parametrize(
    ("version", "file", "server"),
    [
        (5, (*ADMISSION, *SAMPLES), (*ADMISSION, "claim", "part", *SCHEDULES, *SAMPLES)),
        (6, SAMPLES, ("part", *SCHEDULES, *SAMPLES)),
        (7, SAMPLES, (*SCHEDULES, *SAMPLES)),
        (8, SAMPLES, SAMPLES),
        (9, (), ()),
        (10, (), ()),
    ],
)
def test_each_version_lacks_what_later_ones_brought(
    version: int, file: tuple[str, ...], server: tuple[str, ...]
) -> None:
    assert made(version, postgres=False) == file
    assert made(version, postgres=True) == server


@pytest.mark.parametrize(("version", "age"), [(4, "an older"), (11, "a newer")])
def test_tables_of_a_version_that_is_not_known_are_not_brought_up_to_date(version: int, age: str) -> None:
    with pytest.raises(JournalError, match=rf"^journal\.db was written by {age} deployer \(schema {version}, this one"):
        list(to_come(version, "journal.db"))


async def test_a_file_of_version_5_becomes_one_of_this_version(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    for path in (old, new):
        async with SqliteJournal(path) as journal:
            await journal.begin(FIRST, plan())
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript("DROP TABLE admission; DROP TABLE sample; PRAGMA user_version = 5")
    async with SqliteJournal(old, read_only=True) as journal:  # which changes nothing
        assert await journal.deployment(FIRST.id, "acme")
    assert sqlite_shape(old) != sqlite_shape(new)

    async with SqliteJournal(old) as journal:
        assert await journal.deployment(FIRST.id, "acme")
    assert sqlite_shape(old) == sqlite_shape(new)


async def test_a_database_of_version_5_becomes_one_of_this_version(database: Server) -> None:
    old, new = database.new_database(), database.new_database()
    for address in (old, new):
        async with PostgresJournal(address) as journal:
            await journal.begin(FIRST, plan())
    with psycopg.connect(old) as connection:
        connection.execute(
            "DROP TABLE deployer.admission, deployer.claim, deployer.part, deployer.schedule, deployer.firing,"
            " deployer.sample"
        )
        connection.execute("UPDATE deployer.version SET number = 5")
    async with PostgresJournal(old, read_only=True) as journal:
        assert await journal.deployment(FIRST.id, "acme")
    assert postgres_shape(old) != postgres_shape(new)

    async with PostgresJournal(old) as journal:
        assert await journal.deployment(FIRST.id, "acme")
    assert postgres_shape(old) == postgres_shape(new)


@pytest.mark.parametrize(("number", "age"), [(VERSION + 1, "a newer"), (4, "an older")])
async def test_a_database_of_a_version_that_is_not_known_is_refused(database: Server, number: int, age: str) -> None:
    address = database.new_database()
    async with PostgresJournal(address):
        pass
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE deployer.version SET number = %s", (number,))
    with pytest.raises(JournalError, match=f"was written by {age} deployer"):
        async with PostgresJournal(address):
            pass
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT number FROM deployer.version").fetchall() == [(number,)]


async def test_many_may_be_the_first(database: Server) -> None:
    async def come(address: str) -> None:
        async with PostgresJournal(address, alone=False) as journal:
            await journal.work()

    for _ in range(10):
        address = database.new_database()
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(come, address)
