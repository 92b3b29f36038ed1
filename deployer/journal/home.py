"""Where a journal lies, and what may be asked of it without working on it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deployer.journal.calendar import ALONE_IN_FILE, Calendar, in_file, in_memory
from deployer.journal.checkup import read_whole
from deployer.journal.lock import exclusive, holder
from deployer.journal.opening import copy_journal, give_back, open_to_read
from deployer.journal.protocol import Journal
from deployer.journal.sqlite import SqliteJournal
from deployer.journal.watched import WatchedJournal


class Home(Protocol):
    """A place that has a journal, or will have one. As text it is what people are told."""

    @property
    def folder(self) -> Path:
        """Return where plans and what else goes with a journal lie on this machine."""

    @property
    def name(self) -> str:
        """Return the name by which accounts know the journal."""

    @property
    def is_shared(self) -> bool:
        """Tell whether several may write at a time, so that what people say needs no file."""

    def exists(self) -> bool:
        """Tell whether a journal is there."""

    def hold(self) -> AbstractContextManager[object]:
        """Keep others from working on it; raise GuardError naming who does."""

    def holder(self) -> str | None:
        """Return who works on it now, if anybody does."""

    def open(self, *, read_only: bool = False, alone: bool = True) -> Journal:
        """Return the journal, still closed; one that is read alone has to be there. Work is done `alone`."""

    def calendar(self, *, read_only: bool = False) -> Calendar:
        """Return the schedules that go with the journal, still closed; who only reads makes nothing."""

    def watched(self) -> WatchedJournal:
        """Return the journal for somebody who looks at it again and again, still closed; it has to be there."""

    def mark(self) -> object:
        """Return what is another once anything was written, in the journal or the schedules; it costs little."""

    def copy(self, target: Path) -> None:
        """Copy the journal into a file; where there is none, nothing is copied."""

    def shrink(self) -> str:
        """Give back the room of what was deleted; return why that could not be. Nobody else may work on it."""

    def examine(self) -> str:
        """Read it to its end and return what it is; raise JournalError where it is damaged."""


@dataclass(frozen=True, slots=True)
class SqliteHome:
    """A file, with its lock beside it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def name(self) -> str:
        return str(self.path.resolve())

    @property
    def is_shared(self) -> bool:
        return False

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    @property
    def _schedules(self) -> Path:
        return self.path.with_name(f"{self.path.stem}-schedules.db")

    def exists(self) -> bool:
        return self.path.exists()

    def hold(self) -> AbstractContextManager[object]:
        return exclusive(self._lock, f"the journal {self.path}")

    def holder(self) -> str | None:
        return holder(self._lock)

    def open(self, *, read_only: bool = False, alone: bool = True) -> Journal:  # noqa: ARG002 - it always is
        return SqliteJournal(self.path, read_only=read_only)

    def calendar(self, *, read_only: bool = False) -> Calendar:
        path = self._schedules
        return Calendar(in_memory if read_only and not path.exists() else in_file(path), alone=ALONE_IN_FILE)

    def watched(self) -> WatchedJournal:
        return WatchedJournal(lambda: open_to_read(self.path))

    def mark(self) -> object:
        beside = (self.path, self._lock, self._schedules)
        return [_stamp(each) for path in beside for each in (path, path.with_name(f"{path.name}-wal"))]

    def copy(self, target: Path) -> None:
        copy_journal(self.path, target)

    def shrink(self) -> str:
        return give_back(self.path)

    def examine(self) -> str:
        return read_whole(self.path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one state of a file from the next; None where nothing is in it: SQLite makes such to look."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found.st_size else None
