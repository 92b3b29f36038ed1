"""The real `deployer apply` in a process that dies, or stops for a while, where it is told to."""

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

from anyio._backends import _asyncio

from deployer.api import decisions, repair, rolling, rollouts, standing
from deployer.cli import apply, applying, asking, carrying, main, wiring
from deployer.engine import resolving
from deployer.integrator import client, transport
from deployer.integrator.transport import send
from deployer.integrator.wire import Unknown
from deployer.journal import postgres, writer
from deployer.journal.connection import Change, Cursor, Values
from deployer.journal.database import Wrapped, connect
from deployer.report import repair as report
from deployer.simulator.routes import find
from tests.canaries.marks import token
from tests.crash.harness.planted import plant
from tests.crash.harness.scenarios import ACCOUNTS, APPLY, secrets
from tests.crash.harness.simulated import FORK, Door

IMPORTED = (
    *(apply, applying, asking, carrying, wiring, decisions, repair, rolling, rollouts, standing, resolving, report),
    _asyncio,
)
"""What the command imports when it is called: here once, before the forks."""
PATIENCE = 30.0  # seconds after which an apply is taken to hang
HANGS = 124
KILLED = -signal.SIGKILL
_GLANCE = 0.02
JOURNAL, COPY = ".deployer", "copy"  # folders in the directory of the rollout
_NEW_EVENTS = """
    SELECT e.number, e.event || ' ' || s.kind || ' of ' || d.tenant FROM event e
    JOIN step s ON s.rollout = e.rollout AND s.place = e.place AND s.position = e.position
    JOIN deployment d ON d.rollout = e.rollout AND d.place = e.place WHERE e.number > ? ORDER BY e.number
"""


