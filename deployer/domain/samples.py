"""What an account was asked in a span of time: requests, refusals, pauses, and how long answers took.

Latencies are counts by bucket. The bounds of the buckets never change, so any two counts can be added.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp2, floor, log2
from typing import Any, Final, TypeAlias

_FIRST: Final = 0.001  # seconds: whatever is quicker is in bucket 0
_STEPS: Final = 4  # buckets for each doubling: a bound is 19 % above the last
_LAST: Final = 80  # whatever takes longer than 18 minutes is in this one too

Latencies: TypeAlias = Mapping[int, int]
"""How many answers took so long, by bucket; a bucket that has none is not there."""


class Call(StrEnum):
    """What kind of request it is. A write is a PUT; a poll asks how a job is."""

    READ = "read"
    LIST = "list"
    POLL = "poll"
    CLONE = "clone"
    CREATE = "create"
    WRITE = "write"
    RUN = "run"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one account was asked in `seconds` that began `at` (UTC): the spans of one process follow one another.

    In time that no sample covers nothing was asked. `requests` were sent, `throttled` answered 429, and for those the
    account was paused for `paused` seconds, which may go on when the span is over. `in_flight` is the most that were on
    the wire at once, `limit` the requests a second that were aimed at. `latency` tells of answers that are no 429.
    Entries of a manifest that are one account have one limit, and are sampled together as the first of them.
    """

    account: str
    at: str
    seconds: float
    requests: int
    throttled: int = 0
    paused: float = 0.0
    in_flight: int = 0
    limit: float = 0.0
    latency: Mapping[Call, Latencies] = field(default_factory=dict)


def bucket_of(seconds: float) -> int:
    """Return the bucket of a latency."""
    if seconds <= _FIRST:
        return 0
    return min(_LAST, 1 + floor(_STEPS * log2(seconds / _FIRST)))


def bounds_of(bucket: int) -> tuple[float, float]:
    """Return the seconds between which the latencies of a bucket lie."""
    upper = _FIRST * exp2(bucket / _STEPS)
    return (_FIRST * exp2((bucket - 1) / _STEPS) if bucket else 0.0), upper


def added(counts: Iterable[Latencies]) -> Latencies:
    """Add counts, bucket by bucket; the buckets ascend."""
    total: Counter[int] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


def quantile(counts: Latencies, part: float) -> float | None:
    """Return the seconds that such a part of the answers took at most, by their bucket's upper bound; None of none."""
    left = part * sum(counts.values())
    found = None
    for bucket, count in sorted(counts.items()):
        found, left = bounds_of(bucket)[1], left - count
        if left <= 0:
            break
    return found


def sample_record(sample: Sample) -> dict[str, Any]:
    """Return what a sample tells, beyond which account and when, as JSON."""
    return {
        "seconds": sample.seconds,
        "requests": sample.requests,
        "throttled": sample.throttled,
        "paused": sample.paused,
        "in_flight": sample.in_flight,
        "limit": sample.limit,
        "latency": {
            call.value: {str(bucket): count for bucket, count in counts.items()}
            for call, counts in sample.latency.items()
        },
    }


def sample_from(account: str, at: str, record: dict[str, Any]) -> Sample:
    """Return the sample of a record."""
    latency = {
        Call(call): {int(bucket): count for bucket, count in counts.items()}
        for call, counts in record["latency"].items()
    }
    return Sample(account, at, **{**record, "latency": latency})
