"""How fast an account is asked: at a limit that is known, or at one that is found by what the server refuses.

From one time of refusals to the next a server admits what it admits: that is measured, aimed at, and after a while
tried to be passed. The figures below were chosen against `tests/bench/servers.py`.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from math import exp2, inf, log2, sqrt
from typing import Final

from deployer.domain.pacing import PER_SECOND, RATE_MARGIN, Bucket, closed_until, take, with_margin

CATCH_UP: Final = 0.02  # seconds' worth of tokens that may be made good after the loop was busy
_FIRST: Final = 60.0  # requests a second that any account bears
_DOUBLES: Final = 0.5  # seconds in which an unknown rate doubles, up to the documented one
_CLIMB: Final = 1.5  # its growth each second from there on
_FALL, _SEARCH = 0.7, 0.1  # after the first refusals, while nothing is measured: to that part, then that part a second
_DEEPEST_FALL: Final = 0.5  # at once: what was measured over a quiet time is less than what can be had
_SEARCHED, _PASSED, _EXCEEDED = 0.7, 0.75, 0.1  # where a limit lies between what was admitted and what was refused
_PLATEAU, _LONGEST_PLATEAU = 6.0, 40.0  # seconds for which a rate is held before more is tried
_STRETCH, _ALIKE = 2.0, 0.04  # the plateau's growth where a limit is found again, within that part of it
_PROBE: Final = 0.003  # growth by the square of the seconds after the plateau
_SILENT_PAUSE, _LONGEST_SILENT_PAUSE = 1.0, 8.0  # seconds, where a refusal does not say how long


class Phase(Enum):
    """What is known of a limit."""

    KNOWN = auto()
    STARTING = auto()
    SEARCHING = auto()
    FOUND = auto()


@dataclass(frozen=True, slots=True)
class Turn:
    """The `number`th request of an account, allowed at second `at`."""

    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Congestion:
    """A time of refusals: the first turn refused, the last given before that was known, how many, how long a pause.

    What was on its way when the first refusal came is refused too and says nothing new.
    """

    first: Turn
    last: int
    paused: float
    refused: int = 1


@dataclass(frozen=True, slots=True)
class Pace:
    """One account's bucket and what is known of its limit.

    `top` is never passed, infinite where nothing is known; `base` is the rate the phase began with, and `grown` the
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
    return Pace(Bucket(_FIRST, _size(_FIRST), 1.0, 0.0), Phase.STARTING, inf, share, _FIRST)


def recalled(pace: Pace, found: float) -> Pace:
    """Return the pace that begins with a rate found earlier, if that is lower than what it may be."""
    return pace if RATE_MARGIN * found * pace.share >= pace.top else _found(pace, found)


def taken(pace: Pace, now: float) -> Pace:
    """Return the pace after one more turn; raise ValueError where there is no token yet."""
    return replace(pace, bucket=take(pace.bucket, now), turns=pace.turns + 1)


def used(pace: Pace, seconds: float) -> Pace:
    """Return the pace after `seconds` in which somebody always waited: only a rate that is used may grow."""
    if pace.phase is Phase.KNOWN:
        return pace
    grown = replace(pace, grown=pace.grown + seconds)
    return replace(grown, bucket=_strict(pace.bucket, _curve(grown)))


def refused(pace: Pace, turn: Turn, now: float, asked: float | None) -> Pace:
    """Return the pace after a 429 to a turn: closed for the seconds asked for, and slower if it is news."""
    before = pace.congestion
    pause = _SILENT_PAUSE if asked is None else asked
    if before and turn.number <= before.last:
        return _closed(pace, now, pause, replace(before, refused=before.refused + 1))
    if before and turn.number == before.last + 1:  # nothing was admitted since: it goes on
        if asked is None:
            pause = min(_LONGEST_SILENT_PAUSE, max(pause, before.paused))
        return _closed(pace, now, pause, _longer(before, pace.turns, pause))
    closed = _closed(pace, now, pause, Congestion(turn, pace.turns, pause))
    if before is None:
        return _begun(closed, Phase.SEARCHING, _FALL * pace.rate)
    limit = _limit(pace, max(_DEEPEST_FALL * pace.rate, _admitted(before, turn)))
    return _found(closed, limit / pace.share if pace.phase is Phase.FOUND else limit)


def _longer(congestion: Congestion, last: int, pause: float) -> Congestion:
    return replace(congestion, last=last, paused=congestion.paused + pause, refused=congestion.refused + 1)


def _closed(pace: Pace, now: float, pause: float, congestion: Congestion) -> Pace:
    return replace(pace, bucket=closed_until(pace.bucket, now + pause), congestion=congestion)


def _admitted(before: Congestion, turn: Turn) -> float:
    """Return the requests a second that were admitted since the congestion before.

    A bucket fills during a pause and a window does not: the truth lies between.
    """
    count = turn.number - before.first.number - before.refused
    seconds = max(turn.at - before.first.at, CATCH_UP)
    return count / sqrt(seconds * max(seconds - before.paused, CATCH_UP))


def _limit(pace: Pace, admitted: float) -> float:
    """Return where the limit is, between what was admitted and the rate at which the server refused.

    A rate that was held for its plateau was too low. One that was not held so long was too high: all the while the
    server admitted as much as it does.
    """
    match pace.phase:
        case Phase.FOUND if pace.grown > pace.plateau:
            least, part = max(admitted, pace.base), _PASSED
        case Phase.FOUND:
            least, part = admitted, _EXCEEDED
        case _:
            least, part = admitted, _SEARCHED
    return min(pace.rate, least + part * (pace.rate - least))


def _found(pace: Pace, found: float) -> Pace:
    """Aim at our share of a rate that was found, and hold it the longer, the steadier the limit is."""
    alike = pace.found is not None and abs(found - pace.found) < _ALIKE * found
    plateau = min(_LONGEST_PLATEAU, _STRETCH * pace.plateau) if alike else _PLATEAU
    base = RATE_MARGIN * found * pace.share
    top = base if pace.share < 1 and pace.top == inf else pace.top  # the rest is others': it is not tried to be had
    return _begun(replace(pace, found=found, plateau=plateau, top=top), Phase.FOUND, base)


def _begun(pace: Pace, phase: Phase, base: float) -> Pace:
    begun = replace(pace, phase=phase, base=base, grown=0.0)
    return replace(begun, bucket=_strict(pace.bucket, _curve(begun)))


def _curve(pace: Pace) -> float:
    """Return the rate that a phase has come to."""
    return min(pace.top, pace.base * _growth(pace))


def _growth(pace: Pace) -> float:
    match pace.phase:
        case Phase.STARTING:
            swift = min(pace.grown, _DOUBLES * log2(PER_SECOND / pace.base))
            return exp2(swift / _DOUBLES + log2(_CLIMB) * (pace.grown - swift))
        case Phase.SEARCHING:
            return 1.0 + _SEARCH * pace.grown
        case _:  # found: a known one never grows
            beyond = max(0.0, pace.grown - pace.plateau)
            return 1.0 + _PROBE * beyond * beyond


def _strict(bucket: Bucket, rate: float) -> Bucket:
    """Return a bucket of another rate, without a burst: what the server's holds is not known."""
    size = _size(rate)
    return Bucket(rate, size, min(size, bucket.tokens), bucket.at)


def _size(rate: float) -> float:
    return max(1.0, CATCH_UP * rate)
