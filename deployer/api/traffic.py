"""What a rollout asks, from samples that are read once: requests in spans of time, answers, tenants that rest."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Final

from deployer.domain.samples import Call, Latencies, Sample, added, quantile

SPAN: Final = 10  # seconds
_SPANS: Final = 180  # that are kept, the newest: half an hour
_FRESH: Final = timedelta(seconds=2.5 * SPAN)  # in which what was sampled last still goes on
_WINDOW: Final = 60.0  # seconds over which tenants that rest are counted


@dataclass(slots=True)
class _Asked:
    """What one account was asked in a span of time, in the seconds of it that were counted."""

    requests: float = 0.0
    seconds: float = 0.0
    limit: float = 0.0
    in_flight: int = 0


@dataclass(slots=True)
class Span:
    """What all accounts were asked in a span of time; `throttled` is a count, `paused` in seconds."""

    at: int  # in spans since the epoch
    throttled: int = 0
    paused: float = 0.0
    _asked: dict[str, _Asked] = field(default_factory=dict)

    def add(self, sample: Sample, seconds: float) -> None:
        """Take in so many seconds of a sample, whose requests are spread evenly over it."""
        asked = self._asked.setdefault(sample.account, _Asked())
        asked.requests += sample.requests * seconds / sample.seconds
        asked.seconds += seconds
        asked.limit = max(asked.limit, sample.limit)
        asked.in_flight = max(asked.in_flight, sample.in_flight)

    @property
    def rate(self) -> float:
        """Return the requests a second."""
        return sum(each.requests / max(each.seconds, 1.0) for each in self._asked.values())

    @property
    def limit(self) -> float:
        """Return the highest limit there was, of all accounts together."""
        return sum(each.limit for each in self._asked.values())

    @property
    def in_flight(self) -> int:
        """Return how many requests were on the wire at most, of all accounts together."""
        return sum(each.in_flight for each in self._asked.values())


@dataclass(slots=True)
class Traffic:
    """A rollout's requests so far. `read` is the number of the last sample that was taken in."""

    requests: int = 0
    throttled: int = 0
    paused: float = 0.0
    read: int = 0
    latency: dict[Call, Latencies] = field(default_factory=dict)
    _spans: dict[int, Span] = field(default_factory=dict)
    _rested: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def spans(self) -> Sequence[Span]:
        """Return the spans in which anything was asked, in order."""
        return [self._spans[at] for at in sorted(self._spans)]

    def add(self, samples: Iterable[Sample]) -> None:
        """Take samples in, which are of a second or of many, and of several processes a little out of order."""
        for sample in samples:
            self.requests += sample.requests
            self.throttled += sample.throttled
            self.paused += sample.paused
            begin = datetime.fromisoformat(sample.at).timestamp()
            first = self._span(int(begin // SPAN))
            first.throttled += sample.throttled
            first.paused = max(first.paused, sample.paused)
            for at, seconds in _parts(begin, begin + sample.seconds):
                self._span(at).add(sample, seconds)
            for old in sorted(self._spans)[:-_SPANS]:
                del self._spans[old]
            for call, counts in sample.latency.items():
                self.latency[call] = added([self.latency.get(call, {}), counts])

    def now(self, at: str) -> Span | None:
        """Return the newest span that is over, unless it was over long ago; the very last may not be whole yet."""
        earliest = (datetime.fromisoformat(at) - _FRESH).timestamp() // SPAN
        return next((span for span in reversed(self.spans) if span.at >= earliest), None)

    def answers(self) -> Mapping[Call, tuple[float, float]]:
        """Return in how many seconds half, and all but one of twenty, answers came, by the kind of request."""
        return {
            call: (quantile(counts, 0.5) or 0.0, quantile(counts, 0.95) or 0.0)
            for call, counts in sorted(self.latency.items())
        }

    def rest(self, moment: float, rested: int) -> None:
        """Note how many tenants have nothing left to do at a moment."""
        while self._rested and moment - self._rested[0][0] > _WINDOW:
            self._rested.popleft()
        self._rested.append((moment, rested))

    def left(self, tenants: int) -> float | None:
        """Return the seconds until so many more tenants rest, at the pace of the last minute; None where none does."""
        (begun, before), (now, rested) = self._rested[0], self._rested[-1]
        if rested == before or now - begun < SPAN:
            return None
        return tenants * (now - begun) / (rested - before)

    def _span(self, at: int) -> Span:
        return self._spans.setdefault(at, Span(at))


def _parts(begin: float, end: float) -> Iterator[tuple[int, float]]:
    """Yield which spans a time lies in, and how many seconds of it in each: the newest, as many as are kept."""
    last = ceil(end / SPAN)
    for at in range(max(floor(begin / SPAN), last - _SPANS), last):
        seconds = min(end, (at + 1) * SPAN) - max(begin, at * SPAN)
        if seconds > 0:
            yield at, seconds


def whole(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, with those in which nothing was asked."""
    if not spans:
        return []
    known = {span.at: span for span in spans}
    last = max(known)
    first = max(min(known), last - _SPANS + 1)
    return [known.get(at) or Span(at) for at in range(first, last + 1)]
