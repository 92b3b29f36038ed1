"""The journal in one SQLite file: WAL, FULL, one writing connection, every row with a checksum."""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

from deployer.domain.deployment import Deployment, Instance
from deployer.domain.documents import canonical
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import Event, State
from deployer.domain.plan import Plan
from deployer.domain.records import plan_from, plan_record
from deployer.errors import JournalError
from deployer.journal.protocol import Entry, Happening, Rollout
from deployer.journal.rows import (
    DEPLOYMENT,
    EVENT,
    INSTANCE,
    ROLLOUT,
    STEP,
    Row,
    checked,
    deployment_row,
    instance_row,
    read_deployment,
    read_instance,
    read_rollout,
    rollout_row,
    step_row,
    step_rows,
    summed,
)
from deployer.journal.writer import Writer

VERSION = 1

_CLAIM = f"""
    SELECT {DEPLOYMENT} FROM deployment WHERE rollout = :rollout AND account = :account AND place > :after
    AND place IN (SELECT place FROM step WHERE rollout = :rollout AND place > :after AND state IN ('ready', 'intended'))
    ORDER BY place LIMIT :limit
"""
_PAGE = f"SELECT {DEPLOYMENT} FROM deployment WHERE rollout = :rollout AND place > :after ORDER BY place LIMIT :limit"
_AWAITING = f"""
    SELECT {DEPLOYMENT} FROM deployment d WHERE tenant = :tenant AND rollout =
        (SELECT r.id FROM rollout r JOIN deployment e ON e.rollout = r.id AND e.tenant = :tenant
            JOIN step s ON s.rollout = e.rollout AND s.place = e.place
            WHERE r.name = :name AND s.state IN ('unknown', 'failed') ORDER BY r.number DESC LIMIT 1)
"""
_OWED = """
    SELECT template, integration, state FROM (
        SELECT d.template, d.integration, s.state, s.position, s.kind, r.number, r.outcome,
            max(r.number) OVER (PARTITION BY d.template, d.integration) AS newest
        FROM step s JOIN deployment d ON d.rollout = s.rollout AND d.place = s.place JOIN rollout r ON r.id = s.rollout
        WHERE s.kind IN ('run', 'follow')
    ) WHERE number = newest AND (state = 'failed' OR (state = 'ready' AND kind = 'run'))
"""
_STEPS = (
    f"SELECT {STEP} FROM step WHERE rollout = ? AND place IN (SELECT value FROM json_each(?)) ORDER BY place, position"
)
_MOVE = """
    UPDATE step SET state = ?, attempts = ?, body = ?, checksum = ?
    WHERE rollout = ? AND place = ? AND position = ? AND state = ? AND attempts = ?
"""
_UNSETTLED = """
    SELECT d.template, d.integration, r.name, d.tenant, s.kind, s.state
    FROM step s JOIN deployment d ON d.rollout = s.rollout AND d.place = s.place JOIN rollout r ON r.id = s.rollout
    WHERE s.state IN ('intended', 'unknown') AND s.kind != 'follow'
"""


