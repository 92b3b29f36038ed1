"""Row 13: how often a job is looked at, and how late its end is noticed."""

from tests.bench.api import serving
from tests.bench.rollout import Rollout
from tests.bench.row import Mode, Row, median
from tests.bench.settings import Settings

_POLLS_GOAL, _LAG_GOAL = 3.0, 0.10


def polls(mode: Mode) -> Row:
    """Measure jobs of 4 to 10 seconds that are run and followed."""
    tenants, rate = mode.pick(40, 400), {"per_second": 300.0, "burst": 100}
    with serving() as api:
        run = {"trigger": True, "follow": True}
        rollout = Rollout(mode.place / "rollout", api.url, tenants, rate=rate, run=run).write()
        api.begin(Settings(tenants=tenants, latency=0.02, rate=300.0, burst=100.0))
        rollout.apply()
        jobs = api.figures().jobs
    counts = [float(job["polls"]) for job in jobs]
    lags = [(job["noticed"] - job["began"] - job["seconds"]) / job["seconds"] for job in jobs]
    return Row(
        13,
        f"following {len(jobs)} jobs of 4 to 10 s",
        {"polls a job": counts, "lag / duration": lags},
        f"<= {_POLLS_GOAL:g}, <= {_LAG_GOAL}",
        median(counts) <= _POLLS_GOAL and median(lags) <= _LAG_GOAL,
    )
