"""What the samples of a rollout tell: how fast was asked, of which limit, with how many refusals, how long it took."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any, Final

from deployer.domain.samples import Call, Latencies, Sample, added, bounds_of, quantile
from deployer.report.spans import Busy, Interval, total, within
from deployer.report.tracks import Frame

_MOST: Final = 240  # bars that can be told apart
_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)  # seconds
_QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "longest": 1.0}


@dataclass(slots=True)
class _Bar:
    """What was asked in one span of a chart; `limits` are the highest of each account."""

    requests: float = 0.0
    throttled: int = 0
    paused: float = 0.0
    limits: dict[str, float] = field(default_factory=dict)


def requests_view(samples: Sequence[Sample], frame: Frame) -> dict[str, Any] | None:
    """Return what was asked, in all, over time, by account and by kind of call; None where nothing was sampled."""
    if not samples:
        return None
    spans = asked(samples, frame)
    seconds = total(spans)
    sent, throttled = sum(each.requests for each in samples), sum(each.throttled for each in samples)
    return {
        "sent": sent,
        "throttled": throttled,
        "paused_seconds": round(sum(each.paused for each in samples), 3),
        "seconds": round(seconds, 3),
        "per_second": round(sent / seconds, 3),
        "in_flight": max(each.in_flight for each in samples),
        "calls": [*_calls(samples)],
        "accounts": [*_accounts(samples)],
        "rates": [*_bars(samples, frame, spans)],
    }


def asked(samples: Iterable[Sample], frame: Frame) -> list[Interval]:
    """Return the spans in which anything was asked, in seconds since the rollout began."""
    busy = Busy()
    for each in samples:
        begin = frame.since(each.at)
        busy.add(begin, begin + each.seconds)
    return busy.spans()


def _calls(samples: Iterable[Sample]) -> Iterator[dict[str, Any]]:
    """Yield how long each kind of call took."""
    counts: dict[Call, list[Latencies]] = defaultdict(list)
    for each in samples:
        for call, latencies in each.latency.items():
            counts[call].append(latencies)
    for call in Call:
        if call in counts:
            latencies = added(counts[call])
            yield {"call": call.value, **_times(latencies), "buckets": [*_buckets(latencies)]}


def _times(latencies: Latencies) -> dict[str, Any]:
    spent = {name: quantile(latencies, part) for name, part in _QUANTILES.items()}
    return {
        "answers": sum(latencies.values()),
        **{name: None if seconds is None else round(seconds, 4) for name, seconds in spent.items()},
    }


def _buckets(latencies: Latencies) -> Iterator[list[float]]:
    """Yield from which to which second how many answers took."""
    for bucket, count in latencies.items():
        lower, upper = bounds_of(bucket)
        yield [round(lower, 5), round(upper, 5), count]


def _accounts(samples: Iterable[Sample]) -> Iterator[dict[str, Any]]:
    """Yield what each account was asked, that of most requests first."""
    by_account: dict[str, list[Sample]] = defaultdict(list)
    for each in samples:
        by_account[each.account].append(each)
    rows = []
    for account, found in by_account.items():
        latencies = added(counts for each in found for counts in each.latency.values())
        seconds, sent = sum(each.seconds for each in found), sum(each.requests for each in found)
        rows.append(
            {
                "account": account,
                "sent": sent,
                "throttled": sum(each.throttled for each in found),
                "paused_seconds": round(sum(each.paused for each in found), 3),
                "seconds": round(seconds, 3),
                "per_second": round(sent / seconds, 3),
                "limit": max(each.limit for each in found),
                "in_flight": max(each.in_flight for each in found),
                **_times(latencies),
            }
        )
    yield from sorted(rows, key=lambda row: (-row["sent"], row["account"]))


def _bars(samples: Iterable[Sample], frame: Frame, spans: Sequence[Interval]) -> Iterator[dict[str, Any]]:
    """Yield the requests of each span of time in which there were any: a sample's are spread evenly over its seconds.

    The limit of a span is that of the accounts which were asked in it, together.
    """
    width = _width(total(spans))
    bars: dict[int, _Bar] = defaultdict(_Bar)
    for each in samples:
        begin = frame.since(each.at)
        for number, part in _parts(begin, each.seconds, width):
            bar = bars[number]
            bar.requests += part * each.requests
            bar.limits[each.account] = max(bar.limits.get(each.account, 0.0), each.limit)
        bars[floor(begin / width)].throttled += each.throttled
        bars[floor(begin / width)].paused += each.paused
    for number, bar in sorted(bars.items()):
        begin = number * width
        yield {
            "begin": begin,
            "end": begin + width,
            "seconds": round(max(0.001, total(within(spans, begin, begin + width))), 3),
            "requests": round(bar.requests, 2),
            "throttled": bar.throttled,
            "paused_seconds": round(bar.paused, 3),
            "limit": round(sum(bar.limits.values()), 3),
        }


def _width(seconds: float) -> int:
    least = seconds / _MOST
    return next((width for width in _WIDTHS if width >= least), ceil(least))


def _parts(begin: float, seconds: float, width: int) -> Iterator[tuple[int, float]]:
    """Yield which part of a span lies in which bar."""
    end = begin + seconds
    for number in range(floor(begin / width), ceil(end / width)):
        part = (min(end, (number + 1) * width) - max(begin, number * width)) / seconds
        if part > 0:
            yield number, part
