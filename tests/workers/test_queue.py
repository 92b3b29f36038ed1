"""The queue's own tables are made once, and follow the Procrastinate that is installed."""

from pathlib import Path

import anyio
import psycopg
import pytest
from procrastinate.schema import SchemaManager

from deployer.workers.queue import opened_queue
from tests.postgres import Server

pytestmark = pytest.mark.anyio


def remembered(address: str) -> str:
    with psycopg.connect(address) as connection:
        query = "SELECT obj_description('deployer.procrastinate_jobs'::regclass, 'pg_class')"
        [(migration,)] = connection.execute(query).fetchall()
        return str(migration)


@pytest.fixture
def address(database: Server) -> str:
    made = database.new_database()
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA deployer")
    return made


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """Return the migrations of a Procrastinate to come."""
    for migration in Path(SchemaManager.get_migrations_path()).glob("*.sql"):
        (tmp_path / migration.name).write_bytes(migration.read_bytes())
    (tmp_path / "99.00.00_01_pre_more.sql").write_text("CREATE TABLE more (name TEXT CHECK (name LIKE '%x'))", "utf-8")
    return tmp_path


async def test_a_newer_procrastinate_finds_its_tables_brought_up_to_date_once(
    address: str, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_queue(address):
        before = remembered(address)
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(later)))

    async with anyio.create_task_group() as group:
        for _ in range(3):  # at the same time, as workers begin
            group.start_soon(_open, address)

    assert (before[:3], remembered(address)) == ("03.", "99.00.00_01_pre_more.sql")
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM deployer.more").fetchone() == (0,)


async def test_tables_that_do_not_tell_how_far_they_are_get_only_what_came_since(
    address: str, later: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _open(address)
    with psycopg.connect(address) as connection:  # as they were made before that was noted
        connection.execute("COMMENT ON TABLE deployer.procrastinate_jobs IS NULL")
    await _open(address)
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(later)))

    await _open(address)

    assert remembered(address) == "99.00.00_01_pre_more.sql"


async def _open(address: str) -> None:
    async with opened_queue(address) as queue:
        assert await queue.workers() == 0
