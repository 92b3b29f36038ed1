"""How fast an account is asked: at a limit that is known, or at one that is found by what the server refuses.

Between two refusals a server admitted exactly what it admits: that rate is learned, approached, held and then tried
to be passed. One congestion refuses many requests that were on their way; they count as one.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp2, inf, log2, sqrt
from typing import Final

from deployer.domain.pacing import PER_SECOND, Bucket, closed_until, take, with_margin

CATCH_UP: Final = 0.02  # seconds' worth of tokens that may be made good after the loop was busy
_FIRST: Final = 60.0  # requests a second that any account bears
_DOUBLES: Final = 0.5  # seconds in which an unknown rate doubles, up to the documented one
_CLIMB: Final = 1.3  # its growth a second from there on
_FALL: Final = 0.7  # where nothing was measured yet
_DEEPEST_FALL: Final = 0.5
_SEARCH: Final = 0.1  # growth a second, as a part, until something was measured
_MARGIN: Final = 0.985
_W = 0.5
_UP = 0.75
_DOWN = 0.25
_PLATEAU, _LONGEST_PLATEAU = 12.0, 30.0  # seconds until that is made up, and more is tried
_PROBE: Final = 0.002
_ALIKE: Final = 0.1
_DEFAULT_PAUSE, _LONGEST_DEFAULT = 1.0, 8.0
_OLDEST: Final = 7 * 86_400.0  # seconds for which a rate is remembered


class Phase(StrEnum):
    """What is known of a limit."""

    KNOWN = "known"
    STARTING = "starting"
    SEARCHING = "searching"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class Turn:
    """The `number`th request of an account, allowed at second `at`."""

    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Congestion:
    """A time of refusals: the first turn that was refused, the last one given before that was known, how many."""

    first: Turn
    last: int
    refused: int = 1
    paused: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """One account's bucket and what is known of its limit.

    `top` is never passed, infinite where nothing is known; `base` is the rate the phase began with and `grown` the
    seconds since then in which all of the rate was used. `found` is the server's rate as last measured.
    """

    bucket: Bucket
    phase: Phase
    top: float
    share: float
    base: float
    grown: float = 0.0
    turns: int = 0
    found: float | None = None
    plateau: float = _PLATEAU
    congestion: Congestion | None = None

    @property
    def rate(self) -> float:
        """Return the requests a second that are aimed at."""
        return self.bucket.rate


def known(per_second: float, burst: float, share: float = 1.0) -> Pace:
    """Return the pace of our share of a limit that is known, with its margin."""
    return steady(with_margin(per_second, burst, share), share)


def steady(bucket: Bucket, share: float = 1.0) -> Pace:
    """Return the pace that a bucket sets."""
    return Pace(bucket, Phase.KNOWN, bucket.rate, share, bucket.rate)


def unknown(share: float = 1.0) -> Pace:
    """Return the pace at which a limit is looked for that nobody knows."""
    return Pace(_strict(_FIRST), Phase.STARTING, inf, share, _FIRST)


def recalled(pace: Pace, found: float) -> Pace:
    """Return the pace that begins with a rate found earlier, if that is lower than what it may be."""
    if _MARGIN * found * pace.share >= pace.top:
        return pace
    return _begun(replace(pace, found=found), Phase.FOUND, _MARGIN * found * pace.share)


def taken(pace: Pace, now: float) -> Pace:
    """Return the pace after one more turn; raise ValueError where there is no token yet."""
    return replace(pace, bucket=take(pace.bucket, now), turns=pace.turns + 1)


def used(pace: Pace, seconds: float) -> Pace:
    """Return the pace after `seconds` in which somebody always waited: only a rate that is used may grow."""
    if pace.phase is Phase.KNOWN:
        return pace
    grown = pace.grown + seconds
    rate = min(pace.top, _curve(pace, grown))
    return replace(pace, grown=grown, bucket=_at_rate(pace.bucket, rate))


def refused(pace: Pace, turn: Turn, now: float, asked: float | None) -> Pace:
    """Return the pace after a 429: closed as long as was asked for and, if it begins a congestion, slower."""
    before = pace.congestion
    pause = _DEFAULT_PAUSE if asked is None else asked
    if before and turn.number <= before.last:  # it was on its way
        return _closed(pace, now, pause, replace(before, refused=before.refused + 1))
    if before and turn.number == before.last + 1:  # nothing has changed
        pause = min(_LONGEST_DEFAULT, max(_DEFAULT_PAUSE, before.paused)) if asked is None else asked
        return _closed(
            pace, now, pause, replace(before, refused=before.refused + 1, last=pace.turns, paused=pause + before.paused)
        )
    slower = _closed(pace, now, pause, Congestion(turn, pace.turns, paused=pause))
    if before is None:
        return _begun(slower, Phase.SEARCHING, _FALL * pace.rate)
    found = _between(pace, max(_DEEPEST_FALL * pace.rate, _admitted(before, turn)))
    alike = pace.found is not None and abs(found - pace.found) < _ALIKE * found
    plateau = min(_LONGEST_PLATEAU, 1.5 * pace.plateau) if alike else _PLATEAU
    return _begun(replace(slower, found=found, plateau=plateau), Phase.FOUND, _MARGIN * found * pace.share)


def _closed(pace: Pace, now: float, pause: float, congestion: Congestion) -> Pace:
    return replace(pace, bucket=closed_until(pace.bucket, now + pause), congestion=congestion)


def _between(pace: Pace, admitted: float) -> float:
    if pace.phase is Phase.FOUND and pace.grown > pace.plateau:
        least, part = max(admitted, pace.base), _UP
    else:
        least, part = admitted, _W if pace.phase is Phase.SEARCHING else _DOWN
    return min(pace.rate, least + part * (pace.rate - least))


def _admitted(before: Congestion, turn: Turn) -> float:
    """Return the requests a second that were admitted since the congestion before.

    A bucket fills during a pause and a window does not: the truth lies between.
    """
    count = turn.number - before.first.number - before.refused
    seconds = max(turn.at - before.first.at, CATCH_UP)
    return count / sqrt(seconds * max(seconds - before.paused, CATCH_UP))


def _begun(pace: Pace, phase: Phase, base: float) -> Pace:
    """Begin a phase without a burst: what the server's bucket holds is not known any more."""
    top = min(pace.top, base) if pace.share < 1 and phase is Phase.FOUND and pace.top == inf else pace.top
    begun = replace(pace, phase=phase, base=base, grown=0.0)
    return replace(begun, bucket=_at_rate(pace.bucket, min(top, _curve(begun, 0.0))))


def _curve(pace: Pace, grown: float) -> float:
    """Return the rate after so many seconds of use."""
    match pace.phase:
        case Phase.KNOWN:
            return pace.base
        case Phase.STARTING:
            swift = min(grown, _DOUBLES * log2(PER_SECOND / pace.base))
            return pace.base * exp2(swift / _DOUBLES + log2(_CLIMB) * (grown - swift))
        case Phase.SEARCHING:
            return pace.base * (1.0 + _SEARCH * grown)
        case Phase.FOUND:
            return pace.base * (1.0 + _PROBE * max(0.0, grown - pace.plateau) ** 2)


def _strict(rate: float) -> Bucket:
    size = max(1.0, CATCH_UP * rate)
    return Bucket(rate, size, 1.0, 0.0)


def _at_rate(bucket: Bucket, rate: float) -> Bucket:
    size = max(1.0, CATCH_UP * rate)
    return Bucket(rate, size, min(size, bucket.tokens), bucket.at)
