"""How fast was asked, told from samples."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.local_time import utc_text
from deployer.domain.samples import Call, Sample, bucket_of
from deployer.report.rates import requests_view
from deployer.report.tracks import Frame

BEGAN = 1_800_000_000.0
FRAME = Frame(BEGAN)


def sample(second: float, requests: int, *, seconds: float = 10.0, account: str = "main", throttled: int = 0) -> Sample:
    at = utc_text(datetime.fromtimestamp(BEGAN + second, UTC))
    latency = {Call.WRITE: {bucket_of(0.2): requests}}
    return Sample(account, at, seconds, requests, throttled, 2.0 * throttled, 5, 100.0, latency)


def test_without_samples_there_is_nothing_to_tell() -> None:
    assert requests_view([], FRAME) is None


def test_what_was_asked_adds_up() -> None:
    told = requests_view([sample(0, 300), sample(0, 200, account="other"), sample(3600, 100, throttled=2)], FRAME)
    assert told is not None
    assert (told["sent"], told["throttled"], told["paused_seconds"], told["seconds"]) == (600, 2, 4.0, 20.0)
    assert told["per_second"] == 30.0  # of the seconds in which anything was asked
    assert [(each["account"], each["sent"]) for each in told["accounts"]] == [("main", 400), ("other", 200)]
    [call] = told["calls"]
    assert (call["call"], call["answers"], call["p50"]) == ("write", 600, pytest.approx(0.2, rel=0.2))


def test_limits_of_accounts_that_are_asked_at_a_time_add_up() -> None:
    told = requests_view([sample(0, 300), sample(0, 200, account="other"), sample(10, 100)], FRAME)
    assert told is not None
    assert {(bar["limit"], bar["requests"]) for bar in told["rates"]} == {(200.0, 50.0), (100.0, 10.0)}


@given(st.lists(st.tuples(st.floats(0, 5e5), st.integers(0, 5000), st.floats(0.001, 1000)), min_size=1, max_size=30))
def test_bars_hold_every_request_and_are_few(spans: list[tuple[float, int, float]]) -> None:
    found = [sample(round(second, 3), sent, seconds=round(seconds, 3)) for second, sent, seconds in spans]
    told = requests_view(found, FRAME)
    assert told is not None
    assert sum(bar["requests"] for bar in told["rates"]) == pytest.approx(told["sent"], rel=0.01, abs=1)
    assert len(told["rates"]) <= 240 + 2 * len(spans)
    assert all(0 < bar["seconds"] <= bar["end"] - bar["begin"] + 1e-6 for bar in told["rates"])
