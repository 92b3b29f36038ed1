"""Two ways to look on while a rollout goes: a live view on a terminal, and lines in a pipe."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self, TextIO

import anyio

from deployer.domain.deployment import TROUBLED, Status
from deployer.domain.documents import Document
from deployer.report.causes import Causes
from deployer.report.forecast import Course
from deployer.report.tally import Budget, Tally, boot_seconds, instructed, trouble, wave_said
from deployer.report.text import counted, duration, plain
from deployer.telemetry.events import Event

HEARTBEAT = 30.0  # seconds between two signs of life in a pipe
REFRESH = 0.125  # seconds between two pictures
AHEAD: Final = Course()  # where nothing is known of it
_BARRED: Final = frozenset({"wave.started", "wave.baking", "wave.released"})  # what the bars of the waves show


class LiveProgress:
    """One picture on a terminal, redrawn while the rollout goes."""

    def __init__(
        self,
        counts: Mapping[Status, int],
        budgets: Callable[[], Budget],
        stream: TextIO,
        *,
        course: Course = AHEAD,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        from deployer.report import live_view  # noqa: PLC0415 - rich is loaded only where there is a terminal

        self._tally = Tally(dict(counts), budgets, clock, course)
        self._causes = Causes(1)
        self._halted: dict[str, str] = {}
        self._live = live_view.new_live(stream, lambda: live_view.draw(self._tally, self._causes, self._halted))

    def see(self, event: Event) -> None:
        """See what happened."""
        told = self._tally.see(event)
        match event.name:
            case "tenant.rested" if told["status"] in TROUBLED:
                self._causes.note({"tenant": told["tenant"], "outcome": told["status"], "error": told["error"]})
            case "account.halted":
                self._halted[str(told["account"])] = str(told["cause"])
            case name if name.startswith("wave."):
                self._tally.wave = "" if name in _BARRED else wave_said(name, told)
            case _:
                pass

    def refresh(self) -> None:
        """Draw the picture as things stand, as wide as the terminal is now."""
        self._live.refresh()

    async def heartbeat(self) -> None:
        """Redraw until cancelled."""
        while True:
            self.refresh()
            await anyio.sleep(REFRESH)

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
        counts: Mapping[Status, int],
        budgets: Callable[[], Budget],
        stream: TextIO,
        *,
        course: Course = AHEAD,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        self._tally = Tally(dict(counts), budgets, clock, course)
        self._stream = stream
        self._told: dict[str, str] = {}

    def see(self, event: Event) -> None:
        """Write a line where a tenant came to rest or waits for something new, or an account stopped."""
        told = self._tally.see(event)
        match event.name:
            case "tenant.rested":
                self._told.pop(str(told["tenant"]), None)
                self._write(_rested(told))
            case "step.waiting" | "account.waiting":
                who, why = str(told.get("tenant", told["account"])), str(told["why"])
                if self._told.get(who) != why:
                    self._told[who] = why
                    self._write(f"waiting {self._tally.waits(who)}")
            case "account.halted":
                self._write(f"halted {told['account']}: {told['cause']}")
            case "rollout.instructed":
                self._write(instructed(told))
            case name if name.startswith("wave."):
                self._write(wave_said(name, told))
            case _:
                pass

    def beat(self) -> None:
        """Write how things stand."""
        standing = counted(self._tally.counts)
        self._write(" · ".join([f"{self._tally.rested:,} of {self._tally.total:,}: {standing}", *self._tally.pace()]))

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


def _rested(told: Document) -> str:
    if told["status"] in TROUBLED:
        return f"{told['status']} {trouble(told['tenant'], told['status'], told['error'])}"
    flow = f"flow {told['flow']}" if told["flow"] else ""
    took = duration(float(told["seconds"])) if isinstance(told["seconds"], int | float) else ""
    return " ".join(filter(None, [str(told["status"]), str(told["tenant"]), flow, took]))
