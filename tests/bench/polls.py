"""Row 13: how often a job is looked at, and how late its end is noticed."""

from typing import Any

from tests.bench.api import serving
from tests.bench.rollout import Rollout
from tests.bench.row import Mode, Row, median
from tests.bench.settings import Settings

_POLLS_GOAL, _LAG_GOAL = 3.0, 0.10


def polls(mode: Mode) -> Row:
    """Measure jobs of 4 to 10 seconds that are run and followed: by the first rollout, and by the next night's run."""
    tenants, rate = mode.pick(40, 400), {"per_second": 300.0, "burst": 100}
    with serving() as api:
        run = {"trigger": True, "follow": True}
        rollout = Rollout(mode.place / "rollout", api.url, tenants, rate=rate, run=run).write()
        api.begin(Settings(tenants=tenants, latency=0.02, rate=300.0, burst=100.0))
        rollout.apply()
        rollout.start("run", "rollout.yaml").end()
        jobs = api.figures().jobs
    first, later = jobs[:tenants], jobs[tenants:]
    return Row(
        13,
        f"following {len(later)} jobs of 4 to 10 s",
        {
            "polls a job": _looks(later),
            "lag / duration": _lags(later),
            "polls, nothing known yet": _looks(first),
            "lag / duration, nothing known yet": _lags(first),
        },
        f"<= {_POLLS_GOAL:g}, <= {_LAG_GOAL}",
        median(_looks(later)) <= _POLLS_GOAL and median(_lags(later)) <= _LAG_GOAL,
        "how long jobs take is learned from those that ended: of the flow's last run, and of this one",
    )


def _looks(jobs: list[dict[str, Any]]) -> list[float]:
    return [float(job["polls"]) for job in jobs]


def _lags(jobs: list[dict[str, Any]]) -> list[float]:
    return [(job["noticed"] - job["began"] - job["seconds"]) / job["seconds"] for job in jobs]
