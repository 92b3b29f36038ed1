"""The queue of what workers do: Procrastinate's tables, in the schema of the journal."""

import logging
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from psycopg import sql

from deployer.errors import JournalError, UsageError
from deployer.journal.database import SCHEMA, safe_address, shown_address
from deployer.journal.home import Home
from deployer.journal.postgres import PostgresHome

__all__ = [
    "CARRY",
    "CARRYING",
    "CONDUCT",
    "CONDUCTING",
    "FIRE",
    "STALLED",
    "Home",
    "Queue",
    "address_of",
    "opened_queue",
    "sharing",
]

CONDUCT: Final = "deployer:conduct"
CARRY: Final = "deployer:carry"
FIRE: Final = "deployer:fire"
CONDUCTING: Final = "rollouts"  # the queue of small jobs, each of which goes through the waves of a rollout
CARRYING: Final = "accounts"  # the queue of what is sent
STALLED: Final = 30.0  # seconds without a heartbeat after which a worker is taken to be dead
_THERE: Final = """
    SELECT to_regclass('procrastinate_jobs') IS NOT NULL AS there,
    obj_description(to_regclass('procrastinate_jobs'), 'pg_class') AS migration
"""
_REMEMBER: Final = "COMMENT ON TABLE procrastinate_jobs IS {}"
_UNSAID: Final = "03.04.00_50_post_add_retry_failed_job_procedure.sql"  # of tables older than the note of it
_ALONE: Final = "SELECT pg_advisory_lock(%(key)s)"
_FREE: Final = "SELECT pg_advisory_unlock(%(key)s)"
_KEY: Final = 0x71756575  # "queu"
_ALIVE: Final = "SELECT count(*) AS count FROM procrastinate_workers WHERE last_heartbeat > now() - interval '30 s'"
_HAD: Final = "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = ANY(%(workers)s)"
_PLACES: Final = """
    SELECT args ->> 'account' AS account, status::text AS status FROM procrastinate_jobs
    WHERE task_name = 'deployer:carry' AND args ->> 'rollout' = %(rollout)s AND status IN ('todo', 'doing') ORDER BY id
"""
_CONDUCTED: Final = """
    SELECT count(*) AS count FROM procrastinate_jobs
    WHERE task_name = 'deployer:conduct' AND args ->> 'rollout' = %(rollout)s AND status IN ('todo', 'doing')
"""
_FIRED: Final = """
    SELECT count(*) AS count FROM procrastinate_jobs WHERE task_name = 'deployer:fire'
    AND args ->> 'of' = %(of)s AND args ->> 'schedule' = %(schedule)s AND args ->> 'local' = %(local)s
    AND status IN ('todo', 'doing')
"""


