"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from typing import Any


class _Jumping(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        moment = 0.001 if len(self.get_map()) > 1 else 0.0  # loopback is that quick; the loop's own pipe needs none
        ready = super().select(min(timeout, moment) if timeout is not None else None)
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
