"""The geometry of the charts in a page: numbers to draw with, and no markup."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any, Final

from deployer.report.spans import Axis
from deployer.report.text import duration, words

WIDTH, HEIGHT = 960.0, 200.0  # of the chart of rates, without its labels
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_TICKS: Final = 9
_SHORTEST, _LONGEST = 0.001, 1000.0  # seconds, between which latencies are drawn
_FAINT: Final = 0.02  # of the height: an answer alone can be seen


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; `kind` names what it shows, `title` says it."""

    x: float
    y: float
    width: float
    height: float
    kind: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Rates:
    """A chart of requests a second: bars, the limit as the points of a line, refusals below, ticks, cuts."""

    bars: Sequence[Box]
    limit: str
    refusals: Sequence[Box]
    seconds: Sequence[Tick]
    levels: Sequence[Tick]
    cuts: Sequence[float]


def stacked(counts: Mapping[str, int], whole: int, order: Sequence[str]) -> list[Box]:
    """Return boxes side by side, together 100 wide where `whole` are counted."""
    found, x = [], 0.0
    for kind in order:
        if count := counts.get(kind, 0):
            width = 100 * count / max(1, whole)
            found.append(Box(_rounded(x), 0, _rounded(width), 10, kind, f"{count} {words(kind)}"))
            x += width
    return found


def rates_chart(requests: Mapping[str, Any], axis: Axis) -> Rates:
    """Return the chart of how fast was asked."""
    rates = requests["rates"]
    spans = [(axis.place(each["begin"]) * WIDTH, axis.place(each["end"]) * WIDTH, each) for each in rates]
    most = max(max(each["requests"] / each["seconds"], each["limit"]) for each in rates)
    top, levels = _levels(most)
    bars, refusals, points = [], [], []
    for begin, end, each in spans:
        speed = each["requests"] / each["seconds"]
        height, width = min(1.0, speed / top) * HEIGHT, max(0.6, end - begin)
        said = f"{duration(each['begin'])}: {speed:.1f} requests/s of {each['limit']:.1f}"
        if each["throttled"]:
            said += f", {each['throttled']} × 429, paused {duration(each['paused_seconds'])}"
            refusals.append(Box(_rounded(begin), HEIGHT, _rounded(max(3.0, width)), 9, "refusal", said))
        bars.append(Box(_rounded(begin), _rounded(HEIGHT - height), _rounded(width), _rounded(height), "rate", said))
        level = _rounded(HEIGHT - min(1.0, each["limit"] / top) * HEIGHT)
        points += [f"{_rounded(begin)},{level}", f"{_rounded(begin + width)},{level}"]
    cuts = [_rounded((axis.place(begin) + axis.place(end)) / 2 * WIDTH) for begin, end in axis.cuts]
    return Rates(bars, " ".join(points), refusals, [*seconds_ticks(axis)], levels, cuts)


def seconds_ticks(axis: Axis) -> Iterator[Tick]:
    """Yield some round seconds of an axis that can be labelled, none within what is cut out."""
    pieces = [(one, other) for one, other in zip(axis.stops[::2], axis.stops[1::2], strict=True)]
    shown = sum(end - begin for (begin, _), (end, _) in pieces)
    step = next((step for step in _STEPS if shown / step <= _TICKS), ceil(shown / _TICKS))
    last = -1.0
    for (begin, _), (end, _) in pieces:
        for number in range(ceil(begin / step), floor(end / step) + 1):
            at = axis.place(number * step) * WIDTH
            if at - last >= 0.06 * WIDTH or last < 0:
                yield Tick(_rounded(at), clock(number * step))
                last = at


def clock(seconds: float) -> str:
    """Return a round time since the begin: `45s`, `2m`, `2m30s`, `1h05m`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return (f"{minutes}m" + (f"{rest:02}s" if rest else "")) if minutes else f"{rest}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h" + (f"{minutes:02}m" if minutes else "")


def latency_boxes(buckets: Sequence[Sequence[float]]) -> list[Box]:
    """Return the boxes of one kind of call, 100 wide and 30 high, on a logarithmic axis."""
    most = max(count for *_, count in buckets)
    return [
        Box(
            x := _rounded(decade(lower)),
            _rounded(30 - (height := 30 * max(_FAINT, count / most))),
            _rounded(max(0.4, decade(upper) - x)),
            _rounded(height),
            "",
            f"{span(lower)} to {span(upper)}: {count:.0f}",
        )
        for lower, upper, count in buckets
    ]


def decade(seconds: float) -> float:
    """Return where a latency lies on the logarithmic axis, from 0 to 100."""
    return 100 * log10(min(_LONGEST, max(_SHORTEST, seconds)) / _SHORTEST) / log10(_LONGEST / _SHORTEST)


DECADES: Final = tuple(Tick(decade(each), label) for each, label in (
    (0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"), (10.0, "10 s"), (100.0, "100 s"),
))  # fmt: skip


def span(seconds: float | None) -> str:
    """Return a latency as people say it."""
    if seconds is None:
        return "–"
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _levels(most: float) -> tuple[float, list[Tick]]:
    """Return the top of a chart in requests a second, and some round levels below it."""
    size = 10 ** floor(log10(max(most, 0.1) / 4))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if most / (size * factor) <= 4)  # noqa: PLR2004 - levels
    top = step * max(1, ceil(most / step))
    levels = (number * step for number in range(round(top / step) + 1))
    return top, [Tick(_rounded(HEIGHT - HEIGHT * level / top), f"{level:g}") for level in levels]


def _rounded(value: float) -> float:
    return round(value, 2)
