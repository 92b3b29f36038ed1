"""A command as a person types it at a terminal."""

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pyte

from tests.engine.stage import Stage

_LINES, _COLUMNS = 50, 120


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal, and the process that has it."""

    process: "subprocess.Popen[bytes]"
    descriptor: int

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def read(self) -> str:
        """Return everything that is sent to the terminal until the process ends."""
        return b"".join(_read(self.descriptor)).decode()


@contextmanager
def terminal(stage: Stage, *words: str, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Type a command at a terminal of its own."""
    stage.write()
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (_LINES, _COLUMNS))
    with subprocess.Popen(
        [sys.executable, "-m", "deployer", *words],
        cwd=stage.directory,
        env={**os.environ, **stage.environment, "TERM": "xterm-256color", "CI": "", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)


def _read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(descriptor, 4096)
        except OSError:  # how Linux says that nobody writes any more
            return


def screen(text: str) -> str:
    """Return what stands on a terminal that was sent all this."""
    shown = pyte.Screen(_COLUMNS, _LINES)
    pyte.Stream(shown).feed(text)
    return "\n".join(line.rstrip() for line in shown.display).strip()
