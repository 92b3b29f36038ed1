"""Locks between processes: held for a process's life, freed by any death, and able to say who holds or held them."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from deployer.domain.deployment import Moment
from deployer.domain.rebuilding import Work
from deployer.errors import GuardError

_MOMENT: Final = 0.5  # seconds in which those who come first have made a lock one that is shared
_GLANCE: Final = 0.1  # seconds in which whoever only looks is gone
_AGAIN: Final = 0.01  # seconds


@dataclass(slots=True)
class Lease:
    """A lock that is held.

    `dead` names the other journals whose deployers left it without being sure what came of each call; whoever is not
    sure either unsets `settled`, and so does who ends by an error. `works` is what was last seen of each journal that
    worked here, by its path; `note` writes down, durably, what is seen of one now. `left` is when one of each was last
    left by somebody who was sure.
    """

    dead: frozenset[str]
    settled: bool = True
    left: Mapping[str, Moment] = field(default_factory=dict)
    works: Mapping[str, Work] = field(default_factory=dict)
    note: Callable[[str, Work], None] = lambda _, __: None


@contextmanager
def exclusive(
    path: Path, what: str, *, journal: str = "", shared: bool = False, moment: Callable[[], Moment] | None = None
) -> Iterator[Lease]:
    """Hold the lock file at `path` for a journal; raise GuardError naming the holder where another process has it.

    Who names no journal leaves none behind: it only looks. Those who work with one journal that is `shared` hold the
    lock together, and keep out whoever works with another; that one of them is sure says nothing of the others, so that
    only the last of them leaves it settled, at a `moment` that is kept.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        before = _content(descriptor)
        if not (_join(descriptor, journal) if shared else _taken(descriptor)):
            raise _held(before, what)
        content = _content(descriptor)
        works, left = _works(content), _moments(content)
        lease = Lease(frozenset({*content.get("journals", ())} - {journal}), works=works, left={**left})
        kept = _Kept(descriptor, [name for name in (journal, *sorted(lease.dead)) if name], works, left)

        def note(name: str, work: Work) -> None:
            works[name] = work
            kept.write(shared=shared and journal)

        lease.note = note
        kept.write(shared=shared and journal)
        yield lease
        if lease.settled and _is_last(descriptor):
            kept.leave({journal: moment()} if moment else {})
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Hold a lock alone; tell whether that could be. Whoever only looks who holds it has it for an instant."""
    deadline = time.monotonic() + _GLANCE
    while not _locked(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(_AGAIN)
    return True


def _join(descriptor: int, journal: str) -> bool:
    """Hold a lock together with those who work with the same journal; tell whether that could be.

    Whoever comes first has it alone for a moment, and so do two who come at once: then it is tried again.
    """
    deadline = time.monotonic() + _MOMENT
    while not _joined(descriptor, journal):
        if time.monotonic() > deadline:
            return False
        time.sleep(_AGAIN)
    return True


def _joined(descriptor: int, journal: str) -> bool:
    if not _locked(descriptor, fcntl.LOCK_SH):
        return False
    if _is_shared_by(descriptor, journal):
        return True
    if not _locked(descriptor, fcntl.LOCK_EX):  # somebody has it together with others
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return False
    _put(descriptor, {**_content(descriptor), "shared": journal})
    # Not every system changes a lock in one step: somebody else may have had it meanwhile, and share it by now.
    return _locked(descriptor, fcntl.LOCK_SH) and _is_shared_by(descriptor, journal)


def _is_shared_by(descriptor: int, journal: str) -> bool:
    return bool(_content(descriptor).get("shared") == journal)


def _locked(descriptor: int, how: int) -> bool:
    """Lock a file, or change how it is locked, without waiting; tell whether that could be."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def glance(path: Path) -> tuple[frozenset[str], Mapping[str, Work]]:
    """Return, without holding it, the journals a lock was left by unsettled, and what was seen of each at work."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return frozenset(), {}
    try:
        content = _content(descriptor)
    finally:
        os.close(descriptor)
    return frozenset(content.get("journals", ())), _works(content)


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock file at `path` now."""
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> str | None:
    """Return who holds the lock file at `path` now, if anybody does."""
    if not is_held(path):
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _named(_content(descriptor))
    finally:
        os.close(descriptor)


def _is_last(descriptor: int) -> bool:
    """Tell whether nobody else holds the lock; nobody can from then on."""
    return _locked(descriptor, fcntl.LOCK_EX)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the file of a lock holds: besides who has it, which journals, and what is known of each."""

    descriptor: int
    journals: Sequence[str]
    works: Mapping[str, Work]
    left: Mapping[str, Moment]

    def write(self, *, shared: str | Literal[False]) -> None:
        """Write that it is held."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        self._put({**holder, **({"shared": shared} if shared else {}), "journals": self.journals}, self.left)

    def leave(self, now: Mapping[str, Moment]) -> None:
        """Write that nobody holds it any more, who was sure of each call, and since when."""
        self._put({}, {**self.left, **now})

    def _put(self, head: Mapping[str, Any], left: Mapping[str, Moment]) -> None:
        works, moments = ({name: astuple(each) for name, each in about.items()} for about in (self.works, left))
        _put(self.descriptor, {**head, "works": works, "left": moments})


def _put(descriptor: int, document: Mapping[str, Any]) -> None:
    """Write over what the file holds; whoever is killed at it leaves the new content with an end of the old behind."""
    content = json.dumps(document).encode()
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))
    os.fsync(descriptor)


def _content(descriptor: int) -> dict[str, Any]:
    text = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")
    try:
        content, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return {}  # nobody had it yet, or somebody has only just taken it
    return content if isinstance(content, dict) else {}


def _works(content: Mapping[str, Any]) -> dict[str, Work]:
    return {name: Work(*work) for name, work in content.get("works", {}).items()}


def _moments(content: Mapping[str, Any]) -> dict[str, Moment]:
    return {name: Moment(*moment) for name, moment in content.get("left", {}).items()}


def _held(holder: Mapping[str, Any], what: str) -> GuardError:
    return GuardError(
        f"{what} is in use by {_named(holder)}", remedy="wait until it has ended, or stop it: it can be resumed"
    )


def _named(holder: Mapping[str, Any]) -> str:
    return "process {pid} on {host} since {since}".format_map(holder) if "pid" in holder else "another process"