class SqliteJournal:
    """A journal in a file. Opened `read_only` it neither writes nor checkpoints what another process writes."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._writer = Writer(lambda: _read(path) if read_only else _open(path))

    async def __aenter__(self) -> Self:
        """Open the file, which is made for its owner alone where there is none."""
        try:
            await self._writer.start()
        except JournalError:
            await self._writer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit what waits, and close; raise JournalError if what nobody waited for could not be written."""
        await self._writer.stop()
        if error is None:
            self._writer.own_up()

    async def begin(self, rollout: Rollout, plan: Plan, remembered: Sequence[Instance]) -> None:
        """Write a rollout, its plan and every tenant's steps in one transaction."""
        head = canonical(plan_record(replace(plan, tenants=())))

        def work(connection: sqlite3.Connection) -> None:
            _insert(connection, "rollout", ROLLOUT, [rollout_row(rollout, head)])
            rows = (deployment_row(rollout.id, place, planned) for place, planned in enumerate(plan.tenants))
            _insert(connection, "deployment", DEPLOYMENT, rows)
            _insert(connection, "step", STEP, step_rows(rollout.id, plan.tenants))
            for instance in remembered:
                _remember(connection, instance)

        await self._writer.ask(work)

    async def latest(self, name: str | None = None, plan: str | None = None) -> Rollout | None:
        """Return the newest rollout, of a name and of a plan's digest where they are given."""
        query = f"""
            SELECT {ROLLOUT} FROM rollout WHERE name = coalesce(?, name) AND plan = coalesce(?, plan)
            ORDER BY number DESC LIMIT 1
        """
        rows = await self._select(query, (name, plan))
        return read_rollout(rows[0])[0] if rows else None

    async def conclude(self, rollout: str, *, outcome: str, reason: str, ended_at: str | None) -> None:
        """Write how a rollout stands; `ended_at` is None while it may go on."""
        change = "UPDATE rollout SET outcome = ?, reason = ?, ended_at = ?, checksum = ? WHERE id = ?"

        def work(connection: sqlite3.Connection) -> None:
            before, head = _rollout(connection, rollout)
            after = replace(before, outcome=outcome, reason=reason, ended_at=ended_at)
            _one(connection, change, (outcome, reason, ended_at, rollout_row(after, head)[-1], rollout))

        await self._writer.ask(work)

    async def plan(self, rollout: str) -> Plan:
        """Return the frozen plan of a rollout, its tenants left out."""
        _, head = await self._writer.ask(lambda connection: _rollout(connection, rollout))
        return plan_from(json.loads(head))

    async def claim(self, rollout: str, account: str, *, after: int, limit: int) -> Sequence[Deployment]:
        """Return the next deployments of an account, by place, that have an open step."""
        wanted = {"rollout": rollout, "account": account, "after": after, "limit": limit}
        return await self._writer.ask(lambda connection: _deployments(connection, _CLAIM, wanted))

    async def deployments(self, rollout: str, *, after: int, limit: int) -> Sequence[Deployment]:
        """Return the next deployments of a rollout by place, whatever their status."""
        wanted = {"rollout": rollout, "after": after, "limit": limit}
        return await self._writer.ask(lambda connection: _deployments(connection, _PAGE, wanted))

    async def deployment(self, rollout: str, tenant: str) -> Deployment | None:
        """Return one tenant's deployment."""
        query = f"SELECT {DEPLOYMENT} FROM deployment WHERE rollout = :rollout AND tenant = :tenant"
        wanted = {"rollout": rollout, "tenant": tenant}
        found = await self._writer.ask(lambda connection: _deployments(connection, query, wanted))
        return found[0] if found else None

    async def awaiting(self, name: str, tenant: str) -> Deployment | None:
        """Return a tenant's newest deployment, in rollouts of a name, that has a step UNKNOWN or FAILED."""
        wanted = {"name": name, "tenant": tenant}
        found = await self._writer.ask(lambda connection: _deployments(connection, _AWAITING, wanted))
        return found[0] if found else None

    async def happenings(self, deployment: Deployment) -> Sequence[Happening]:
        """Return what happened to a deployment, oldest first."""
        query = f"SELECT {EVENT} FROM event WHERE rollout = ? AND place = ? ORDER BY number"
        kinds = [step.kind for step in deployment.steps]
        events = [
            checked(row, f"an event of {deployment.planned.tenant}")
            for row in await self._select(query, (deployment.rollout, deployment.place))
        ]
        return [Happening(kinds[index], Event(event), at, json.loads(body)) for _, _, index, event, at, body in events]

    async def record(self, entry: Entry) -> None:
        """Write an entry and return when it is durable."""
        await self._writer.ask(lambda connection: _enter(connection, entry))

    def note(self, entry: Entry) -> None:
        """Write an entry before anything that is recorded later, without waiting for it."""
        self._writer.tell(lambda connection: _enter(connection, entry))

    async def instances(self, templates: Sequence[str]) -> Sequence[Instance]:
        """Return what is remembered of the live flows of some templates."""
        query = f"SELECT {INSTANCE} FROM instance WHERE template IN (SELECT value FROM json_each(?))"
        return [read_instance(row) for row in await self._select(query, (json.dumps(list(templates)),))]

    async def unsettled(self) -> Mapping[InstanceKey, str]:
        """Return, by instance key, why nothing may start there: a call whose effect is not known yet."""
        rows = await self._select(_UNSETTLED, ())
        return {
            InstanceKey(template, integration): _why_unsettled(name, tenant, kind, state)
            for template, integration, name, tenant, kind, state in rows
        }

    async def owed(self) -> Mapping[InstanceKey, State]:
        """Return, by instance key, READY where the last rollout's run was never asked for, FAILED where it failed."""
        rows = await self._select(_OWED, ())
        return {InstanceKey(template, integration): State(state) for template, integration, state in rows}

    async def _select(self, query: str, wanted: Row) -> list[Row]:
        return await self._writer.ask(lambda connection: connection.execute(query, wanted).fetchall())


