"""The least time in which requests can be done: what efficiency is measured against.

CPU is left out, so the ideal is low, and an efficiency can only look worse than it is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """What has to be done: polls are requests too, and those that are answered 429 are none.

    In seconds: `last` is how long the last answer takes, `longest` the longest chain of one tenant's requests, one
    after the other, and `chains` all chains together.
    """

    requests: int
    last: float = 0.0
    longest: float = 0.0
    chains: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds it: the bucket, and the requests in flight."""

    rate: float
    burst: float
    in_flight: int


def least_seconds(demand: Demand, limits: Limits) -> float:
    """Return T*: the largest of what the bucket, one tenant's chain, and the slots in flight demand."""
    return max(paced_seconds(demand, limits), demand.longest, demand.chains / limits.in_flight)


def paced_seconds(demand: Demand, limits: Limits) -> float:
    """Return what the bucket alone demands, which is full at the begin."""
    return max(0.0, demand.requests - limits.burst) / limits.rate + demand.last
