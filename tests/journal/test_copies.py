"""Whoever copies or examines a journal goes through every row of every table that has a checksum."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import psycopg
import pytest

from deployer.domain.gate import Gate, GateState
from deployer.domain.instructions import Instruction, Verb
from deployer.domain.lifecycle import Event
from deployer.domain.samples import Sample
from deployer.errors import JournalError
from deployer.journal.home import SqliteHome
from deployer.journal.postgres import PostgresHome
from deployer.journal.protocol import Journal
from tests.factories import instance, plan, rollout, template
from tests.journal.entries import AT, after, entry
from tests.postgres import Server

pytestmark = pytest.mark.anyio

TABLES = ("work", "rollout", "deployment", "step", "gate", "instruction", "instance", "revision", "event", "sample")
COUNTED = ("rollout", "instruction", "event", "sample")


async def fill(journal: Journal) -> None:
    """Write into every table, and more than one row where there is an order."""
    await journal.begin_work()
    for number in (1, 2):
        one = rollout(number=number)
        await journal.begin(one, plan(), [template()])
        await journal.set_gate(one.id, Gate(1, GateState.BAKING, AT))
        await journal.instruct(Instruction(f"said-{3 - number}", one.id, Verb.PAUSE, "", "jo", AT))
        journal.sample(one.id, Sample("main", AT, 10.0, number))
    await journal.remember([instance()])
    [found] = await journal.deployments(rollout().id, after=-1, limit=1)
    intent = entry(found, Event.INTEND)
    await journal.record(intent)
    await journal.record(entry(after(intent), Event.SUCCEED))


def every_row(table: str) -> str:
    return f"SELECT * FROM {table} ORDER BY 1, 2, 3"  # noqa: S608 - of the names above


def changed_row(table: str, change: str) -> str:
    return f"UPDATE {table} SET checksum = checksum {change}"  # noqa: S608 - as above


def sqlite_rows(path: Path) -> dict[str, list[dict[str, object]]]:
    """Return what each table of a file holds that has a checksum."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: [dict(row) for row in connection.execute(every_row(name))] for name in names}
    return {name: found for name, found in rows.items() if found and "checksum" in found[0]}


async def test_a_copy_of_a_database_holds_every_row_in_the_order_it_was_written(
    database: Server, tmp_path: Path
) -> None:
    home, path = PostgresHome(database.new_database(), tmp_path), tmp_path / "copy.db"
    async with home.open() as journal:
        await fill(journal)
    with psycopg.connect(home.address, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET search_path = deployer")
        for table in COUNTED:  # which moves the first row to the end of the table
            connection.execute(changed_row(table, "WHERE number = 1").encode())
        there = {table: connection.execute(every_row(table).encode()).fetchall() for table in TABLES}
    await anyio.to_thread.run_sync(home.copy, path)
    assert sqlite_rows(path) == there
    assert [len(there[table]) for table in COUNTED] == [2, 2, 2, 2]
    assert all(there.values())


@pytest.mark.parametrize("table", TABLES)
async def test_a_row_that_is_damaged_is_found_whatever_its_table(tmp_path: Path, table: str) -> None:
    home = SqliteHome(tmp_path / "journal.db")
    async with home.open() as journal:
        await fill(journal)
    rows = sqlite_rows(home.path)
    assert tuple(sorted(rows)) == tuple(sorted(TABLES))
    assert f"{sum(map(len, rows.values()))} rows, every checksum holds" in home.examine()
    with closing(sqlite3.connect(home.path, isolation_level=None)) as connection:
        connection.execute(changed_row(table, "+ 1"))
    with pytest.raises(JournalError, match=f"a row of {table} does not match"):
        home.examine()
