"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from typing import Any


class _Jumping(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(min(timeout, 0.001) if timeout is not None else None)  # loopback is that quick
        if not ready and timeout:
            self.now += timeout
        return ready


class ClockworkLoop(asyncio.SelectorEventLoop):
    """Time passes only while nothing else is to be done, and then at once."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def be_busy(self, seconds: float) -> None:
        """Let time pass while no timer can fire."""
        self._jumping.now += seconds


BACKEND: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": ClockworkLoop})
