"""The arithmetic of a rate limit: a token bucket as a value, and what a `Retry-After` asks for."""

from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

PER_SECOND, BURST = 300.0, 1000.0  # the documented bucket of an account
IN_FLIGHT: Final = 512  # a ceiling: what really is in flight follows from rate and latency
LONGEST_PAUSE: Final = 900.0
RATE_MARGIN, _BURST_MARGIN = 0.985, 0.6  # measured: at the limit itself there are 429s, with this margin none
_ROUNDING: Final = 1e-6  # a token that floating point made a little too small is a token


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that held `tokens` at second `at`, gains `rate` a second and never holds more than `burst`."""

    rate: float
    burst: float
    tokens: float
    at: float


def with_margin(per_second: float, burst: float, share: float = 1.0) -> Bucket:
    """Return a full bucket for our share of a limit that is known, at second 0."""
    size = max(1.0, _BURST_MARGIN * burst * share)
    return Bucket(RATE_MARGIN * per_second * share, size, size, 0.0)


def refill(bucket: Bucket, now: float) -> Bucket:
    """Return the bucket as it is at `now`; a moment before `at` changes nothing."""
    return Bucket(bucket.rate, bucket.burst, _tokens(bucket, now), max(bucket.at, now))


def wait_for(bucket: Bucket, now: float) -> float:
    """Return the seconds until there is a token: 0 if there is one."""
    missing = 1.0 - _tokens(bucket, now)
    return max(0.0, bucket.at - now) + (missing / bucket.rate if missing > _ROUNDING else 0.0)


def take(bucket: Bucket, now: float) -> Bucket:
    """Return the bucket without one token; raise ValueError where there is none yet."""
    if wait_for(bucket, now) > 0:
        raise ValueError("the bucket is empty")
    return Bucket(bucket.rate, bucket.burst, _tokens(bucket, now) - 1.0, now)


def _tokens(bucket: Bucket, now: float) -> float:
    return min(bucket.burst, bucket.tokens + bucket.rate * max(0.0, now - bucket.at))


def give_back(bucket: Bucket) -> Bucket:
    """Return the bucket with a token that was taken and not used."""
    return replace(bucket, tokens=min(bucket.burst, bucket.tokens + 1.0))


def since_empty(bucket: Bucket, seconds: float, now: float) -> Bucket:
    """Return the bucket as it is at `now` if it was empty so many seconds ago."""
    return replace(bucket, tokens=min(bucket.tokens, bucket.rate * seconds), at=now)


def closed_until(bucket: Bucket, moment: float) -> Bucket:
    """Return a bucket that gives nothing before `moment` and then has one token at most: the server's is empty too."""
    then = refill(bucket, moment)
    return replace(then, tokens=min(then.tokens, 1.0))


def pause_seconds(retry_after: str | None, *, now: float) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date, at `now` (seconds since 1970): 0 to 900; None if it says nothing."""
    asked = _seconds(retry_after, now) if retry_after else None
    return None if asked is None else min(max(asked, 0.0), LONGEST_PAUSE)


def _seconds(text: str, now: float) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        moment = http_date(text)
        return None if moment is None else moment - now
    return seconds if isfinite(seconds) else None


def http_date(text: str) -> float | None:
    """Return an HTTP date in seconds since 1970, in UTC where it names no zone; None for what is no date."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
