"""Servers of all kinds in virtual time, and how well an adaptive pace does against each."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from random import Random
from typing import Protocol

from deployer.domain.adaptive import Pace, Turn, refused, taken, unknown, used
from deployer.domain.pacing import wait_for

LATENCY = 0.1  # seconds there and back
LONG = 120.0  # seconds
TICK = 0.02  # seconds between two looks at how fast it may be


class Server(Protocol):
    """What admits or refuses a request."""

    def admit(self, now: float) -> float:
        """Return 0 for a request that is admitted, else the seconds until one would be."""

    def ideal(self, seconds: float) -> float:
        """Return how many requests of ours could be admitted in the first `seconds`."""


@dataclass
class TokenBucket:
    """A bucket that gains `rate` a second, as it is at that second."""

    size: float
    rate: Callable[[float], float]
    room: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.room = self.size

    def admit(self, now: float) -> float:
        rate = self.rate(now)
        self.room = min(self.size, self.room + rate * (now - self.at))
        self.at = now
        if self.room < 1:
            return (1 - self.room) / rate
        self.room -= 1
        return 0.0

    def ideal(self, seconds: float) -> float:
        steps = int(seconds * 100)
        return self.size + sum(self.rate(step / 100) for step in range(steps)) / 100


@dataclass
class SlidingWindow:
    """At most `most` requests in any `window` seconds."""

    most: int
    window: float
    admitted: deque[float] = field(default_factory=deque)

    def admit(self, now: float) -> float:
        while self.admitted and self.admitted[0] <= now - self.window:
            self.admitted.popleft()
        if len(self.admitted) >= self.most:
            return self.admitted[0] + self.window - now
        self.admitted.append(now)
        return 0.0

    def ideal(self, seconds: float) -> float:
        return self.most * max(1.0, seconds / self.window)


@dataclass
class FixedWindow:
    """At most `most` requests in each window of the clock."""

    most: int
    window: float
    index: int = -1
    count: int = 0

    def admit(self, now: float) -> float:
        if int(now // self.window) != self.index:
            self.index, self.count = int(now // self.window), 0
        if self.count >= self.most:
            return (self.index + 1) * self.window - now
        self.count += 1
        return 0.0

    def ideal(self, seconds: float) -> float:
        return self.most * max(1.0, seconds / self.window)


def steady(rate: float) -> Callable[[float], float]:
    return lambda _: rate


def changing(*rates: float) -> Callable[[float], float]:
    """Return rates that take turns of 40 seconds."""
    return lambda now: rates[int(now // 40) % len(rates)]


def left_by_others(rate: float, chance: Random) -> Callable[[float], float]:
    """Return what others leave of a rate: every ten seconds they take another part of it."""
    parts = [chance.uniform(0.5, 0.8) for _ in range(100)]
    return lambda now: rate * parts[int(now // 10) % len(parts)]


def kinds() -> dict[str, Server]:
    """Return one new server of each kind."""
    return {
        "token bucket": TokenBucket(1000, steady(300)),
        "small token bucket": TokenBucket(50, steady(100)),
        "fast token bucket": TokenBucket(1000, steady(900)),
        "sliding window of 1 s": SlidingWindow(300, 1.0),
        "sliding window of 10 s": SlidingWindow(3000, 10.0),
        "fixed window of 1 s": FixedWindow(300, 1.0),
        "fixed window of 10 s": FixedWindow(3000, 10.0),
        "limit that falls and rises": TokenBucket(300, changing(300, 150)),
        "limit that rises and falls": TokenBucket(300, changing(200, 400, 300)),
        "other traffic": TokenBucket(1000, steady(180)),
        "other traffic that changes": TokenBucket(1000, left_by_others(300, Random(7))),
    }


@dataclass(frozen=True)
class Row:
    """What came of one server: efficiency as a part of 1, and how many of 1,000 requests were refused."""

    kind: str
    efficiency: float
    throttled_per_1000: float


def rows(seconds: float = LONG, *, told: bool = True) -> list[Row]:
    """Return a row for every kind; refusals come with `Retry-After` in whole seconds if we are `told`."""
    return [Row(kind, *drive(server, unknown(), seconds=seconds, told=told)) for kind, server in kinds().items()]


def drive(server: Server, pace: Pace, *, seconds: float, told: bool) -> tuple[float, float]:
    """Send as fast as the pace allows; return the efficiency and the refusals per 1,000."""
    now = grown_at = 0.0
    throttled = 0
    answers: deque[tuple[float, Turn, float]] = deque()
    while now < seconds:
        sent = now + wait_for(pace.bucket, now)
        if answers and answers[0][0] <= sent:
            now, turn, wait = answers.popleft()
            if wait:
                throttled += 1
                pace = refused(pace, turn, now, ceil(wait) if told else None)
                grown_at = pace.bucket.at
            continue
        now = sent
        if now - grown_at >= TICK:
            pace, grown_at = used(pace, now - grown_at), now
        pace = taken(pace, now)
        answers.append((now + LATENCY, Turn(pace.turns, now), server.admit(now + LATENCY / 2)))
    return (pace.turns - throttled) / server.ideal(seconds), 1000 * throttled / pace.turns
