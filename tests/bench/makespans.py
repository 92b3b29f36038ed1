"""Rows 1 and 2: how near the makespan of a wave comes to the least that its bounds allow."""

from deployer.domain.ideal import Limits
from deployer.domain.pacing import with_margin
from tests.bench.api import Api, Measured, serving
from tests.bench.ideal import Wave, least_seconds
from tests.bench.rollout import UNPACED, Rollout
from tests.bench.row import Mode, Row, median
from tests.bench.settings import Settings

_CHAIN = 4  # list, clone, GET, PUT
_PACED_GOAL, _CROWDED_GOAL = 0.98, 0.96


def paced(mode: Mode) -> Row:
    """Measure a wave that the account's rate binds, at a limit that the manifest states."""
    raw = mode.pick(Limits(400.0, 150.0, 512), Limits(300.0, 1000.0, 512))
    bucket = with_margin(raw.rate, raw.burst)
    wave = Wave(mode.pick(300, 2000), _CHAIN, latency=0.05)
    ours = least_seconds(wave, Limits(bucket.rate, bucket.burst, raw.in_flight))
    with serving() as api:
        rate = {"per_second": raw.rate, "burst": int(raw.burst)}
        settings = Settings(tenants=wave.tenants, latency=wave.latency, rate=raw.rate, burst=raw.burst)
        waves = [_applied(mode, api, settings, rate) for _ in range(mode.pick(2, 3))]
    efficiencies = [ours / figures.makespan for _, figures in waves]
    throttled = [float(figures.throttled) for _, figures in waves]
    return Row(
        1,
        f"paced makespan, {wave.tenants} tenants x {_CHAIN}, {raw.rate:g}/s",
        {
            "E (configured bucket)": efficiencies,
            "E (raw limit)": [least_seconds(wave, raw) / figures.makespan for _, figures in waves],
            "429s": throttled,
        },
        f"E >= {_PACED_GOAL}, no 429",
        median(efficiencies) >= _PACED_GOAL and not any(throttled),
    )


def crowded(mode: Mode) -> Row:
    """Measure a wave that the latency binds: journal durable and logs on, as always."""
    limits = Limits(UNPACED["per_second"], UNPACED["burst"], in_flight=32)
    wave = Wave(limits.in_flight * mode.pick(4, 40), _CHAIN, latency=0.15)
    with serving() as api:
        rate = {**UNPACED, "in_flight": limits.in_flight}
        settings = Settings(tenants=wave.tenants, latency=wave.latency)
        waves = [_applied(mode, api, settings, rate, "-v") for _ in range(mode.pick(2, 5))]
    efficiencies = [least_seconds(wave, limits) / figures.makespan for _, figures in waves]
    return Row(
        2,
        f"latency-bound makespan, {wave.tenants} tenants x {_CHAIN} of {wave.latency * 1000:g} ms, "
        f"{limits.in_flight} in flight",
        {
            "E": efficiencies,
            "requests/s": [figures.wave / figures.makespan for _, figures in waves],
            "CPU s / makespan": [ended.cpu / figures.makespan for ended, figures in waves],
        },
        f"E >= {_CROWDED_GOAL}",
        median(efficiencies) >= _CROWDED_GOAL,
    )


def _applied(mode: Mode, api: Api, settings: Settings, rate: dict[str, float], *words: str) -> Measured:
    rollout = Rollout(mode.place / "rollout", api.url, settings.tenants, rate=rate).write()
    api.begin(settings)
    return rollout.apply(*words), api.figures()
