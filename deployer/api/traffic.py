"""What a rollout asks, from samples that are read once: requests in spans of time, answers, tenants that rest."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from deployer.domain.samples import Call, Latencies, Sample, added, quantile

SPAN: Final = 10  # seconds
_SPANS: Final = 180  # that are kept, the newest: half an hour
_FRESH: Final = timedelta(seconds=2.5 * SPAN)  # in which what was sampled last still goes on
_WINDOW: Final = 60.0  # seconds over which tenants that rest are counted


@dataclass(slots=True)
class Span:
    """What all accounts were asked in a span of time, by the second; `throttled` is a count, `paused` in seconds."""

    at: int  # in spans since the epoch
    rate: float = 0.0
    limit: float = 0.0
    throttled: int = 0
    paused: float = 0.0
    in_flight: int = 0


@dataclass(slots=True)
class Traffic:
    """A rollout's requests so far. `read` is the number of the last sample that was taken in."""

    requests: int = 0
    throttled: int = 0
    paused: float = 0.0
    read: int = 0
    spans: deque[Span] = field(default_factory=lambda: deque(maxlen=_SPANS))
    latency: dict[Call, Latencies] = field(default_factory=dict)
    _rested: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, samples: Iterable[Sample]) -> None:
        """Take samples in, which come in the order they were written."""
        for sample in samples:
            self.requests += sample.requests
            self.throttled += sample.throttled
            self.paused += sample.paused
            span = self._span(int(datetime.fromisoformat(sample.at).timestamp()) // SPAN)
            span.rate += sample.requests / max(sample.seconds, 1.0)
            span.limit += sample.limit
            span.throttled += sample.throttled
            span.paused = max(span.paused, sample.paused)
            span.in_flight += sample.in_flight
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
        """Return the span of a time; those of several processes come a little out of order."""
        for span in reversed(self.spans):
            if span.at == at:
                return span
            if span.at < at:
                break
        self.spans.append(Span(at))
        return self.spans[-1]


def whole(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, with those in which nothing was asked."""
    if not spans:
        return []
    known = {span.at: span for span in spans}
    last = max(known)
    first = max(min(known), last - _SPANS + 1)
    return [known.get(at) or Span(at) for at in range(first, last + 1)]
