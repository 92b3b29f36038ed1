"""Row 11: a limit that nobody states: in virtual time against kinds of servers, and against the real simulator."""

import asyncio
from statistics import fmean

from tests.bench import real_limiter, servers
from tests.bench.row import Mode, Row

_MEAN_GOAL, _WORST_GOAL, _THROTTLED_GOAL, _REAL_GOAL = 0.95, 0.80, 15.0, 0.93
_GOAL = (
    f"mean E >= {_MEAN_GOAL}, worst >= {_WORST_GOAL}, 429s <= {_THROTTLED_GOAL:g} per 1000; simulator >= {_REAL_GOAL}"
)
_TITLE = "unknown limit"


def unknown_limit(mode: Mode) -> Row:
    """Measure the adaptive pacer: each kind of server in virtual time, then the real client for some seconds."""
    rows = servers.rows()
    real = asyncio.run(real_limiter.measure(mode.pick(15.0, 60.0)))
    efficiencies = [row.efficiency for row in rows]
    throttled = fmean(row.throttled_per_1000 for row in rows)
    return Row(
        11,
        f"{_TITLE}, {len(rows)} kinds of servers",
        {
            "E": efficiencies,
            "mean E": [fmean(efficiencies)],
            "worst E": [min(efficiencies)],
            "429s per 1000": [throttled],
            "E, real simulator": [real["efficiency"]],
            "429s per 1000, real simulator": [real["throttled_per_1000"]],
        },
        _GOAL,
        fmean(efficiencies) >= _MEAN_GOAL
        and min(efficiencies) >= _WORST_GOAL
        and throttled <= _THROTTLED_GOAL
        and real["efficiency"] >= _REAL_GOAL,
    )
