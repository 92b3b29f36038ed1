"""Row 9: what `--help` costs above a bare Python."""

import sys

from tests.bench.child import Child
from tests.bench.row import Mode, Row, median

_GOAL = 60.0


def start_up(mode: Mode) -> Row:
    """Measure the CPU of `--help` and of a Python that does nothing, in turns."""

    def milliseconds(*words: str) -> float:
        return Child([sys.executable, *words], place=mode.place).end().cpu * 1000

    def pair() -> float:
        return milliseconds("-m", "deployer", "--help") - milliseconds("-c", "pass")

    above = [pair() for _ in range(mode.pick(15, 60))]
    return Row(9, "--help above bare Python", {"CPU ms": above}, f"<= {_GOAL:g} ms", median(above) <= _GOAL)
