"""Requests a second against the limit, as the points of a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from deployer.api.traffic import SPAN, Span, whole

_HEIGHT: Final = 40.0
_ROOM: Final = 1.08  # above the highest


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing `width` by 40: an area, the limit, the spans with refusals; `top` is the rate at its upper edge."""

    width: int
    area: str
    limit: str
    throttled: Sequence[int]
    top: float
    minutes: float


def chart(spans: Sequence[Span]) -> Chart | None:
    """Return the drawing of spans; None where nothing was asked. While nothing is, the limit stays what it was."""
    shown = whole(spans)
    top = max((max(span.rate, span.limit) for span in shown), default=0.0) * _ROOM
    if not top:
        return None

    def steps(values: Sequence[float]) -> str:
        heights = [_HEIGHT * (1 - value / top) for value in values]
        return " ".join(f"{place},{height:.2f} {place + 1},{height:.2f}" for place, height in enumerate(heights))

    width = len(shown)
    area = f"0,{_HEIGHT} {steps([span.rate for span in shown])} {width},{_HEIGHT}"
    limits = accumulate(shown, lambda limit, span: span.limit or limit, initial=0.0)
    refused = [place for place, span in enumerate(shown) if span.throttled]
    return Chart(width, area, steps([*limits][1:]), refused, top / _ROOM, width * SPAN / 60)
