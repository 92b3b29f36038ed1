"""Connect to a Postgres database: whom it trusts, the tables it needs, and the lock that says who works alone."""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import conninfo, pq, sql

from deployer.errors import GuardError, JournalError, UsageError
from deployer.journal.connection import Change, Cursor, Values
from deployer.journal.dialect import in_postgres, together_in_postgres, values_in_postgres
from deployer.journal.migrations import VERSION, to_come

SCHEMA: Final = "deployer"
_VERIFIED: Final = ("verify-full", "verify-ca")
_UNSAID: Final = "prefer"  # libpq's own choice: whoever wants it says it
_PATIENCE: Final = 10  # seconds to connect
_AGAIN: Final = 0.1  # seconds
_GONE: Final = 1.0  # seconds in which a server notices that a process is dead
_LOCK: Final = (0x6465706C, 0x6F796572)  # "deployer"; the lock is the database's own
_HELD: Final = """
    SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND datname = current_database() AND classid = %s AND objid = %s LIMIT 1
"""
_Raw: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


def safe_address(address: str) -> str:
    """Return an address with TLS that is verified, unless the server is on this machine; raise UsageError for less."""
    try:
        said = conninfo.conninfo_to_dict(address)
    except psycopg.Error as error:
        raise UsageError(f"the journal's address cannot be read: {str(error).strip()}") from None
    usual = _usual()  # of the environment
    hosts = [said.get(name) or usual.get(name) for name in ("host", "hostaddr")]
    if "service" not in said and all(_is_here(host) for each in hosts if each for host in str(each).split(",")):
        return address
    mode = said.get("sslmode") or usual["sslmode"].replace(_UNSAID, "verify-full")
    if mode not in _VERIFIED:
        remedy = "leave sslmode out, and name the authority's certificate with sslrootcert"
        raise UsageError(f"sslmode={mode} does not verify whom the journal is sent to", remedy=remedy)
    trust = {} if said.get("sslrootcert") or usual.get("sslrootcert") else {"sslrootcert": "system"}
    return conninfo.make_conninfo(address, sslmode=mode, **trust)


def shown_address(address: str) -> str:
    """Return whom an address means, without any secret."""
    said = conninfo.conninfo_to_dict(address)
    said = {**_usual(), **said}
    host, database = said.get("host", "localhost"), said.get("dbname") or said.get("user") or ""
    return f"postgresql://{host}:{said['port']}/{database}"


def _usual() -> dict[str, str]:
    """Return what libpq takes where an address says nothing: the environment's, a named service's, or its own."""
    found = ((one.keyword, one.val) for one in pq.Conninfo.get_defaults())
    return {keyword.decode(): value.decode() for keyword, value in found if value}


def _is_here(host: str) -> bool:
    """Tell whether a host, of which one that looks like an address is one, is this machine."""
    if not host or host == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Wrapped:
    """A connection to Postgres that takes the statements of SQLite."""

    def __init__(self, raw: "_Raw") -> None:
        self._raw = raw

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        return self._raw.execute(in_postgres(statement), values_in_postgres(statement, values))

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        cursor = self._raw.cursor()
        cursor.executemany(in_postgres(statement), rows)
        return cursor

    def write_rows(self, changes: Sequence[Change], /) -> list[int]:
        """Execute statements as one, each for every row at once; return how many rows of the table each met."""
        kinds = tuple((statement, tuple(isinstance(one, int) for one in rows[0])) for statement, rows in changes)
        lists = [json.dumps(rows, ensure_ascii=False, separators=(",", ":")) for _, rows in changes]
        [met] = self._raw.execute(together_in_postgres(kinds), lists).fetchall()
        return list(met)

    def rollback(self) -> None:
        self._raw.rollback()

    def close(self) -> None:
        with suppress(psycopg.Error):  # the server would notice, but after whoever comes next
            self._raw.execute("SELECT pg_advisory_unlock_all()")
        self._raw.close()


def connect(address: str, *, read_only: bool, alone: bool = False) -> Wrapped:
    """Connect to a journal, whose tables are made unless it is only read; raise GuardError where another is `alone`."""
    raw = connected(address)
    try:
        if read_only:
            raw.execute("SET default_transaction_read_only = on")
        elif alone:
            _hold(raw, address)
        _demand_tables(raw, address, make=not read_only)
    except BaseException:
        raw.close()
        raise
    return Wrapped(raw)


@contextmanager
def glanced(address: str) -> "Iterator[_Raw]":
    """Connect for a moment; raise JournalError where the server does not answer any more."""
    try:
        with closing(connected(address)) as raw:
            yield raw
    except psycopg.Error as error:
        raise JournalError(f"the journal {shown_address(address)} does not answer: {str(error).strip()}") from None


def connected(address: str) -> "_Raw":
    """Connect, whatever there is; raise JournalError where that cannot be."""
    try:
        raw = psycopg.connect(
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
    [(backend,)] = raw.execute("SELECT pg_backend_pid()").fetchall()
    if backend != raw.info.backend_pid:  # a pooler makes up what it calls the connection
        raw.close()
        raise JournalError(
            f"the journal {shown_address(address)} is reached through a connection pooler, which loses locks",
            remedy="give the address of the database itself",
        )
    return raw


def _demand_tables(raw: "_Raw", address: str, *, make: bool) -> None:
    """See that the tables are there, and of this version."""
    version, where = version_of(raw), shown_address(address)
    if version is None and make:
        _make_tables(raw)
    elif version is None:
        raise JournalError(f"there is no journal at {where}", remedy="it is made by the first deployer apply")
    else:
        missing = list(to_come(version, where, postgres=True))
        if missing and make:
            _migrate(raw, where)


def _make_tables(raw: "_Raw") -> None:
    """Make the tables, unless somebody else does.

    The lock is taken before the transaction: in one that had looked already, what is not there stays so.
    """
    raw.execute("SELECT pg_advisory_lock(%s)", _LOCK[:1])
    try:
        if version_of(raw) is not None:
            return
        with raw.transaction():
            raw.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
            raw.execute(files("deployer.journal").joinpath("postgres.sql").read_bytes())
            raw.execute("INSERT INTO version VALUES (%s)", (VERSION,))
    finally:
        raw.execute("SELECT pg_advisory_unlock(%s)", _LOCK[:1])


def _migrate(raw: "_Raw", where: str) -> None:
    """Bring the tables up to date, unless somebody else did meanwhile."""
    with raw.transaction():
        raw.execute("LOCK TABLE version IN EXCLUSIVE MODE")
        for statement in to_come(version_of(raw) or VERSION, where, postgres=True):
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
            f"the journal {shown_address(address)} is in use by {holder_of(raw) or 'another deployer'}",
            remedy="wait until it has ended, or stop it: it can be resumed",
        )


def holder_of(raw: "_Raw") -> str | None:
    """Return who works on the journal alone, by what it calls itself."""
    found = raw.execute(_HELD, _LOCK).fetchone()
    return str(found[0]).removeprefix("deployer: ") if found else None


def version_of(raw: "_Raw") -> int | None:
    """Return the version of the tables; None where there are none."""
    if raw.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.version",)).fetchone() == (None,):
        return None
    found = raw.execute("SELECT number FROM version").fetchone()
    return int(found[0]) if found else None
