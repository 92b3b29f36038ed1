"""Row 5: killed at random instants and started again, nobody is doubled or left out, and little is asked twice."""

import random
import time

from tests.bench.api import Api, serving
from tests.bench.rollout import SHORT, UNPACED, Rollout
from tests.bench.row import Mode, Row
from tests.bench.settings import Settings

IN_FLIGHT = 32
_GOAL = 3  # requests in flight that a kill may cost again
_LATENCY = 0.05
_KILLED = -9


def kills(mode: Mode) -> Row:
    """Kill one rollout again and again at random instants of its work, and count against a life in peace."""
    wanted, chance = mode.pick(5, 20), random.Random(20)
    tenants = IN_FLIGHT * (wanted * 3 // 2 + 2)
    with serving() as api:
        peaceful = _lived(mode, api, tenants, [])
        spans = [chance.uniform(0.0, 1.5 * 4 * _LATENCY) for _ in range(wanted)]
        requests, killed = _lived(mode, api, tenants, spans)
        figures = api.figures()
    extra = (requests - peaceful[0]) / max(1, killed)
    return Row(
        5,
        f"{wanted} kill -9 at random instants, {tenants} tenants, {IN_FLIGHT} in flight",
        {
            "kills": [float(killed)],
            "duplicates": [float(figures.duplicates)],
            "missing": [float(figures.missing + figures.unconfigured)],
            "extra requests a kill": [extra],
        },
        f"{wanted} kills; 0, 0, <= {_GOAL * IN_FLIGHT}",
        killed == wanted
        and not figures.duplicates + figures.missing + figures.unconfigured
        and extra <= _GOAL * IN_FLIGHT,
        "extra requests include those of each new start: token, template, lists",
    )


def _lived(mode: Mode, api: Api, tenants: int, spans: list[float]) -> tuple[int, int]:
    """Apply, killed so many seconds after the work of each life began; return all requests, and the kills that hit."""
    rate = {**UNPACED, "in_flight": IN_FLIGHT}
    rollout = Rollout(mode.place / "rollout", api.url, tenants, rate=rate, safety=SHORT).write()
    api.begin(Settings(tenants=tenants, latency=_LATENCY))
    requests = killed = 0
    for seconds in spans:
        life = rollout.start("apply", "rollout.yaml", "--yes")
        api.wait_for(1, life)
        time.sleep(seconds)
        life.kill()
        killed += life.end(0, _KILLED).code == _KILLED
        time.sleep(2 * _LATENCY)  # whatever had arrived is applied, and counted to this life
        requests += api.figures().requests
        api.begin(Settings(tenants=tenants, latency=_LATENCY, fresh=False))
    rollout.apply()
    return requests + api.figures().requests, killed
