"""How long a rollout took against the ideal."""

from dataclasses import replace
from typing import Any

import pytest

from deployer.domain.plan import Plan
from deployer.domain.samples import Call, Sample, bucket_of
from deployer.domain.waves import Wave
from deployer.report.efficiency import Chains, Efforts, efficiency_view
from deployer.report.spans import Interval, axis_of
from deployer.report.tracks import Frame
from tests.factories import plan
from tests.report.rollouts import BEGAN, at

FRAME = Frame(BEGAN)
RATE: dict[str, Any] = {"per_second": 100.0, "burst": 10}  # with its margins 98.5 and 6


def limited(*waves: Wave, **rate: Any) -> Plan:  # noqa: ANN401 - as a manifest has it
    return replace(plan(), settings={"accounts": {"main": {"rate": {**RATE, **rate}}}}, waves=waves)


def asked(begin: float, requests: int, *, throttled: int = 0, limit: float = 98.5) -> Sample:
    latency = {Call.READ: {bucket_of(0.1): requests}}
    return Sample("main", at(begin), 10.0, requests, throttled, 0.0, 8, limit, latency)


def efforts(moved: dict[int, Interval], **chain: float) -> Efforts:
    steps = Chains(**{"steps": 0, "most_steps": 0, **chain})  # type: ignore[arg-type]  # numbers all
    return Efforts({(wave, "main"): steps for wave in moved}, moved, axis_of(list(moved.values())))


def test_where_the_rate_binds_it_is_the_ideal() -> None:
    told = efficiency_view(limited(), efforts({0: (0.0, 12.5)}), [asked(0, 991)], FRAME)
    assert told is not None
    assert told["ideal_seconds"] == pytest.approx((991 - 6) / 98.5 + 0.1, rel=0.01)
    assert (told["efficiency"], told["waves"][0]["bound"]) == (pytest.approx(0.8, abs=0.02), "rate")


def test_what_was_refused_adds_nothing_to_the_ideal() -> None:
    told = efficiency_view(limited(), efforts({0: (0.0, 20.0)}), [asked(0, 991), asked(10, 500, throttled=500)], FRAME)
    assert told is not None
    assert told["ideal_seconds"] == pytest.approx(10.1, rel=0.01)


def test_where_one_tenant_takes_longest_its_chain_is_the_ideal() -> None:
    told = efficiency_view(limited(), efforts({0: (0.0, 40.0)}, longest=30.0), [asked(0, 50)], FRAME)
    assert told is not None
    assert (told["efficiency"], told["waves"][0]["bound"]) == (0.75, "longest tenant")


def test_few_slots_bind_all_calls_together() -> None:
    told = efficiency_view(limited(in_flight=4), efforts({0: (0.0, 40.0)}, calls=80.0), [asked(0, 50)], FRAME)
    assert told is not None
    assert (told["ideal_seconds"], told["waves"][0]["bound"]) == (20.0, "requests in flight")


def test_the_concurrency_of_a_wave_binds_its_tenants() -> None:
    of_two = Wave("canary", 20, 2, 0)
    told = efficiency_view(limited(of_two), efforts({1: (0.0, 40.0)}, calls=10.0, jobs=30.0), [asked(0, 50)], FRAME)
    assert told is not None
    assert (told["ideal_seconds"], told["waves"][0]["bound"]) == (20.0, "concurrency")


def test_waves_add_up_and_what_lies_between_them_does_not_count() -> None:
    waves = (Wave("one", 10, 10, 0), Wave("two", 10, 10, 0))
    moved = {1: (0.0, 10.0), 2: (90_000.0, 90_010.0)}
    told = efficiency_view(limited(*waves), efforts(moved, longest=8.0), [asked(0, 50), asked(90_000, 50)], FRAME)
    assert told is not None
    assert (told["ideal_seconds"], told["actual_seconds"], told["efficiency"]) == (16.0, 20.0, 0.8)


def test_a_night_in_a_wave_does_not_count() -> None:
    spans = [(0.0, 10.0), (40_000.0, 40_010.0)]
    found = Efforts({(0, "main"): Chains(longest=15.0)}, {0: (0.0, 40_010.0)}, axis_of(spans))
    told = efficiency_view(limited(), found, [asked(0, 50), asked(40_000, 50)], FRAME)
    assert told is not None
    assert told["actual_seconds"] == 20.0


def test_the_time_in_which_a_wave_only_waits_for_a_person_does_not_count() -> None:
    moved, underway = {0: (0.0, 55.0)}, {0: [(0.0, 10.0), (50.0, 55.0)]}
    found = Efforts({(0, "main"): Chains(longest=12.0)}, moved, axis_of([(0.0, 55.0)]), underway)
    told = efficiency_view(limited(), found, [asked(0, 50), asked(50, 50)], FRAME)
    assert told is not None
    assert (told["actual_seconds"], told["efficiency"]) == (15.0, 0.8)


def test_where_the_limit_was_looked_for_what_was_aimed_at_counts() -> None:
    told = efficiency_view(
        limited(per_second="auto"),
        efforts({0: (0.0, 20.0)}),
        [asked(0, 401, limit=50), asked(10, 400, limit=30)],
        FRAME,
    )
    assert told is not None
    assert told["ideal_seconds"] == pytest.approx(800 / 40 + 0.1, rel=0.01)


def test_without_samples_nobody_can_tell() -> None:
    assert efficiency_view(limited(), efforts({0: (0.0, 1.0)}), [], FRAME) is None