@dataclass(frozen=True, slots=True)
class Strike:
    """Where a process kills itself: at its n-th commit that writes, or when a call of its comes back without answer.

    One that `stops` does not die there, but stands still until somebody lets it go on: at a commit, or when it has
    `sent` its n-th call of a route. After the commit `copy` it makes a copy of its journal.
    """

    commit: int = 0
    after: bool = False
    unanswered: bool = False
    copy: int = 0
    stops: bool = False
    sent: tuple[str, int] = ("", 0)

    def fall(self) -> None:
        """Be struck."""
        os.kill(os.getpid(), signal.SIGSTOP if self.stops else signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Command:
    """One start of a command in a directory; its output goes to files by its number.

    `journal` is its address, if it is in a database.
    """

    place: Path
    door: Door
    number: int
    strike: Strike = Strike()
    without: str = ""
    grouped: bool = True
    words: tuple[str, ...] = APPLY
    journal: str = ""

    def start(self) -> "Started":
        """Start it and return at once."""
        process = FORK.Process(target=self._be)
        process.start()
        return Started(process, self._file("out"))

    def _be(self) -> None:
        self.door.name_victim(os.getpid())  # as long as nothing goes through a proxy
        os.environ.update(_environment(self.door, self.place))
        tempfile.tempdir = None  # which is not that of who forked this
        if self.journal:
            os.environ["DEPLOYER_JOURNAL"] = self.journal
        os.chdir(self.place)
        for descriptor, suffix in ((1, "out"), (2, "err")):
            os.dup2(os.open(self._file(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
        _arm(self.strike, self._file("commits"))
        patch.object(writer, "SPACING", 0.0).start()  # more commits are more places to die at
        if not self.grouped:
            patch.object(writer, "BATCH", 1).start()
        plant(self.without)
        first, *options = self.words
        sys.exit(main([first, "rollout.yaml", "--json", "-vv", *self._watched(first), *options]))

    def _watched(self, command: str) -> Iterable[str]:
        """Yield options of what a command writes besides, where it takes them: all of it is looked through."""
        if command != "rebuild":
            reports = (("md", "md"), ("junit", "xml"))
            yield from (f"--report={kind}={self._file(suffix)}" for kind, suffix in reports)
            yield f"--events={self._file('jsonl')}"

    def _file(self, suffix: str) -> Path:
        return self.place / f"apply-{self.number}.{suffix}"


@dataclass(frozen=True, slots=True)
class Started:
    """An apply that was started, and the file of its standard output."""

    process: ForkProcess
    output: Path

    def end(self, meanwhile: Callable[[], None] | None = None) -> int:
        """Wait for its end and return the exit code; one that hangs is killed, and `HANGS` returned.

        If it stands still, it goes on after what is done `meanwhile`.
        """
        if meanwhile and self._stands_still():
            meanwhile()
            os.kill(int(self.process.pid or 0), signal.SIGCONT)
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            return HANGS
        return self.process.exitcode

    def _stands_still(self) -> bool:
        """Wait until it has stopped or ended, and tell which; the end itself is left to whoever waits for it."""
        deadline = time.monotonic() + PATIENCE
        options = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
        while time.monotonic() < deadline:
            if found := os.waitid(os.P_PID, int(self.process.pid or 0), options):
                return found.si_code == os.CLD_STOPPED
            time.sleep(_GLANCE)
        return False


def _environment(door: Door, place: Path) -> Mapping[str, str]:
    tokens = {f"{account.upper().replace('-', '_')}_TOKEN": token(account) for account in ACCOUNTS}
    scratch = place.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    own = {"SIMULATOR": door.url, "XDG_STATE_HOME": str(place.parent / "state"), "TMPDIR": str(scratch)}
    return {**tokens, **secrets(), **own, **door.abroad.proxies}


def _arm(strike: Strike, record: Path) -> None:
    record.unlink(missing_ok=True)
    watch = _Watch(strike, record)
    patch.object(sqlite3, "connect", partial(sqlite3.connect, factory=partial(_Watched, watch))).start()
    patch.object(
        postgres, "connect", lambda *words, **options: _WatchedTables(watch, connect(*words, **options))
    ).start()
    if strike.unanswered:
        patch.object(client, "send", partial(_send_and_fall, strike)).start()
    if strike.sent[0]:
        patch.object(transport._WatchedRequest, "send", _sending(strike)).start()  # noqa: SLF001 - where it leaves


async def _send_and_fall(strike: Strike, *words: Any, **options: Any) -> object:  # noqa: ANN401 - whatever `send` takes
    answer = await send(*words, **options)
    if isinstance(answer, Unknown) and words[1].method != "GET":
        strike.fall()
    return answer


def _sending(strike: Strike) -> Callable[..., Any]:
    """Return what sends a request, and is struck once the last byte of the one that is meant has left."""
    depart, (route, nth), sent = transport._WatchedRequest.send, strike.sent, count(1)  # noqa: SLF001

    async def departed(request: Any, conn: Any) -> object:  # noqa: ANN401 - aiohttp's own
        response = await depart(request, conn)
        found = find(request.method, request.url.path)
        if found and found.name == route and next(sent) == nth:
            if request._writer is not None:  # noqa: SLF001 - what writes the body
                await request._writer  # noqa: SLF001
            strike.fall()
        return response

    return departed


@dataclass(slots=True)
class _Watch:
    """Count the commits of a process, write down what each one holds, and strike."""

    strike: Strike
    record: Path
    commits: int = 0
    latest: int = 0

    def begins(self, connection: "_Watched | _WatchedTables") -> None:
        self.commits += 1
        with self.record.open("a", encoding="utf-8") as record:
            record.write(f"{self._content(connection)}\n")
        if self.commits == self.strike.commit and not self.strike.after:
            self.strike.fall()

    def ended(self) -> None:
        if self.commits == self.strike.copy:
            shutil.copytree(JOURNAL, COPY)
        if self.commits == self.strike.commit and self.strike.after:
            self.strike.fall()

    def _content(self, connection: "_Watched | _WatchedTables") -> str:
        if not connection.in_transaction:
            return "schema"
        rows = connection.execute(_NEW_EVENTS, (self.latest,)).fetchall()
        self.latest = max((number for number, _ in rows), default=self.latest)
        first = self.commits == 1  # in a journal that holds events already
        return "rollout" if first or not rows else ", ".join(text for _, text in rows)


class _WatchedTables(Wrapped):
    """The same of a connection to Postgres; that it is alive, a worker says whenever it likes."""

    def __init__(self, watch: _Watch, made: Wrapped) -> None:
        super().__init__(made._raw)  # noqa: SLF001 - it takes its place
        self._watch = watch
        self._written = False
        self.in_transaction = True

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        if statement != "COMMIT" or not self._written:
            cursor = super().execute(statement, values)
            self._written |= _writes(statement) and cursor.rowcount > 0
            return cursor
        self._watch.begins(self)
        self._written = False
        cursor = super().execute(statement, values)
        self._watch.ended()
        return cursor

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        self._written = True
        return super().executemany(statement, rows)

    def write_rows(self, changes: Sequence[Change], /) -> list[int]:
        self._written = True
        return super().write_rows(changes)


def _writes(statement: str) -> bool:
    return statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE")) and " claim " not in statement


class _Watched(sqlite3.Connection):
    """A connection whose commits are boundaries, if they write anything."""

    def __init__(self, watch: _Watch, *words: Any, **options: Any) -> None:  # noqa: ANN401 - as sqlite3 has it
        super().__init__(*words, **options)
        self._watch = watch
        self._written = 0

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3 has it
        if sql != "COMMIT" or self.total_changes == self._written:
            return super().execute(sql, *values)
        self._watch.begins(self)
        self._written = self.total_changes
        cursor = super().execute(sql, *values)
        self._watch.ended()
        return cursor

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        self._watch.begins(self)
        cursor = super().executescript(script)
        self._watch.ended()
        return cursor
