"""Row 15: what workers cost and bring: one against a single process, four on many accounts, and a dead one's end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

import psycopg

from deployer.domain.ideal import Limits
from deployer.domain.pacing import with_margin
from tests import postgres
from tests.bench.api import Api, serving
from tests.bench.child import Child
from tests.bench.ideal import Wave, least_seconds
from tests.bench.rollout import SHORT, UNPACED, Rollout
from tests.bench.row import Mode, Row, median, ratios
from tests.bench.settings import Settings

_CHAIN = 4  # list, clone, GET, PUT
_ONE_GOAL, _MANY_GOAL, _TAKEN_OVER_GOAL = 0.8, 0.9, 45.0
_BUSY, _CALM = (0.02, 16), (0.15, 8)  # seconds a request takes, and how many of an account are in flight
_KILLED = -9
_ALIVE: Final = "SELECT count(*) FROM deployer.procrastinate_workers"
_QUEUES = 2  # a worker is one of each queue
_SOON = 30.0


def workers(mode: Mode) -> Row:
    """Measure them with a journal on a Postgres that writes as durably as SQLite does."""
    with serving() as api, postgres.serving(durable=True) as server:
        busy = [_alone(mode, api, server, _BUSY, mode.pick(1500, 3000)) for _ in range(mode.pick(2, 5))]
        calm = [_alone(mode, api, server, _CALM, mode.pick(250, 1500)) for _ in range(mode.pick(1, 3))]
        many = [_many(mode, api, server) for _ in range(mode.pick(1, 3))]
        taken_over = [_taken_over(mode, api, server) for _ in range(mode.pick(1, 5))]
    embedded, shared, spread = ([each[index] for each in busy] for index in range(3))
    saturated = ratios(spread, embedded)
    bound = ratios([each[2] for each in calm], [each[0] for each in calm])
    ratio = min(median(saturated), median(bound))
    reached = ratio >= _ONE_GOAL and median(many) >= _MANY_GOAL and max(taken_over) <= _TAKEN_OVER_GOAL
    return Row(
        15,
        "many workers",
        {
            "one worker / embedded, requests/s where nothing binds": saturated,
            "the same where the latency binds": bound,
            "one process on Postgres / embedded, nothing binds": ratios(shared, embedded),
            "embedded where nothing binds, 1/s": embedded,
            "E of 4 workers x 40 accounts": many,
            "s until a dead worker's account goes on": taken_over,
        },
        f"ratio >= {_ONE_GOAL}, E >= {_MANY_GOAL}, <= {_TAKEN_OVER_GOAL:g} s",
        reached,
        "E: of the bucket that each account's rate leaves after its margin, all accounts side by side",
    )


def _alone(
    mode: Mode, api: Api, server: postgres.Server, bounds: tuple[float, int], tenants: int
) -> tuple[float, float, float]:
    """Return requests a second of a single process with a file, one on Postgres, and one worker, of the same work."""
    accounts, (latency, in_flight) = 5, bounds
    rollout = Rollout(mode.place / "alone", api.url, tenants, accounts, rate={**UNPACED, "in_flight": in_flight})
    settings = Settings(accounts, rollout.each, latency=latency)
    api.begin(settings)
    rollout.write().apply()
    embedded = _speed(api)
    api.begin(settings)
    replace(rollout, journal=server.new_database()).write().apply("--local")
    shared = _speed(api)
    with _working(replace(rollout, journal=server.new_database()).write(), 1, accounts) as (ready, _):
        api.begin(settings)
        ready.apply()
        spread = _speed(api)
    return embedded, shared, spread


def _many(mode: Mode, api: Api, server: postgres.Server) -> float:
    """Return how near four workers come to what the rates of forty accounts allow."""
    accounts, each, rate = 40, mode.pick(25, 75), Limits(5.0, 5.0, 16)
    bucket = with_margin(rate.rate, rate.burst)
    wave = Wave(each, _CHAIN, latency=0.05)
    stated = {"per_second": rate.rate, "burst": int(rate.burst)}
    rollout = Rollout(
        mode.place / "many", api.url, each * accounts, accounts, rate=stated, journal=server.new_database()
    )
    with _working(rollout.write(), 4, accounts // 4) as (ready, _):
        api.begin(Settings(accounts, each, latency=wave.latency, rate=rate.rate, burst=rate.burst))
        ready.apply()
        figures = api.figures()
    assert not figures.missing
    return least_seconds(wave, Limits(bucket.rate, bucket.burst, rate.in_flight)) / figures.makespan


def _taken_over(mode: Mode, api: Api, server: postgres.Server) -> float:
    """Return the seconds from the death of the worker that has an account to the first request of the next."""
    tenants = mode.pick(200, 400)
    rate: Mapping[str, float] = {**UNPACED, "in_flight": 2}
    journal = server.new_database()
    rollout = Rollout(mode.place / "dead", api.url, tenants, rate=rate, safety=SHORT, journal=journal).write()
    settings = Settings(tenants=tenants, latency=0.2)
    with _working(rollout, 2, 1) as (ready, started):
        api.begin(settings)
        ready.start("apply", "rollout.yaml", "--yes", "--detach").end()
        api.wait_for(20, started[0])
        with psycopg.connect(journal) as connection:
            [(pid,)] = connection.execute("SELECT pid FROM deployer.claim WHERE account LIKE '%@%'").fetchall()
        victim = next(one for one in started if one.pid == pid)
        victim.kill()
        victim.end(_KILLED)
        died = time.monotonic()
        api.begin(replace(settings, fresh=False))
        api.wait_for(1, next(one for one in started if one is not victim))
        return api.figures().first - died


def _speed(api: Api) -> float:
    figures = api.figures()
    assert not figures.missing
    return figures.wave / figures.makespan


@contextmanager
def _working(rollout: Rollout, count: int, concurrency: int) -> Iterator[tuple[Rollout, list[Child]]]:
    """Have so many workers ready, each for so many accounts at a time."""
    with ExitStack() as stack:
        started = []
        for number in range(count):
            child = rollout.start("worker", "--concurrency", str(concurrency), name=f"worker-{number}-")
            stack.callback(child.kill)
            started.append(child)
        _await(rollout.journal, count)
        yield rollout, started


def _await(journal: str, count: int) -> None:
    deadline = time.monotonic() + _SOON
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(journal) as connection:
                [(alive,)] = connection.execute(_ALIVE).fetchall()
        except psycopg.errors.UndefinedTable:
            alive = 0
        if alive >= _QUEUES * count:
            return
        time.sleep(0.1)
    raise TimeoutError("the workers did not come")
