"""What the fast server counts. A wave begins with the first request that is about a tenant and not about the account.

Requests of the account before the first tenant's (token, template, lists) belong to the plan, not to the wave.
"""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.bench.ideal import worst_second


@dataclass(slots=True)
class Counters:
    """All times are the machine's monotonic clock, which its processes share; `began` is the server's own CPU then."""

    began: float = 0.0
    requests: int = 0
    throttled: int = 0
    last: float = 0.0
    wave: "array[float]" = field(default_factory=lambda: array("d"))
    _calls: list[tuple[int, Callable[[], None]]] = field(default_factory=list)

    def arrive(self, now: float, *, wide: bool) -> None:
        """Count a request."""
        self.requests += 1
        if not wide:
            self.wave.append(now)
            if self._calls:
                self._call_due()

    def answered(self) -> None:
        """Note that an answer left."""
        self.last = time.monotonic()

    def call_at(self, requests: int, then: Callable[[], None]) -> None:
        """Call back once a wave has brought so many requests."""
        self._calls.append((requests, then))
        self._call_due()

    def _call_due(self) -> None:
        arrived = len(self.wave)
        due = [then for requests, then in self._calls if requests <= arrived]
        self._calls = [call for call in self._calls if call[0] > arrived]
        for then in due:
            then()

    def figures(self) -> dict[str, float]:
        """Return the sums: times in seconds, the worst second in requests."""
        first = self.wave[0] if self.wave else self.last
        return {
            "requests": self.requests,
            "wave": len(self.wave),
            "throttled": self.throttled,
            "first": first,
            "makespan": self.last - first,
            "worst_second": worst_second(self.wave),
            "cpu": time.process_time() - self.began,
        }
