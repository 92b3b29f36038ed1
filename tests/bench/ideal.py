"""The ideal that efficiency is measured against, of a wave whose tenants are all alike."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.domain import ideal
from deployer.domain.ideal import Demand, Limits


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


def least_seconds(wave: Wave, limits: Limits) -> float:
    """Return T* of a wave."""
    longest = wave.chain * wave.latency
    return ideal.least_seconds(Demand(wave.requests, wave.latency, longest, wave.tenants * longest), limits)


def worst_second(moments: Sequence[float]) -> int:
    """Return the most events in any span of one second; `moments` ascend."""
    return max((bisect_left(moments, moment + 1.0) - index for index, moment in enumerate(moments)), default=0)
