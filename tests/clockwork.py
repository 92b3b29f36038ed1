"""Event loops whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class _Listening(selectors.SelectSelector):
    """A selector that lets time pass once nothing comes over any socket."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        moment = 0.001 if len(self.get_map()) > 1 else 0.0  # loopback is that quick; the loop's own pipe needs none
        ready = super().select(min(timeout, moment) if timeout is not None else None)
        if not ready and timeout:
            self.now += timeout
        return ready


class _Deaf(selectors.BaseSelector):
    """A selector to which nothing ever happens: whoever waits in it is at the end of the wait at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self._map: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401
        key = self._map[fileobj] = selectors.SelectorKey(fileobj, 0, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - the loop's own pipe
        return self._map.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and for nothing that will come")
        self.now += max(0.0, timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._map


class ClockworkLoop(asyncio.SelectorEventLoop):
    """Time passes only while nothing else is to be done, and then at once."""

    def __init__(self, jumping: _Listening | _Deaf | None = None) -> None:
        self._jumping = jumping or _Listening()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-6  # two timers within one are due together, as time is a sum of floats

    def time(self) -> float:
        return self._jumping.now

    def be_busy(self, seconds: float) -> None:
        """Let time pass while no timer can fire."""
        self._jumping.now += seconds


class SealedLoop(ClockworkLoop):
    """The same without a socket, a thread or a wait, and so alike in every run."""

    def __init__(self) -> None:
        super().__init__(_Deaf())

    def _write_to_self(self) -> None:
        """Wake nobody: there is no other thread to do it."""


BACKEND: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": ClockworkLoop})


def run_sealed(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time, and leave nothing behind."""
    loop = SealedLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        _cancel_all(loop)
        loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
