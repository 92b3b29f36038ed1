"""The benchmark's answer: a table for people, and the same as JSON with every sample."""

import os
import platform
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.bench.row import Row, Samples, median

WIDTH: Final = 118
_REACHED: Final = {True: "reached", False: "MISSED", None: "-"}


def lines(row: Row) -> Iterator[str]:
    """Yield the lines of one row: its goal, then each figure with its spread."""
    yield f"{row.number:>2}  {_REACHED[row.reached]:<8} {row.title}"
    yield f"    {'goal':<44} {row.goal}"
    for name, samples in row.figures.items():
        yield f"    {name:<44} {shown(samples)}"
    if row.why:
        yield textwrap.fill(row.why, WIDTH, initial_indent="    ", subsequent_indent="    ")


def shown(samples: Samples) -> str:
    """Return a median, with least and most where there are several."""
    middle = f"{median(samples):.4g}"
    if len(samples) == 1:
        return middle
    return f"{middle:<10} [{min(samples):.4g} to {max(samples):.4g}, n={len(samples)}]"


def summary(rows: Sequence[Row], seconds: float, load: float) -> str:
    """Say how many goals are reached, and which are not; `load` is the machine's before it all began."""
    missed = [str(row.number) for row in rows if row.reached is False]
    unmeasured = [str(row.number) for row in rows if row.reached is None]
    reached = sum(row.reached is True for row in rows)
    said = [f"{reached} of {len(rows)} goals reached in {seconds:.0f} s"]
    said += [f"missed: {', '.join(missed)}"] if missed else []
    said += [f"not measured: {', '.join(unmeasured)}"] if unmeasured else []
    processors = os.cpu_count() or 1
    said += [f"load {load:.1f} on {processors} processors: the machine was busy"] if load > processors else []
    return "; ".join(said)


def document(rows: Sequence[Row], *, full: bool, seconds: float, load: float) -> dict[str, Any]:
    """Return everything as JSON has it."""
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": load,
    }
    return {
        "format_version": 1,
        "mode": "full" if full else "quick",
        "seconds": round(seconds, 1),
        "machine": machine,
        "rows": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    figures = {
        name: {"median": median(samples), "min": min(samples), "max": max(samples), "samples": [*samples]}
        for name, samples in row.figures.items()
    }
    return {
        "number": row.number,
        "title": row.title,
        "goal": row.goal,
        "reached": row.reached,
        "why": row.why,
        "figures": figures,
    }
