"""Locks between processes: held for a process's life, freed by any death, and able to say who holds or held them."""

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployer.domain.rebuilding import Work
from deployer.errors import GuardError


@dataclass(slots=True)
class Lease:
    """A lock that is held.

    `dead` names the other journals whose deployers left it without being sure what came of each call; whoever is not
    sure either unsets `settled`, and so does who ends by an error. `works` is what was last seen of each journal that
    worked here, by its path; `note` writes down, durably, what is seen of one now.
    """

    dead: frozenset[str]
    settled: bool = True
    works: Mapping[str, Work] = field(default_factory=dict)
    note: Callable[[str, Work], None] = lambda _, __: None


@contextmanager
def exclusive(path: Path, what: str, *, journal: str = "", shared: bool = False) -> Iterator[Lease]:
    """Hold the lock file at `path` for a journal; raise GuardError naming the holder where another process has it.

    Who names no journal leaves none behind: it only looks. Those who work with a journal that is `shared` hold the lock
    together; that one of them is sure says nothing of the others, so that only the last of them leaves it settled.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = _content(descriptor)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(before, what) from None
        content = _content(descriptor)
        works = _works(content)
        lease = Lease(frozenset({*content.get("journals", ())} - {journal}), works=works)
        holding = [name for name in (journal, *sorted(lease.dead)) if name]

        def note(name: str, work: Work) -> None:
            works[name] = work
            _write(descriptor, holding, works)

        lease.note = note
        _write(descriptor, holding, works)
        yield lease
        if lease.settled and (not shared or _is_last(descriptor)):
            _write(descriptor, (), works, left=True)
    finally:
        os.close(descriptor)


def glance(path: Path) -> tuple[frozenset[str], Mapping[str, Work]]:
    """Return, without holding it, the journals a lock was left by unsettled, and what was seen of each at work."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _named(_content(descriptor))
    finally:
        os.close(descriptor)


def _is_last(descriptor: int) -> bool:
    """Tell whether nobody else holds a lock that is shared; nobody can from then on."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int, journals: Sequence[str], works: Mapping[str, Work], *, left: bool = False) -> None:
    """Write over what the file holds; whoever is killed at it leaves the new content with an end of the old behind."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {} if left else {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    seen = {name: astuple(work) for name, work in works.items()}
    content = json.dumps({**holder, "journals": journals, "works": seen}).encode()
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


def _held(holder: Mapping[str, Any], what: str) -> GuardError:
    return GuardError(
        f"{what} is in use by {_named(holder)}", remedy="wait until it has ended, or stop it: it can be resumed"
    )


def _named(holder: Mapping[str, Any]) -> str:
    return "process {pid} on {host} since {since}".format_map(holder) if "pid" in holder else "another process"
