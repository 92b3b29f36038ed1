"""The real journal on tables in memory, which outlive every process; its writer is no thread, and may die or be cut."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeVar

from deployer.errors import JournalError
from deployer.journal import claims
from deployer.journal.connection import Connection, Cursor, Values
from deployer.journal.postgres import PostgresJournal
from deployer.journal.tables import TableJournal
from deployer.journal.writer import LINGER, Job, Writer
from tests.simulation.process import Process

T = TypeVar("T")

_CLAIMS = """
    CREATE TABLE claim (
        account TEXT PRIMARY KEY, epoch INTEGER NOT NULL, holder TEXT NOT NULL, place TEXT NOT NULL,
        pid INTEGER NOT NULL, beat REAL
    );
    CREATE TABLE part (
        rollout TEXT NOT NULL, wave INTEGER NOT NULL, account TEXT NOT NULL, cause TEXT NOT NULL,
        PRIMARY KEY (rollout, wave, account)
    );
"""
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('alone'))"


class Tables:
    """The tables, and who has which lock of a session."""

    def __init__(self, copy: bytes | None = None) -> None:
        """Begin with a copy of other tables, or with none that holds anything."""
        self.raw = sqlite3.connect(":memory:", isolation_level=None)
        if copy is None:
            self.raw.executescript(files("deployer.journal").joinpath("sqlite.sql").read_text("utf-8") + _CLAIMS)
        else:
            self.raw.deserialize(copy)
        self.locks: dict[tuple[int, int], Session] = {}
        self.raw.create_function("clock_timestamp", 0, lambda: asyncio.get_running_loop().time())

    def close(self) -> None:
        """Forget everything."""
        self.raw.close()


class Session:
    """A connection to the tables: what Postgres says otherwise is said as SQLite has it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.is_cut = False

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        if self.is_cut:
            raise JournalError("the connection to the journal is cut")
        match statement:
            case claims._TRY:  # noqa: SLF001 - what they say is known here, and not to SQLite
                return _Found([(self._locks(_pair(values)),)])
            case claims._FREE:  # noqa: SLF001 - as above
                self._free(_pair(values))
                return _Found([])
            case claims._END:  # noqa: SLF001 - as above
                self._end(_pair(values))
                return _Found([])
            case _ if statement == _ALONE:
                return _Found([])
            case _:
                return self._tables.raw.execute(_in_sqlite(statement), values)

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        return self._tables.raw.executemany(statement, rows)

    def rollback(self) -> None:
        self._tables.raw.rollback()

    def close(self) -> None:
        """End, and let go of every lock."""
        self.is_cut = True
        self._tables.locks = {key: who for key, who in self._tables.locks.items() if who is not self}

    def _locks(self, key: tuple[int, int]) -> bool:
        return self._tables.locks.setdefault(key, self) is self

    def _free(self, key: tuple[int, int]) -> None:
        if self._tables.locks.get(key) is self:
            del self._tables.locks[key]

    def _end(self, key: tuple[int, int]) -> None:
        if key in self._tables.locks:
            self._tables.locks[key].close()


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows that no table gave."""

    rows: list[tuple[Any, ...]]
    rowcount: int = 0

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None

    def __iter__(self) -> Any:  # noqa: ANN401 - an iterator
        return iter(self.rows)


def _pair(values: Values) -> tuple[int, int]:
    first, second = values
    return int(str(first)), int(str(second))


_SAID = (
    ("extract(epoch FROM clock_timestamp() - beat)::float8", "(clock_timestamp() - beat)"),
    (" FOR UPDATE", ""),
)
_known: dict[str, str] = {}


def _in_sqlite(statement: str) -> str:
    if statement not in _known:
        said = statement
        for theirs, ours in _SAID:
            said = said.replace(theirs, ours)
        _known[statement] = said
    return _known[statement]


@dataclass(slots=True)
class _Group:
    """What is written together next."""

    jobs: list[Job[Any]] = field(default_factory=list)
    is_due: bool = False


class InlineWriter(Writer):
    """A writer that commits in the loop, at moments of the simulation, what would wait for the real one's thread."""

    def __init__(self, connect: Callable[[], Connection], process: Process) -> None:
        super().__init__(connect)
        self._process = process
        self._session: Connection | None = None
        self._group = _Group()

    def begin(self) -> None:
        self._session = self._connect()

    async def start(self) -> None:
        self.begin()

    async def ask(self, work: Callable[[Connection], T], *, spaced: bool = False) -> T:
        self._refuse_if_broken()
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting.add_done_callback(_heed)
        await self._process.point("before a commit")
        self._refuse_if_broken()
        self._group.jobs.append(Job(work, waiting, spaced))
        self._write()
        await self._process.point("after a commit")
        return await waiting

    def tell(self, work: Callable[[Connection], object]) -> None:
        self._refuse_if_broken()
        self._process.check()
        self._group.jobs.append(Job(work, None))
        if not self._group.is_due:
            self._group.is_due = True
            asyncio.get_running_loop().call_later(LINGER, self._write_later)

    async def stop(self) -> None:
        if not self._process.is_dead:
            self._write()
        if self._session:
            self._session.close()

    def _write_later(self) -> None:
        self._group.is_due = False
        if not self._process.is_dead and not self._failure:
            self._write()

    def _write(self) -> None:
        """Commit what waits; where the answer is lost, it is durable, and nothing more can be written."""
        batch, self._group.jobs = self._group.jobs, []
        weather = self._process.weather
        if not batch or self._session is None:
            return
        self._commit(self._session, batch)
        if not self._failure and weather.strikes(self._process.chance, "commit"):
            weather.count("commit")
            self._process.trace.note(self._process.name, "loses the answer to a commit")
            self._failure = JournalError("the connection to the journal is cut")
            self._session.close()


def _heed(waiting: "asyncio.Future[Any]") -> None:
    """Take note of an error that nobody lives to hear."""
    if not waiting.cancelled():
        waiting.exception()


def embedded(tables: Tables, process: Process) -> TableJournal:
    """Return a journal of whoever works alone."""
    journal = TableJournal(lambda: Session(tables))
    journal._writer = InlineWriter(lambda: Session(tables), process)  # noqa: SLF001 - in place of the thread
    return journal


def shared(tables: Tables, process: Process) -> PostgresJournal:
    """Return a journal of one of several who work at a time."""
    journal = PostgresJournal("", alone=False)
    journal._writer = InlineWriter(lambda: Session(tables), process)  # noqa: SLF001 - as above
    return journal
