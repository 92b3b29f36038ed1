"""What a command is at until it has something to show: one line on a terminal, gone before anything else is written."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

import click

from deployer.report.text import columns, cut, duration, numbered, plain

if TYPE_CHECKING:
    from deployer.api.workplace import Workplace
    from deployer.domain.plan import Planned

_FIRST: Final = 0.08  # seconds: who is quicker shows nothing
_AGAIN: Final = 0.1  # seconds between two lines
_STIFF: Final = frozenset({"dumb", "unknown"})  # terminals that can only go on
_KEY: Final = "deployer.meanwhile"  # in a command's context


class Meanwhile:
    """The line, which a thread of its own draws: what it tells of may keep the event loop busy.

    Nobody else can be in the middle of a line while it is drawn: what they write, they write through `_Shared`.
    """

    def __init__(self, stream: TextIO, doing: Callable[[], str]) -> None:
        self._stream = stream
        self._doing = doing
        self._began = time.monotonic()
        self._armed, self._at_start = True, True
        self._drawn = 0  # columns
        self._lock, self._over = threading.Lock(), threading.Event()

    def say(self, doing: Callable[[], str]) -> None:
        """Tell what is done from now on; it is asked for at each line."""
        self._doing, self._armed = doing, True

    def hush(self) -> None:
        """Draw nothing until something is said again."""
        with self._lock:
            self._armed = False
            self._erase()

    def write(self, stream: TextIO, text: str) -> int:
        """Let somebody else write; after results, and in the middle of a line, nothing is drawn."""
        with self._lock:
            self._erase()
            self._armed = self._armed and stream is self._stream
            self._at_start = text.endswith("\n") if text else self._at_start
            return stream.write(text)

    def draw(self) -> None:
        """Draw how things stand, if nobody is in the way."""
        with self._lock:
            if self._armed and self._at_start:
                self._erase()
                line = self._line()
                self._stream.write(line)
                self._stream.flush()
                self._drawn = columns(line)

    def go(self) -> None:
        """Draw until it is over."""
        wait = _FIRST
        while not self._over.wait(wait):
            wait = _AGAIN
            with suppress(OSError):  # of a terminal that went away; whoever writes results will say so
                self.draw()

    def end(self) -> None:
        """Take the line away for good."""
        self._over.set()
        self.hush()

    def _erase(self) -> None:
        if self._drawn:
            folds = (self._drawn - 1) // max(1, _columns(self._stream))  # since the terminal became narrower
            self._stream.write("\r" + "\x1b[K\x1b[A" * folds + "\x1b[K")
            self._stream.flush()
            self._drawn = 0

    def _line(self) -> str:
        said = f"{self._doing()}, {duration(time.monotonic() - self._began)}"
        return cut(plain(said), _columns(self._stream) - 1)  # a full line would be two to some terminals


class _Shared:
    """A stream that others write to meanwhile."""

    def __init__(self, stream: TextIO, line: Meanwhile) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        return self._line.write(self._stream, text)

    def writelines(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return shutil.get_terminal_size().columns


def is_animated(stream: TextIO) -> bool:
    """Tell whether what stands on a stream can be drawn anew: on a terminal that can, and that somebody looks at."""
    return stream.isatty() and os.environ.get("TERM") not in _STIFF and not os.environ.get("CI")


@contextmanager
def shown(ctx: click.Context, doing: str) -> Iterator[None]:
    """Show what a command is at while the block runs, on a terminal."""
    if not is_animated(sys.stderr):
        yield
        return
    out, err = sys.stdout, sys.stderr
    line = ctx.meta[_KEY] = Meanwhile(err, lambda: doing)
    sys.stdout, sys.stderr = _Shared(out, line), _Shared(err, line)
    thread = threading.Thread(target=line.go, daemon=True)
    thread.start()
    try:
        yield
    finally:
        line.end()
        thread.join()
        sys.stdout, sys.stderr = out, err


def say(doing: str) -> None:
    """Tell what is done from now on, where that is shown."""
    if line := _current():
        line.say(lambda: doing)


def hush() -> None:
    """Show nothing until something is said again."""
    if line := _current():
        line.hush()


def planning(
    place: "Workplace", watch: "Callable[[int, Planned], None]" = lambda *_: None
) -> "Callable[[int, Planned], None]":
    """Return what sees each tenant as it is planned, counts it, and passes it on; requests are counted meanwhile."""
    line, of, done = _current(), len(place.loaded.tenants), 0
    if line is None:
        return watch
    from deployer.api.budgets import requests_sent

    def said() -> str:
        far = f"{done:,} of {of:,}" if of else f"{done:,}"
        return f"planning: {far} tenants, {numbered(requests_sent(place), 'request')}"

    def see(number: int, planned: "Planned") -> None:
        nonlocal done
        done += 1
        watch(number, planned)

    line.say(said)
    return see


def _current() -> Meanwhile | None:
    ctx = click.get_current_context(silent=True)
    return ctx.meta.get(_KEY) if ctx else None
