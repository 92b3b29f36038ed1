"""A row of the benchmark: what was measured, each figure with its samples, and whether the goal is reached."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Samples = Sequence[float]


@dataclass(frozen=True, slots=True)
class Mode:
    """How thoroughly to measure; `place` is an empty directory for the row's files."""

    full: bool
    place: Path

    def pick(self, quick: T, full: T) -> T:
        """Return the size for this mode."""
        return full if self.full else quick


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark. `reached` is None where nothing could be measured; `why` says what a reader has to know."""

    number: int
    title: str
    figures: Mapping[str, Samples]
    goal: str
    reached: bool | None
    why: str = ""


Measure = Callable[[Mode], Row]


def median(samples: Samples) -> float:
    """Return what a figure is judged by: one slow moment of a noisy machine does not count."""
    return statistics.median(samples)


def ratios(these: Samples, to: Samples) -> list[float]:
    """Divide what was measured side by side, pair by pair."""
    return [one / other for one, other in zip(these, to, strict=True)]
