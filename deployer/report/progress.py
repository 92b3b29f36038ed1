"""Two ways to look on while a rollout goes: a live view on a terminal, and lines in a pipe."""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

import anyio

from deployer.domain.deployment import TROUBLED, Deployment
from deployer.report.tally import Budget, Tally, boot_seconds, trouble
from deployer.report.text import counted, plain

__all__ = ["Budget", "LiveProgress", "PlainProgress"]

HEARTBEAT = 30.0  # seconds between two signs of life in a pipe
_REFRESH = 0.125  # seconds between two pictures
_FAILURES = 5  # the last ones stay in the picture


class LiveProgress:
    """One picture on a terminal, redrawn while the rollout goes."""

    def __init__(
        self,
        counts: dict[str, int],
        budgets: Callable[[], Budget],
        stream: TextIO,
        *,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        from deployer.report import live_view  # noqa: PLC0415 - rich is loaded only where there is a terminal

        self._tally = Tally(dict(counts), budgets, clock)
        self._failures: deque[str] = deque(maxlen=_FAILURES)
        self._halted: dict[str, str] = {}
        self._live = live_view.new_live(stream, lambda: live_view.draw(self._tally, self._failures, self._halted))

    def moved(self, before: Deployment, after: Deployment) -> None:
        """See a deployment move."""
        if self._tally.moved(before, after) and after.status in TROUBLED:
            self._failures.append(trouble(after))

    def waiting(self, deployment: Deployment, seconds: float, why: str) -> None:
        """See a deployment put aside."""
        self._tally.put_aside(deployment.planned.tenant, seconds, why)

    def held(self, account: str, seconds: float, why: str) -> None:
        """See an account wait before it begins."""
        self._tally.put_aside(account, seconds, why)

    def halted(self, account: str, cause: str) -> None:
        """See an account stop."""
        self._halted[account] = cause

    def refresh(self) -> None:
        """Draw the picture as things stand, as wide as the terminal is now."""
        self._live.refresh()

    async def heartbeat(self) -> None:
        """Redraw until cancelled."""
        while True:
            self.refresh()
            await anyio.sleep(_REFRESH)

    def __enter__(self) -> Self:
        """Start to draw."""
        self._tally.start()
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the picture away: the summary follows."""
        self._live.stop()


class PlainProgress:
    """A line for each tenant that comes to rest, and a sign of life now and then: for pipes and logs."""

    def __init__(
        self,
        counts: dict[str, int],
        budgets: Callable[[], Budget],
        stream: TextIO,
        *,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        self._tally = Tally(dict(counts), budgets, clock)
        self._stream = stream
        self._told: dict[str, str] = {}

    def moved(self, before: Deployment, after: Deployment) -> None:
        """Write a line where a tenant came to rest."""
        if not self._tally.moved(before, after):
            return
        self._told.pop(after.planned.tenant, None)
        if after.status in TROUBLED:
            self._write(f"{after.status.value} {trouble(after)}")
        else:
            flow = f"flow {after.flow}" if after.flow else ""
            self._write(
                " ".join(filter(None, [after.status.value, after.planned.tenant, flow, self._tally.took(after)]))
            )

    def waiting(self, deployment: Deployment, seconds: float, why: str) -> None:
        """Write a line where a tenant waits for something new."""
        tenant = deployment.planned.tenant
        self._tally.put_aside(tenant, seconds, why)
        if self._told.get(tenant) != why:
            self._told[tenant] = why
            self._write(f"waiting {self._tally.waits(tenant)}")

    def held(self, account: str, seconds: float, why: str) -> None:
        """Write that an account waits before it begins."""
        self._tally.put_aside(account, seconds, why)
        self._write(f"waiting {self._tally.waits(account)}")

    def halted(self, account: str, cause: str) -> None:
        """Write that an account stopped."""
        self._write(f"halted {account}: {cause}")

    def beat(self) -> None:
        """Write how things stand."""
        standing = counted(self._tally.counts)
        self._write(" · ".join([f"{self._tally.rested} of {self._tally.total}: {standing}", *self._tally.pace()]))

    async def heartbeat(self) -> None:
        """Write how things stand every 30 seconds until cancelled."""
        while True:
            await anyio.sleep(HEARTBEAT)
            self.beat()

    def _write(self, line: str) -> None:
        self._stream.write(f"{plain(line)}\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        """Start to measure."""
        self._tally.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was written."""