def _why_unsettled(name: str, tenant: str, kind: str, state: str) -> str:
    if state == "unknown":
        return f"its {kind} in rollout {name} waits for a person: deployer resolve {tenant}"
    return f"its {kind} in rollout {name} is not settled: finish that rollout with deployer resume"


def _open(path: Path) -> sqlite3.Connection:
    """Open for writing; a new file is readable by its owner alone before SQLite sees it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    _sync_directory(path.parent)
    with ExitStack() as unless_usable:
        connection = unless_usable.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        version = _version(connection, path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}").fetchone()
        if version == 0:
            schema = files("deployer.journal").joinpath("schema.sql").read_text(encoding="utf-8")
            connection.executescript(f"BEGIN; {schema} PRAGMA user_version = {VERSION}; COMMIT;")
        unless_usable.pop_all()
    return connection


def _sync_directory(directory: Path) -> None:
    """Make a new file's name survive power loss, as its content does."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise JournalError(f"there is no journal at {path}", remedy="it is made by the first deployer apply")
    address = f"{path.resolve().as_uri()}?mode=ro"
    with ExitStack() as unless_usable:
        connection = unless_usable.enter_context(closing(sqlite3.connect(address, uri=True, isolation_level=None)))
        _version(connection, path)
        unless_usable.pop_all()
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise JournalError(
            f"{path} was written by a newer deployer (schema {version}, this one knows {VERSION})",
            remedy="install that version; this one would not understand what it reads",
        )
    return version


def _insert(connection: sqlite3.Connection, table: str, columns: str, rows: Iterable[Row]) -> None:
    places = ", ".join("?" for _ in columns.split(", "))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)


def _one(connection: sqlite3.Connection, statement: str, values: Row) -> None:
    """Change exactly one row: anything else means that another process wrote here."""
    changed = connection.execute(statement, values).rowcount
    if changed != 1:
        raise JournalError(f"the journal was changed by somebody else: a write met {changed} rows instead of one")


def _enter(connection: sqlite3.Connection, entry: Entry) -> None:
    deployment, before = entry.deployment, entry.deployment.steps[entry.index]
    where = (deployment.rollout, deployment.place, entry.index)
    _, _, _, _, *columns = step_row(*where, entry.step)
    _one(connection, _MOVE, (*columns, *where, before.state.value, before.attempts))
    _insert(connection, "event", EVENT, [summed((*where, entry.event.value, entry.at, canonical(entry.facts)))])
    if entry.instance:
        _remember(connection, entry.instance)


def _remember(connection: sqlite3.Connection, instance: Instance) -> None:
    connection.execute(f"INSERT OR REPLACE INTO instance ({INSTANCE}) VALUES (?, ?, ?, ?)", instance_row(instance))


def _rollout(connection: sqlite3.Connection, rollout: str) -> tuple[Rollout, str]:
    rows: list[Row] = connection.execute(f"SELECT {ROLLOUT} FROM rollout WHERE id = ?", (rollout,)).fetchall()
    if not rows:
        raise JournalError(f"the journal holds no rollout {rollout}")
    return read_rollout(rows[0])


def _deployments(connection: sqlite3.Connection, query: str, wanted: Mapping[str, object]) -> list[Deployment]:
    rows: list[Row] = connection.execute(query, wanted).fetchall()
    if not rows:
        return []
    steps: dict[int, list[Row]] = {}
    for step in connection.execute(_STEPS, (rows[0][0], json.dumps([row[1] for row in rows]))):
        steps.setdefault(step[1], []).append(step)
    return [read_deployment(row, steps.get(row[1], ())) for row in rows]
