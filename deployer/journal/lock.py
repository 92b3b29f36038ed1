"""Locks between processes: held for a process's life, freed by any death, and able to say who holds or held them."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployer.errors import GuardError


@dataclass(slots=True)
class Lease:
    """A lock that is held.

    `dead` names the other journals whose deployers left it without being sure what came of each call; whoever is not
    sure either unsets `settled`, and so does who ends by an error.
    """

    dead: frozenset[str]
    settled: bool = True


@contextmanager
def exclusive(path: Path, what: str, *, journal: str = "") -> Iterator[Lease]:
    """Hold the lock file at `path` for a journal; raise GuardError naming the holder where another process has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = _content(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held(before, what) from None
        lease = Lease(frozenset({*_content(descriptor).get("journals", ())} - {journal}))
        _write(descriptor, [journal, *sorted(lease.dead)])
        yield lease
        if lease.settled:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


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


def _write(descriptor: int, journals: list[str]) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "journals": journals}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    os.fsync(descriptor)


def _content(descriptor: int) -> dict[str, list[str]]:
    try:
        content = json.loads(os.pread(descriptor, 65536, 0))
    except ValueError:
        return {}  # nobody had it yet, or somebody has only just taken it
    return content if isinstance(content, dict) else {}


def _held(holder: dict[str, list[str]], what: str) -> GuardError:
    whom = "process {pid} on {host} since {since}".format_map(holder) if holder else "another process"
    return GuardError(f"{what} is in use by {whom}", remedy="wait until it has ended, or stop it: it can be resumed")
