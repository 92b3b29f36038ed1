"""Spans of time that overlap or touch, as few that do not; and an axis on which the time between them is cut short."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor
from typing import Final, TypeAlias

Interval: TypeAlias = tuple[float, float]

_GRAIN: Final = 5.0  # seconds: what is nearer to each other is one span
_LONG_GAP: Final = 60.0  # seconds without anything that are cut out of an axis
_CUT: Final = 0.02  # of all that is shown: how wide a gap is that was cut


@dataclass(slots=True)
class Busy:
    """The times in which anything was done, gathered in whatever order; it holds a few numbers for every hour."""

    _ends: dict[int, float] = field(default_factory=dict)
    _begins: dict[int, float] = field(default_factory=dict)

    def add(self, begin: float, end: float) -> None:
        """Count a span in."""
        grain = floor(begin / _GRAIN)
        self._ends[grain] = max(self._ends.get(grain, end), end)
        self._begins[grain] = min(self._begins.get(grain, begin), begin)

    def spans(self) -> list[Interval]:
        """Return the spans, those that nearly touch as one."""
        found: list[Interval] = []
        for grain in sorted(self._begins):
            begin, end = self._begins[grain], self._ends[grain]
            if found and begin <= found[-1][1] + _GRAIN:
                found[-1] = found[-1][0], max(found[-1][1], end)
            else:
                found.append((begin, end))
        return found


def total(spans: Iterable[Interval]) -> float:
    """Return how long spans are together."""
    return sum(end - begin for begin, end in spans)


def within(spans: Iterable[Interval], begin: float, end: float) -> list[Interval]:
    """Return the parts of spans that lie between two moments."""
    cut = ((max(one, begin), min(other, end)) for one, other in spans)
    return [(one, other) for one, other in cut if other > one]


@dataclass(frozen=True, slots=True)
class Axis:
    """From seconds to a part of 1, rising: `stops` are where that bends, `cuts` between which seconds time is cut."""

    stops: tuple[tuple[float, float], ...]
    cuts: tuple[Interval, ...]

    def place(self, second: float) -> float:
        """Return where a second lies, from 0 to 1."""
        before = self.stops[0]
        for stop in self.stops[1:]:
            if second <= stop[0]:
                part = (second - before[0]) / (stop[0] - before[0])
                return before[1] + max(0.0, part) * (stop[1] - before[1])
            before = stop
        return 1.0


def axis_of(spans: Sequence[Interval]) -> Axis:
    """Return the axis on which spans can be seen: long gaps between them are cut."""
    merged = [*spans] or [(0.0, 1.0)]
    pieces: list[Interval] = [merged[0]]
    for begin, end in merged[1:]:
        if begin - pieces[-1][1] > max(_LONG_GAP, 0.1 * total(merged)):
            pieces.append((begin, end))
        else:
            pieces[-1] = pieces[-1][0], end
    shown = max(total(pieces), 1e-3)
    gap = _CUT * shown
    whole = shown + gap * (len(pieces) - 1)
    stops, at = [(pieces[0][0], 0.0)], 0.0
    for number, (begin, end) in enumerate(pieces):
        if number:
            at += gap
            stops.append((begin, at / whole))
        at += max(end - begin, 1e-3)
        stops.append((max(end, begin + 1e-3), min(1.0, at / whole)))
    cuts = tuple((one[1], other[0]) for one, other in pairwise(pieces))
    return Axis(tuple(stops), cuts)
