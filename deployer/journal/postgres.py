"""The journal in a Postgres database, in a schema of its own."""

import os
import socket
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing, nullcontext, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio
import psycopg
from psycopg import conninfo, sql

from deployer.errors import DeployerError, GuardError, JournalError, UsageError
from deployer.journal import claims
from deployer.journal import queries as q
from deployer.journal.checkup import read_rows
from deployer.journal.connection import Connection, Cursor, Values
from deployer.journal.dialect import in_postgres, values_in_postgres
from deployer.journal.migrations import VERSION, to_come
from deployer.journal.opening import open_to_write
from deployer.journal.protocol import Hold
from deployer.journal.tables import TableJournal

SCHEMA: Final = "deployer"
_VERIFIED: Final = ("verify-full", "verify-ca")
_PATIENCE: Final = 10  # seconds to connect
_AGAIN: Final = 0.1  # seconds
_GONE: Final = 1.0  # seconds in which a server notices that a process is dead
_LOCK: Final = (0x6465706C, 0x6F796572)  # "deployer"; the lock is the database's own
_HELD: Final = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND datname = current_database() AND classid = %s AND objid = %s LIMIT 1
"""
_Raw: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


class PostgresJournal(TableJournal):
    """A journal in a database, by its address, `postgresql://…` as libpq reads it; passwords come the usual ways.

    Who may write holds the journal until it is closed, or its connection lost: GuardError says who does.
    """

    is_shared = True

    def __init__(self, address: str, *, read_only: bool = False, alone: bool = True) -> None:
        super().__init__(lambda: _open(address, read_only=read_only, alone=alone))
        self._names: dict[str, str] = {}  # what a plan calls an account, and what it is
        self._epochs: dict[str, int] = {}
        self._beats: dict[str, float] = {}

    @asynccontextmanager
    async def holding(self, accounts: Mapping[str, Collection[str]], boot: str) -> AsyncIterator[Hold]:
        """Hold accounts against every other worker, and say every few seconds that we are alive."""
        me = claims.this_process(boot)
        try:
            for account, names in sorted(accounts.items()):
                await self._take(account, me)
                self._names |= dict.fromkeys(names, account)
            async with anyio.create_task_group() as group:
                group.start_soon(self._stay_alive)
                yield _Claimed(self._beats)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True), suppress(DeployerError):
                await self._writer.ask(self._leave)

    async def _take(self, account: str, me: claims.Holder) -> None:
        while True:
            begun = claims.now()
            match await self._writer.ask(lambda connection: claims.take(connection, account, me)):
                case claims.Taken(epoch):
                    self._epochs[account], self._beats[account] = epoch, begun
                    return
                case claims.Busy(holder, None):
                    remedy = "wait until it has ended, or stop it: it can be resumed"
                    raise GuardError(f"account {account} is in use by {holder}", remedy=remedy)
                case claims.Busy(_, seconds):
                    await anyio.sleep(seconds or _AGAIN)

    async def _stay_alive(self) -> None:
        while True:
            await anyio.sleep(claims.BEAT)
            await self._writer.ask(lambda connection: self._beat(connection, self._epochs))

    def _beat(self, connection: Connection, accounts: Collection[str]) -> None:
        begun = claims.now()
        claims.beat(connection, self._epochs, accounts)
        self._beats |= dict.fromkeys(accounts, begun)

    def _leave(self, connection: Connection) -> None:
        claims.leave(connection, self._epochs)
        self._names, self._epochs, self._beats = {}, {}, {}

    def _guard(self, connection: Connection, accounts: Collection[str]) -> None:
        self._beat(connection, {self._names[name] for name in accounts if name in self._names})

    def _alone(self, connection: Connection, what: str) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (what,))


class _Claimed(Hold):
    """Accounts that were claimed, and when each was last known to be."""

    def __init__(self, beats: Mapping[str, float]) -> None:
        self._beats = beats

    def demand(self, account: str) -> None:
        """Raise GuardError unless the account was ours a moment ago."""
        if claims.now() - self._beats[account] > claims.PATIENCE:
            raise GuardError(
                f"account {account} may be somebody else's by now: the journal was not reached in time",
                remedy="nothing more is sent; see how far it is: deployer status",
            )


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """A database, by its address; `folder` is where plans lie on this machine."""

    address: str
    folder: Path

    def __str__(self) -> str:
        return shown_address(self.address)

    @property
    def name(self) -> str:
        return str(self)

    @property
    def is_shared(self) -> bool:
        return True

    def exists(self) -> bool:
        with closing(_connected(self.address)) as raw:
            return _version(raw) is not None

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()  # the journal holds itself while it is open

    def holder(self) -> str | None:
        with closing(_connected(self.address)) as raw:
            return _holder(raw)

    def open(self, *, read_only: bool = False, alone: bool = True) -> PostgresJournal:
        return PostgresJournal(self.address, read_only=read_only, alone=alone)

    def copy(self, target: Path) -> None:
        if not self.exists():
            return
        with closing(_open(self.address, read_only=True)) as source, closing(open_to_write(target)) as copy:
            copy.execute("BEGIN")
            for table, query in q.GUARDED.items():
                copy.executemany(q.COPY[table], source.execute(query))
            copy.execute("COMMIT")

    def examine(self) -> str:
        with closing(_open(self.address, read_only=True)) as connection:
            return read_rows(connection)


def safe_address(address: str) -> str:
    """Return an address with TLS that is verified, unless the server is on this machine; raise UsageError for less."""
    try:
        said = conninfo.conninfo_to_dict(address)
    except psycopg.Error as error:
        raise UsageError(f"the journal's address cannot be read: {str(error).strip()}") from None
    host = str(said.get("host") or os.environ.get("PGHOST") or "")
    if not host or host.startswith(("/", "@")) or _is_loopback(host):
        return address
    mode = str(said.get("sslmode") or os.environ.get("PGSSLMODE") or "verify-full")
    if mode not in _VERIFIED:
        remedy = "leave sslmode out, and name the authority's certificate with sslrootcert"
        raise UsageError(f"sslmode={mode} does not verify whom the journal is sent to", remedy=remedy)
    trust = {} if said.get("sslrootcert") or os.environ.get("PGSSLROOTCERT") else {"sslrootcert": "system"}
    return conninfo.make_conninfo(address, sslmode=mode, **trust)


def shown_address(address: str) -> str:
    """Return whom an address means, without any secret."""
    said = conninfo.conninfo_to_dict(address)
    host = said.get("host") or os.environ.get("PGHOST") or "localhost"
    port = said.get("port") or os.environ.get("PGPORT") or 5432
    database = said.get("dbname") or os.environ.get("PGDATABASE") or said.get("user") or ""
    return f"postgresql://{host}:{port}/{database}"


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


class _Connection:
    """A connection to Postgres that takes the statements of SQLite."""

    def __init__(self, raw: "_Raw") -> None:
        self._raw = raw

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        return self._raw.execute(in_postgres(statement), values_in_postgres(statement, values))

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        cursor = self._raw.cursor()
        cursor.executemany(in_postgres(statement), rows)
        return cursor

    def rollback(self) -> None:
        self._raw.rollback()

    def close(self) -> None:
        with suppress(psycopg.Error):  # the server would notice, but after whoever comes next
            self._raw.execute("SELECT pg_advisory_unlock_all()")
        self._raw.close()


def _open(address: str, *, read_only: bool, alone: bool = False) -> _Connection:
    raw = _connected(address)
    try:
        if read_only:
            raw.execute("SET default_transaction_read_only = on")
        elif alone:
            _hold(raw, address)
        _demand_tables(raw, address, make=not read_only)
    except BaseException:
        raw.close()
        raise
    return _Connection(raw)


def _connected(address: str) -> "_Raw":
    try:
        return psycopg.connect(
            safe_address(address),
            autocommit=True,  # whoever writes says BEGIN and COMMIT
            application_name=f"deployer: process {os.getpid()} on {socket.gethostname()}",
            connect_timeout=_PATIENCE,
            options=f"-c search_path={SCHEMA} -c synchronous_commit=on",
        )
    except psycopg.Error as error:
        raise JournalError(
            f"the journal {shown_address(address)} cannot be reached: {str(error).strip()}",
            remedy="see that the database runs, and that PGPASSWORD or ~/.pgpass has its password",
        ) from None


def _demand_tables(raw: "_Raw", address: str, *, make: bool) -> None:
    """See that the tables are there, and of this version."""
    version, where = _version(raw), shown_address(address)
    if version is None and make:
        with raw.transaction():
            raw.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
            raw.execute(files("deployer.journal").joinpath("postgres.sql").read_bytes())
            raw.execute("INSERT INTO version VALUES (%s)", (VERSION,))
    elif version is None:
        raise JournalError(f"there is no journal at {where}", remedy="it is made by the first deployer apply")
    else:
        missing = list(to_come(version, where, postgres=True))
        if missing and make:
            _migrate(raw, where)


def _migrate(raw: "_Raw", where: str) -> None:
    """Bring the tables up to date, unless somebody else did meanwhile."""
    with raw.transaction():
        raw.execute("LOCK TABLE version IN EXCLUSIVE MODE")
        for statement in to_come(_version(raw) or VERSION, where, postgres=True):
            raw.execute(statement.encode())
        raw.execute("UPDATE version SET number = %s", (VERSION,))


def _hold(raw: "_Raw", address: str) -> None:
    """Take the lock that says who works on the journal: it ends with the connection, whatever becomes of us."""
    deadline = time.monotonic() + _GONE
    while raw.execute("SELECT pg_try_advisory_lock(%s, %s)", _LOCK).fetchone() != (True,):
        if time.monotonic() < deadline:
            time.sleep(_AGAIN)
            continue
        raise GuardError(
            f"the journal {shown_address(address)} is in use by {_holder(raw) or 'another deployer'}",
            remedy="wait until it has ended, or stop it: it can be resumed",
        )


def _holder(raw: "_Raw") -> str | None:
    """Return who works on the journal, by what it calls itself."""
    found = raw.execute(_HELD, _LOCK).fetchone()
    return str(found[0]).removeprefix("deployer: ") if found else None


def _version(raw: "_Raw") -> int | None:
    if raw.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.version",)).fetchone() == (None,):
        return None
    found = raw.execute("SELECT number FROM version").fetchone()
    return int(found[0]) if found else None