class Queue:
    """The queue of a journal, while it is open."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def workers(self) -> int:
        """Return how many workers are alive: a process has one for each of the two queues."""
        found = await self.app.connector.execute_query_one_async(_ALIVE)
        return int(found["count"])

    async def part_with(self, workers: Collection[int]) -> None:
        """Say that workers are gone, so that others take their jobs at once."""
        for worker in workers:
            await self.app.job_manager.unregister_worker(worker)

    async def had_by(self, workers: Collection[int]) -> set[int]:
        """Return the jobs that some workers are to be doing."""
        found = await self.app.connector.execute_query_all_async(_HAD, workers=list(workers))
        return {int(row["id"]) for row in found}

    async def bring_back(self, job: int) -> None:
        """Queue a job again that nobody does, unless it is queued anew already: then it is over."""
        manager = self.app.job_manager
        try:
            await manager.retry_job_by_id_async(job, retry_at=datetime.now(UTC))
        except UniqueViolation:
            await manager.finish_job_by_id_async(job, Status.FAILED, delete_job=True)

    async def conduct(self, rollout: str) -> None:
        """Have a rollout gone through, once however often this is asked for."""
        about = f"rollout {rollout}"
        job = self.app.configure_task(CONDUCT, queue=CONDUCTING, lock=about, queueing_lock=about)
        await _once(job.defer_async(rollout=rollout))

    async def is_conducted(self, rollout: str) -> bool:
        """Tell whether somebody goes through a rollout, or will."""
        found = await self.app.connector.execute_query_one_async(_CONDUCTED, rollout=rollout)
        return bool(found["count"])

    async def carry(self, rollout: str, wave: int, account: str, *, lock: str, is_over: bool) -> None:
        """Have the tenants moved that an account has in a wave; `lock` is whose rate limit that takes."""
        about = f"{rollout} {wave} {account}"
        job = self.app.configure_task(CARRY, queue=CARRYING, lock=lock, queueing_lock=about)
        await _once(job.defer_async(rollout=rollout, wave=wave, account=account, is_over=is_over))

    async def fire(self, of: str, schedule: str, local: str) -> None:
        """Have a time of a schedule fired, once however often this is asked for; one after the other of a rollout."""
        about = f"{of} {schedule} {local}"
        job = self.app.configure_task(FIRE, queue=CONDUCTING, lock=f"schedules of {of}", queueing_lock=about)
        if not await self._is_fired(of, schedule, local):
            await _once(job.defer_async(of=of, schedule=schedule, local=local))

    async def _is_fired(self, of: str, schedule: str, local: str) -> bool:
        found = await self.app.connector.execute_query_one_async(_FIRED, of=of, schedule=schedule, local=local)
        return bool(found["count"])

    async def places(self, rollout: str) -> Mapping[str, str]:
        """Return the accounts of a rollout that somebody works on, "doing", or will, "todo", in the queue's order."""
        found = await self.app.connector.execute_query_all_async(_PLACES, rollout=rollout)
        return {row["account"]: row["status"] for row in found}


async def _once(deferring: Awaitable[int]) -> None:
    with suppress(AlreadyEnqueued):
        await deferring


def address_of(home: Home) -> str:
    """Return the address of a journal's database; raise UsageError where the journal is a file."""
    return _in_postgres(home).address


def sharing(home: Home) -> Home:
    """Return the same home, whose journals write together where several are open; raise UsageError for a file."""
    return _in_postgres(home).sharing()


def _in_postgres(home: Home) -> PostgresHome:
    if not isinstance(home, PostgresHome):
        raise UsageError(f"the journal {home} is a file", remedy="workers share a journal on Postgres: --journal")
    return home


@asynccontextmanager
async def opened_queue(address: str) -> AsyncIterator[Queue]:
    """Open the queue in a database, whose tables are made where there are none; raise JournalError where it fails."""
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what matters is said by the tasks themselves
    app = App(
        connector=PsycopgConnector(
            conninfo=safe_address(address), kwargs={"options": f"-c search_path={SCHEMA}"}, min_size=1, max_size=4
        )
    )
    try:
        async with app.open_async():
            await _make_tables(app)
            yield Queue(app)
    except (ConnectorException, psycopg.Error) as error:
        raise JournalError(f"the queue in {shown_address(address)} does not answer: {error}") from None


async def _make_tables(app: App) -> None:
    """Make Procrastinate's tables, or bring them up to what the installed one needs, unless somebody else does."""
    migrations = _migrations()
    if (await _reached(app) or "") >= migrations[-1]:
        return
    async with app.connector.pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute(_ALONE, {"key": _KEY})
        try:
            before = await _reached(app)
            if before is None:
                await app.schema_manager.apply_schema_async()
            for name in migrations:
                if before is not None and name > before:
                    await connection.execute(_content(name))
            await connection.execute(sql.SQL(_REMEMBER).format(migrations[-1]))
        finally:
            await connection.execute(_FREE, {"key": _KEY})


async def _reached(app: App) -> str | None:
    """Return the last migration that the tables have; None where there are no tables."""
    found = await app.connector.execute_query_one_async(_THERE)
    return str(found["migration"] or _UNSAID) if found["there"] else None


def _migrations() -> list[str]:
    """Return the names of the migrations that Procrastinate brings along, in their order."""
    return sorted(path.name for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _content(migration: str) -> bytes:
    return (Path(SchemaManager.get_migrations_path()) / migration).read_bytes()
