"""Row 10: the pacer on a busy machine: its rate, its worst second, its order."""

import json
import sys

from tests.bench.child import Child
from tests.bench.row import Mode, Row, median

_RATE_GOAL, _WORST_GOAL = 0.995, 1.04
_KILLED = -9
_BURN = "import os; ours = os.getppid()\nwhile os.getppid() == ours: pass"  # and no longer, whatever ends us


def pacer(mode: Mode) -> Row:
    """Measure the limiter beside a process that burns the CPU."""
    beside = mode.place / "burning"
    beside.mkdir()
    burner = Child([sys.executable, "-c", _BURN], place=beside)
    try:
        runs = [_run(mode) for _ in range(mode.pick(1, 5))]
    finally:
        burner.kill()
        burner.end(_KILLED)
    rates, worst, disorder = ([run[key] for run in runs] for key in ("rate", "worst", "disorder"))
    allowed = _WORST_GOAL + 1 / runs[0]["of"]
    return Row(
        10,
        f"pacer at {runs[0]['of']:g}/s beside a process that burns the CPU",
        {"rate": rates, "worst second": worst, "out of order": disorder},
        f"rate >= {_RATE_GOAL}, worst second <= {_WORST_GOAL} and one request, in order",
        median(rates) >= _RATE_GOAL and median(worst) <= allowed and not any(disorder),
    )


def _run(mode: Mode) -> dict[str, float]:
    seconds = mode.pick(4, 20)
    Child([sys.executable, "-m", "tests.bench.burning", str(seconds)], place=mode.place).end()
    return dict(json.loads((mode.place / "out").read_text("utf-8")))
