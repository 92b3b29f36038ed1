"""Rows 3, 4 and 12: what durability, the tool itself, and its log cost; always against the same work without."""

import sys
from collections.abc import Callable

from tests.bench.api import Api, Measured, serving
from tests.bench.bare import WORKERS
from tests.bench.child import Child, Ended
from tests.bench.rollout import UNPACED, Rollout
from tests.bench.row import Mode, Row, Samples, median, ratios
from tests.bench.settings import Settings

_UNFINISHED = (0, 5)  # without a journal nobody knows that the rollout has ended
_UNPACED_GOAL, _PACED_GOAL, _CPU_GOAL = 1.10, 1.01, 1.3
_SATURATED_GOAL = 0.75
_LOGS_GOAL = 1.05
_ABOVE = "CPU is that above an apply to one tenant"


def durability(mode: Mode) -> Row:
    """Measure the journal against none, where nothing paces and where the rate does."""
    pairs = mode.pick(2, 5)
    with serving() as api:
        idle = _start_up(mode, api)
        free = _taxed(
            mode, api, Settings(tenants=mode.pick(96, 1920), latency=0.1), {**UNPACED, "in_flight": 32}, pairs
        )
        rate = {"per_second": 300.0, "burst": 100}
        held = Settings(tenants=mode.pick(125, 1000), latency=0.02, rate=300.0, burst=100.0)
        bound = _taxed(mode, api, held, rate, pairs)
    figures = {
        "unpaced makespan": _spans(free),
        "unpaced CPU": _cpu(free, idle),
        "paced makespan": _spans(bound),
        "paced CPU": _cpu(bound, idle),
    }
    goals = (_UNPACED_GOAL, _CPU_GOAL, _PACED_GOAL, _CPU_GOAL)
    return Row(
        3,
        "durability tax: journal / nothing written",
        figures,
        f"makespan <= {_UNPACED_GOAL:.2f} unpaced, <= {_PACED_GOAL} paced; CPU <= {_CPU_GOAL}",
        all(median(samples) <= goal for samples, goal in zip(figures.values(), goals, strict=True)),
        _ABOVE,
    )


def _taxed(
    mode: Mode, api: Api, settings: Settings, rate: dict[str, float], pairs: int
) -> list[tuple[Measured, Measured]]:
    def one(planted: str) -> Measured:
        rollout = Rollout(mode.place / "rollout", api.url, settings.tenants, rate=rate).write()
        api.begin(settings)
        ended = rollout.apply(codes=_UNFINISHED, planted=planted)
        return ended, api.figures()

    return [(one(""), one("journal")) for _ in range(pairs)]


def _spans(pairs: list[tuple[Measured, Measured]]) -> Samples:
    return ratios([ours[1].makespan for ours, _ in pairs], [none[1].makespan for _, none in pairs])


def _cpu(pairs: list[tuple[Measured, Measured]], idle: float) -> Samples:
    return ratios([ours[0].cpu - idle for ours, _ in pairs], [none[0].cpu - idle for _, none in pairs])


def _start_up(mode: Mode, api: Api) -> float:
    """Return the CPU of an apply to one tenant, in seconds: what the work of many is counted above."""
    spent = []
    for _ in range(mode.pick(1, 5)):
        rollout = Rollout(mode.place / "rollout", api.url, 1).write()
        api.begin(Settings(tenants=1))
        spent.append(rollout.apply("--quiet").cpu)
    return median(spent)


def saturated(mode: Mode) -> Row:
    """Measure requests a second where nothing binds, against a bare loop that sends the same."""
    tenants = mode.pick(300, 5000)
    with serving() as api:
        idle, idle_bare = _start_up(mode, api), _bare(mode, api, 1).cpu

        def ours() -> Ended:
            rate = {**UNPACED, "in_flight": WORKERS}
            return Rollout(mode.place / "rollout", api.url, tenants, rate=rate).write().apply()

        def measured(work: Callable[[], Ended]) -> Measured:
            api.begin(Settings(tenants=tenants))
            return work(), api.figures()

        pairs = [(measured(ours), measured(lambda: _bare(mode, api, tenants))) for _ in range(mode.pick(2, 5))]
    mine, theirs = ([_speed(pair[index]) for pair in pairs] for index in (0, 1))
    ratio = ratios(mine, theirs)
    return Row(
        4,
        f"saturated requests/s, {tenants} tenants, {WORKERS} in flight",
        {
            "ours / bare aiohttp": ratio,
            "ours, 1/s": mine,
            "bare, 1/s": theirs,
            "ours, CPU us a request": [_cpu_each(pair[0], idle) for pair in pairs],
            "bare, CPU us a request": [_cpu_each(pair[1], idle_bare) for pair in pairs],
            "how busy the API was, of 1": [pair[1][1].cpu / pair[1][1].makespan for pair in pairs],
        },
        f"ratio >= {_SATURATED_GOAL}",
        median(ratio) >= _SATURATED_GOAL,
        f"{_ABOVE}, the bare loop's too",
    )


def _bare(mode: Mode, api: Api, tenants: int) -> Ended:
    command = [sys.executable, "-m", "tests.bench.bare", "clone", api.url, str(tenants)]
    return Child(command, place=mode.place).end()


def _speed(measured: Measured) -> float:
    return measured[1].wave / measured[1].makespan


def _cpu_each(measured: Measured, idle: float) -> float:
    return (measured[0].cpu - idle) / measured[1].wave * 1e6


def logs(mode: Mode) -> Row:
    """Measure the CPU with every request logged to a file, against none."""
    tenants = mode.pick(200, 2000)
    with serving() as api:
        idle = _start_up(mode, api)

        def cpu(*options: str) -> float:
            rollout = Rollout(mode.place / "rollout", api.url, tenants, rate={**UNPACED, "in_flight": 32}).write()
            api.begin(Settings(tenants=tenants, latency=0.02))
            return rollout.apply("--quiet", *options).cpu - idle

        turns = [(cpu("-v"), cpu("-vv"), cpu()) for _ in range(mode.pick(2, 9))]
    tenant, request, none = zip(*turns, strict=True)
    ratio = ratios(tenant, none)
    return Row(
        12,
        f"CPU with logs / without, {tenants} tenants",
        {"-v / none": ratio, "-vv / none": ratios(request, none)},
        f"-v <= {_LOGS_GOAL}",
        median(ratio) <= _LOGS_GOAL,
        f"{_ABOVE}; -v writes a line a tenant, -vv one for each request and one for each move of a step",
    )
