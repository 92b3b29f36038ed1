"""Row 14: two scripts that one writes by hand, on the same work: makespan, CPU, and what a kill leaves."""

import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.bench.api import Api, serving
from tests.bench.child import ROOT, Child
from tests.bench.rollout import SHORT, Rollout
from tests.bench.row import Mode, Row, Samples, median
from tests.bench.settings import Settings
from tests.bench.world import token_of

_AT_ONCE = 128  # as the scripts have it
_RATE, _BURST = 200.0, 100
_CLONE = 2.0  # seconds: a clone is the slow call, and the one that a kill catches under way
_LEVEL = 1.05
_KILLED = -9
_PEERS = {"aiohttp+semaphore": "gathered", "requests+threads": "threaded"}
_GOAL = f"no duplicates, and makespan <= {_LEVEL} of the best script"


@dataclass(frozen=True, slots=True)
class _Contender:
    """How one is started on a rollout."""

    name: str
    start: Callable[[Rollout], Child]


def contest(mode: Mode) -> Row:
    """Measure `deployer` and the scripts in turns, and kill each half-way and start it again at once."""
    contenders = [_Contender("deployer", lambda rollout: rollout.start("apply", "rollout.yaml", "--yes"))]
    contenders += [_script(name, module) for name, module in _PEERS.items() if module != "threaded" or _has_requests()]
    with serving() as api:
        turns = [
            {contender.name: _judged(mode, api, contender) for contender in contenders} for _ in range(mode.pick(1, 3))
        ]
    figures = {
        f"{contender.name}: {what}": [turn[contender.name][what] for turn in turns]
        for contender in contenders
        for what in ("s", "CPU s", "429s", "duplicates after a kill")
    }
    missing = "" if _has_requests() else "requests+threads is not there: requests cannot be imported"
    return Row(14, "peers on the same work", figures, _GOAL, _is_ahead(contenders, figures), missing)


def _is_ahead(contenders: list[_Contender], figures: Mapping[str, Samples]) -> bool:
    best = min(median(figures[f"{contender.name}: s"]) for contender in contenders[1:])
    clean = not any(figures["deployer: duplicates after a kill"])
    return clean and median(figures["deployer: s"]) <= _LEVEL * best


def _has_requests() -> bool:
    return importlib.util.find_spec("requests") is not None


def _script(name: str, module: str) -> _Contender:
    path = str(ROOT / "tests" / "bench" / "peers" / f"{module}.py")

    def start(rollout: Rollout) -> Child:
        return Child([sys.executable, path, rollout.url, token_of(0), "tenants.csv"], place=rollout.place)

    return _Contender(name, start)


def _judged(mode: Mode, api: Api, contender: _Contender) -> dict[str, float]:
    tenants = mode.pick(90, 1000)

    def placed() -> Rollout:
        rate = {"per_second": _RATE, "burst": _BURST, "in_flight": _AT_ONCE}
        rollout = Rollout(mode.place / "rollout", api.url, tenants, rate=rate, safety={**SHORT, "clone_timeout": "3s"})
        api.begin(Settings(tenants=tenants, latency=0.05, clone_latency=_CLONE, rate=_RATE, burst=float(_BURST)))
        return rollout.write()

    ended = contender.start(placed()).end()
    peaceful = api.figures()
    rollout = placed()
    life = contender.start(rollout)
    api.wait_for(2 * tenants, life)
    life.kill()
    life.end(_KILLED)
    contender.start(rollout).end()
    time.sleep(_CLONE)  # until the last clone of the dead has landed
    after = api.figures()
    return {
        "s": peaceful.makespan,
        "CPU s": ended.cpu,
        "429s": float(peaceful.throttled),
        "duplicates after a kill": float(after.duplicates),
    }
