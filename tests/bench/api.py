"""The fast server as the benchmark holds it: started, told how to behave, asked what it counted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.request import Request, urlopen

from tests.bench.child import ROOT, Child, Ended
from tests.bench.settings import Settings

_PATIENCE: Final = 60.0
_GLANCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What the server counted since `begin`: seconds, requests, and what the rollout left behind.

    `first` is on the machine's monotonic clock; `makespan` goes from the first tenant's request to the last answer.
    """

    requests: int
    wave: int
    throttled: int
    first: float
    makespan: float
    worst_second: int
    cpu: float
    duplicates: int
    missing: int
    unconfigured: int
    jobs: list[dict[str, Any]]


Measured = tuple[Ended, Figures]
"""What a program cost, and what the server saw of it."""


@dataclass(frozen=True, slots=True)
class Api:
    """The door to the server at `url`."""

    url: str

    def begin(self, settings: Settings) -> None:
        """Behave so from now on, and count from nothing."""
        self._ask("begin", json.dumps(asdict(settings)).encode())

    def figures(self) -> Figures:
        """Return what was counted."""
        return Figures(**json.loads(self._ask("figures")))

    def wait_for(self, requests: int, child: Child) -> None:
        """Return once a wave has brought so many requests, or nobody is there to send them."""
        while child.alive:
            with suppress(TimeoutError):
                self._ask(f"await/{requests}", timeout=_GLANCE)
                return

    def _ask(self, what: str, body: bytes | None = None, timeout: float = _PATIENCE) -> bytes:
        request = Request(f"{self.url}/_bench/{what}", body)  # noqa: S310 - loopback
        with urlopen(request, timeout=timeout) as response:  # noqa: S310 - loopback
            return bytes(response.read())


@contextmanager
def serving() -> Iterator[Api]:
    """Serve until the block ends, or until the process that asked for it dies."""
    command = [sys.executable, "-m", "tests.bench.server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Api(process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.kill()
