"""Count what an account is asked, one span of time after the other."""

import asyncio
from collections.abc import Callable
from typing import Final

from deployer.domain.samples import Call, Sample, bucket_of

_SHORTEST, _USUAL = 1.0, 10.0  # seconds
_EARLY, _LATE = 0.1, 0.01  # of the time since the start: short work is seen more closely, and long has not more rows
_LEAST: Final = 0.001  # seconds


class Meter:
    """Counts while somebody listens.

    A span begins with a request, and is told of when one comes after its end: so nothing is told of times in which
    nothing is asked, and no timer is needed.
    """

    def __init__(self) -> None:
        self._listening: Callable[[Sample], None] | None = None
        self._requests = self._throttled = self._in_flight = 0
        self._latency: dict[Call, dict[int, int]] = {}

    def listen(self, account: str, utc: Callable[[], str], listening: Callable[[Sample], None]) -> None:
        """Begin to count for an account, and have `listening` called with each span; `utc` is asked when one begins."""
        self._account, self._utc, self._listening = account, utc, listening
        self._started, self._ends, self._paused_until = self._now(), 0.0, 0.0
        self._open(self._started, 0.0)

    def end(self) -> None:
        """Tell of the span that is open, and count no more."""
        if self._listening:
            self._close(max(_LEAST, min(self._ends, self._now()) - self._began))
            self._listening = None

    def sent(self, in_flight: int, limit: float) -> float:
        """Count a request that leaves now, and return when that is; `in_flight` are on the wire with it."""
        now = self._now()
        if self._listening:
            if now >= self._ends:
                self._close(self._ends - self._began)
                self._open(now, _span(now - self._started))
            self._requests += 1
            self._limit = limit
            self._in_flight = max(self._in_flight, in_flight)
        return now

    def answered(self, call: Call, left: float) -> None:
        """Count the answer to a request that left at `left`; a 429 is not one."""
        if self._listening:
            counts = self._latency.setdefault(call, {})
            bucket = bucket_of(self._now() - left)
            counts[bucket] = counts.get(bucket, 0) + 1

    def refused(self, until: float) -> None:
        """Count a 429 that pauses the account until then, on the loop's clock."""
        if self._listening:
            self._throttled += 1
            self._paused += max(0.0, until - max(self._now(), self._paused_until))
            self._paused_until = max(self._paused_until, until)

    def _open(self, now: float, seconds: float) -> None:
        self._at = self._utc()
        self._began, self._ends = now, now + seconds
        self._requests = self._throttled = self._in_flight = 0
        self._paused = self._limit = 0.0
        self._latency = {}

    def _close(self, seconds: float) -> None:
        if self._listening and (self._requests or self._throttled or self._latency):
            self._listening(
                Sample(
                    self._account,
                    self._at,
                    round(seconds, 3),
                    self._requests,
                    self._throttled,
                    round(self._paused, 3),
                    self._in_flight,
                    round(self._limit, 3),
                    self._latency,
                )
            )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _span(elapsed: float) -> float:
    """Return how long the next span is, so many seconds after the start."""
    return max(_SHORTEST, min(_USUAL, _EARLY * elapsed), _LATE * elapsed)
