"""The journal in a Postgres database, in a schema of its own."""

import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import conninfo, sql

from deployer.errors import GuardError, JournalError, UsageError
from deployer.journal import queries as q
from deployer.journal.checkup import read_rows
from deployer.journal.connection import Cursor, Values
from deployer.journal.dialect import in_postgres, values_in_postgres
from deployer.journal.opening import VERSION, open_to_write
from deployer.journal.tables import TableJournal

SCHEMA: Final = "deployer"
_VERIFIED: Final = ("verify-full", "verify-ca")
_PATIENCE: Final = 10  # seconds to connect
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

    def __init__(self, address: str, *, read_only: bool = False, alone: bool = True) -> None:
        super().__init__(lambda: _open(address, read_only=read_only, alone=alone))


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
    elif version != VERSION:
        age = "a newer" if version > VERSION else "an older"
        raise JournalError(
            f"{where} was written by {age} deployer (schema {version}, this one knows {VERSION})",
            remedy="install that version; this one would not understand what it reads",
        )


def _hold(raw: "_Raw", address: str) -> None:
    """Take the lock that says who works on the journal: it ends with the connection, whatever becomes of us."""
    if raw.execute("SELECT pg_try_advisory_lock(%s, %s)", _LOCK).fetchone() != (True,):
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
