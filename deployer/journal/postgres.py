"""The journal in a Postgres database, in a schema of its own."""

import os
import socket
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg import conninfo, sql

from deployer.errors import GuardError, JournalError, UsageError
from deployer.journal.connection import Cursor, Values
from deployer.journal.dialect import in_postgres, values_in_postgres
from deployer.journal.tables import TableJournal

VERSION: Final = 5
SCHEMA: Final = "deployer"
_VERIFIED: Final = ("verify-full", "verify-ca")
_PATIENCE: Final = 10  # seconds to connect
_HELD: Final = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s LIMIT 1
"""


class PostgresJournal(TableJournal):
    """A journal in a database, by its address, `postgresql://…` as libpq reads it; passwords come the usual ways.

    Who may write holds the journal until it is closed, or its connection lost: GuardError says who does.
    """

    def __init__(self, address: str, *, read_only: bool = False) -> None:
        super().__init__(lambda: _open(address, read_only=read_only))


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

    def __init__(self, raw: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._raw = raw

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        return self._raw.execute(in_postgres(statement), values_in_postgres(statement, values))  # type: ignore[arg-type]  # of our own constants

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        cursor = self._raw.cursor()
        cursor.executemany(in_postgres(statement), rows)  # type: ignore[arg-type]  # as above
        return cursor

    def rollback(self) -> None:
        self._raw.rollback()

    def close(self) -> None:
        self._raw.close()


def _open(address: str, *, read_only: bool) -> _Connection:
    raw = psycopg.connect(
        safe_address(address),
        autocommit=True,  # whoever writes says BEGIN and COMMIT
        application_name=f"deployer {socket.gethostname()} process {os.getpid()}",
        connect_timeout=_PATIENCE,
        options=f"-c search_path={SCHEMA} -c synchronous_commit=on",
    )
    try:
        _prepare(raw, address, read_only=read_only)
    except BaseException:
        raw.close()
        raise
    return _Connection(raw)


def _prepare(raw: "psycopg.Connection[tuple[Any, ...]]", address: str, *, read_only: bool) -> None:
    """Hold the journal, and see that its tables are there, and of this version."""
    where = shown_address(address)
    if read_only:
        raw.execute("SET default_transaction_read_only = on")
    else:
        _hold(raw, where)
    version = _version(raw)
    if version is None and not read_only:
        with raw.transaction():
            raw.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
            raw.execute(files("deployer.journal").joinpath("postgres.sql").read_text(encoding="utf-8"))  # type: ignore[arg-type]  # as above
            raw.execute("INSERT INTO version VALUES (%s)", (VERSION,))
    elif version is None:
        raise JournalError(f"there is no journal at {where}", remedy="it is made by the first deployer apply")
    elif version != VERSION:
        age = "a newer" if version > VERSION else "an older"
        raise JournalError(
            f"{where} was written by {age} deployer (schema {version}, this one knows {VERSION})",
            remedy="install that version; this one would not understand what it reads",
        )


def _hold(raw: "psycopg.Connection[tuple[Any, ...]]", where: str) -> None:
    """Take the lock that says who works on the journal: it ends with the connection, whatever becomes of us."""
    key = raw.execute("SELECT hashtext('deployer'), hashtext(%s)", (SCHEMA,)).fetchone()
    if raw.execute("SELECT pg_try_advisory_lock(%s, %s)", key).fetchone() != (True,):
        found = raw.execute(_HELD, key).fetchone()
        whom = found[0].removeprefix("deployer ") if found else "another deployer"
        raise GuardError(
            f"the journal {where} is in use by {whom}", remedy="wait until it has ended, or look with deployer status"
        )


def _version(raw: "psycopg.Connection[tuple[Any, ...]]") -> int | None:
    if raw.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.version",)).fetchone() == (None,):
        return None
    found = raw.execute("SELECT number FROM version").fetchone()
    return found[0] if found else None
