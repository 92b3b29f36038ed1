"""A shell in which the commands of a page are typed one after another, as whoever reads it types them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Final

# What differs from run to run: how long something took, and the ids that the simulator mints by the clock.
_CHANGING: Final = [(r"\b\d+\.\ds\b", "0.0s"), (r"(?<=flow )[0-9a-f]{24}\b", "0" * 24)]
# The digest of a plan that is about flows with such ids; that of one which only creates is the same everywhere.
_OF_MINTED: Final = [*_CHANGING, (r"(?<=--plan )[0-9a-f]{12}\b", "0" * 12)]
_END: Final = re.compile(r"\x1e(\d+)\n")
# A network of the shell's own: the ports that a page names are free in it, and nothing leads outside.
_ALONE: Final = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "--"]


@dataclass(frozen=True, slots=True)
class Shell:
    """A bash that answers on one pipe; `standing` is what each text of a page stands for here."""

    keys: IO[str]
    screen: IO[str]
    standing: dict[str, str]

    def type(self, command: str) -> tuple[list[str], int]:
        """Type a command, and return the lines that it prints and its exit code, in the words of the page."""
        self._send(f"{command}\nprintf '\\x1e%s\\n' $?")
        lines: list[str] = []
        while not (ended := _END.search(line := self.screen.readline())):
            assert line, f"the shell ended in: {command}"
            lines.append(line)
        before = line[: ended.start()]
        return self._worded([*lines, before] if before else lines), int(ended[1])

    def start(self, command: str, count: int) -> list[str]:
        """Type a command that stays in the background, and return its first lines."""
        self._send(command)
        return self._worded([self.screen.readline() for _ in range(count)])

    def _send(self, text: str) -> None:
        for shown, meant in self.standing.items():
            text = text.replace(shown, meant)
        self.keys.write(f"{text}\n")
        self.keys.flush()

    def _worded(self, lines: list[str]) -> list[str]:
        text = "".join(lines)
        for shown, meant in self.standing.items():
            text = text.replace(meant, shown)
        return text.splitlines()


def settled(lines: Sequence[str], *, minted: bool) -> list[str]:
    """Return lines without what differs from run to run; `minted` where plans are about flows that were made here."""
    text = "\n".join(line.rstrip() for line in lines)
    for pattern, stand_in in _OF_MINTED if minted else _CHANGING:
        text = re.sub(pattern, stand_in, text)
    return list(_in_any_order(text.splitlines()))


def _in_any_order(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines, those of tenants that were done side by side sorted by their names."""
    for done, run in groupby(lines, key=lambda line: line.startswith("done ")):
        together = list(run)
        yield from sorted(together) if done else together


def digests(lines: Sequence[str]) -> list[str]:
    """Return the digests of plans that lines tell to type."""
    return re.findall(_OF_MINTED[-1][0], "\n".join(lines))


def alone() -> list[str]:
    """Return what starts a command in a network of its own, where this machine has such."""
    tried = (
        subprocess.run([*_ALONE, "true"], stderr=subprocess.DEVNULL, check=False) if os.uname()[0] == "Linux" else None
    )
    return _ALONE if tried is not None and tried.returncode == 0 else []


@contextmanager
def shell(directory: Path, home: Path, standing: dict[str, str]) -> Iterator[Shell]:
    """Open a shell in a directory, with a home of its own; what it left in the background is ended with it."""
    programs = Path(sys.executable).parent
    environment = {
        "HOME": str(home),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "LANG": "C.UTF-8",
    }
    with subprocess.Popen(
        [*alone(), "bash", "--norc", "--noprofile"],
        cwd=directory,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Shell(process.stdin, process.stdout, standing)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
