"""Latencies by bucket: fixed bounds, so that any two counts can be added."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.samples import (
    Call,
    Sample,
    added,
    bounds_of,
    bucket_of,
    quantile,
    sample_from,
    sample_record,
)

LATENCIES = st.floats(0.0, 900.0)
COUNTS = st.dictionaries(st.integers(0, 80), st.integers(1, 1000))


@given(LATENCIES)
def test_a_latency_lies_between_the_bounds_of_its_bucket(seconds: float) -> None:
    lower, upper = bounds_of(bucket_of(seconds))
    assert lower * 0.999_999 <= seconds <= upper * 1.000_001


@given(LATENCIES, LATENCIES)
def test_a_longer_latency_is_in_no_lower_bucket(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert bucket_of(shorter) <= bucket_of(longer)


def test_what_takes_for_ever_is_in_the_last_bucket() -> None:
    assert bucket_of(1e9) == bucket_of(1200.0) == 80


@given(COUNTS, COUNTS, COUNTS)
def test_counts_are_added_in_any_order(one: dict[int, int], other: dict[int, int], third: dict[int, int]) -> None:
    assert added([one, added([other, third])]) == added([third, other, one])
    assert sum(added([one, other]).values()) == sum(one.values()) + sum(other.values())


@given(st.lists(LATENCIES.filter(lambda seconds: seconds >= 0.001), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_that_of_the_latencies_to_a_bucket(latencies: list[float], part: float) -> None:
    counts = added({bucket_of(seconds): 1} for seconds in latencies)
    found = quantile(counts, part)
    assert found is not None
    within = sum(seconds <= found * 1.000_001 for seconds in latencies)
    assert within >= part * len(latencies) * 0.999_999
    assert sum(seconds <= found / 1.2 for seconds in latencies) < part * len(latencies) + 1


def test_of_no_answers_there_is_no_quantile() -> None:
    assert quantile({}, 0.5) is None


@pytest.mark.parametrize("latency", [{}, {Call.CLONE: {0: 2, 31: 1}, Call.POLL: {12: 7}}])
def test_a_sample_comes_back_from_its_record(latency: dict[Call, dict[int, int]]) -> None:
    sample = Sample("acme-us", "2026-03-01T10:00:00.000Z", 10.0, 3, 1, 2.5, 8, 147.75, latency)
    record = json.loads(json.dumps(sample_record(sample)))
    assert sample_from(sample.account, sample.at, record) == sample
