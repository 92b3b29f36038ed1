"""A program in a process of its own: what it cost is what the kernel says, and none outlives the benchmark."""

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 1800.0  # seconds after which a program is taken to hang
_KILOBYTE: Final = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: exit code (minus the signal that killed it), CPU in seconds, peak memory in bytes."""

    code: int
    cpu: float
    peak: int


class Child:
    """A program that was started in a directory; its output goes to `out` and `err` there, after a `name`."""

    def __init__(
        self, command: Sequence[str], *, place: Path, env: Mapping[str, str] | None = None, name: str = ""
    ) -> None:
        self._place = place
        self._err = place / f"{name}err"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        environment = {"PATH": path, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **(env or {})}
        self.started = time.monotonic()
        with (place / f"{name}out").open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [*command], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Tell whether it has not ended yet."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def kill(self) -> None:
        """End it at once, as a crash would; whatever has ended already is left alone."""
        if self._process.returncode is None:
            self._process.kill()

    def end(self, *codes: int) -> Ended:
        """Wait for its end; raise ChildError where it ended otherwise than with one of `codes`, 0 if none is given."""
        with _deadline(self):
            _, status, usage = os.wait4(self._process.pid, 0)
        atexit.unregister(self.kill)
        code = self._process.returncode = os.waitstatus_to_exitcode(status)
        if code not in (codes or (0,)):
            raise ChildError(self._process.args, code, self._err)
        return Ended(code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KILOBYTE)


class ChildError(Exception):
    """A program ended as it should not have."""

    def __init__(self, command: object, code: int, err: Path) -> None:
        said = err.read_text("utf-8", "replace").strip()
        super().__init__(f"{command} ended with {code} in {err.parent}:\n{said[-2000:]}")


class _deadline:  # noqa: N801 - reads as a word in a with statement
    def __init__(self, child: Child) -> None:
        self._timer = Timer(PATIENCE, child.kill)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
