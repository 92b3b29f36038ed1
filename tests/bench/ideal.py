"""The ideal that efficiency is measured against: T* of a wave. Polls count as requests; CPU is left out, so T* is low.

Leaving the CPU out of T* can only make an efficiency worse than the page defines it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wave:
    """The work: so many tenants of `chain` requests each, one after the other, that take `latency` seconds each."""

    tenants: int
    chain: int
    latency: float

    @property
    def requests(self) -> int:
        """Return how many requests the wave needs at least."""
        return self.tenants * self.chain


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a wave: the bucket, and the requests in flight."""

    rate: float
    burst: float
    in_flight: int


def least_seconds(wave: Wave, limits: Limits) -> float:
    """Return T*: the largest of what the bucket, one tenant's chain, and the slots in flight demand."""
    paced = max(0.0, wave.requests - limits.burst) / limits.rate + wave.latency
    longest = wave.chain * wave.latency
    crowded = wave.requests * wave.latency / limits.in_flight
    return max(paced, longest, crowded)


def worst_second(moments: Sequence[float]) -> int:
    """Return the most events in any span of one second; `moments` ascend."""
    return max((bisect_left(moments, moment + 1.0) - index for index, moment in enumerate(moments)), default=0)
