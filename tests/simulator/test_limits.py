"""Limits: the shared bucket, and those that nobody knows for sure."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.simulator import Knobs
from deployer.simulator.bucket import Bucket
from tests.simulator.bench import SIMPLE, bench

pytestmark = pytest.mark.anyio

SIZES = st.integers(1, 50)
REFILLS = st.sampled_from([0.5, 1.0, 7.0, 300.0])
GAPS = st.lists(st.floats(0, 3), max_size=200)


@given(SIZES, REFILLS, GAPS)
def test_no_window_admits_more_than_the_bucket_and_its_refill(size: int, refill: float, gaps: list[float]) -> None:
    bucket, now, admitted = Bucket(size=size, refill=refill, room=size, at=0), 0.0, []
    for gap in gaps:
        now += gap
        if not bucket.take(now):
            admitted.append(now)
    for first, begin in enumerate(admitted):
        for count, end in enumerate(admitted[first:], start=1):
            assert count <= size + (end - begin) * refill + 1e-6


@given(SIZES, REFILLS, GAPS)
def test_whoever_waits_as_told_is_admitted(size: int, refill: float, gaps: list[float]) -> None:
    bucket, now = Bucket(size=size, refill=refill, room=size, at=0), 0.0
    for gap in gaps:
        now += gap
        if wait := bucket.take(now):
            now += wait + 1e-6
            assert bucket.take(now) == 0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Bucket(size=1, refill=1, room=1, at=100)
    assert bucket.take(100) == 0
    assert bucket.take(50) == 1
    assert bucket.take(50.5) == 0.5


async def test_over_the_bucket_is_429_with_whole_seconds_to_wait() -> None:
    async with bench(Knobs(bucket_size=2, bucket_refill=0.4)) as b:
        answers = [await b.ask("GET", "/v1/tokenInfo") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert (answers[2].code, answers[2].headers["Retry-After"]) == ("rate_limited", "3")
        assert (await b.ask("GET", "/v1/tokenInfo", account="acme-eu")).status == 200
        b.clock.now += 3
        assert (await b.ask("GET", "/v1/nowhere")).status == 404


@pytest.mark.parametrize(
    ("knobs", "admitted"),
    [
        (Knobs(bucket_size=1, bucket_refill=4), 1),
        (Knobs(bucket_size=1, bucket_refill=4, other_traffic=4), 0),
        (Knobs(bucket_size=1, bucket_refill=4, other_traffic=9), 0),
    ],
)
async def test_other_traffic_draws_on_the_same_bucket(knobs: Knobs, admitted: int) -> None:
    async with bench(knobs) as b:
        await b.ask("GET", "/v1/tokenInfo")
        b.clock.now += 0.25
        reply = await b.ask("GET", "/v1/tokenInfo")
        assert reply.status == (200 if admitted else 429)
        assert admitted or reply.headers["Retry-After"] == "900"


async def test_a_route_may_have_a_rate_of_its_own() -> None:
    async with bench(Knobs(route_rate={"flows.get": 1})) as b:
        statuses = [(await b.ask("GET", f"/v1/flows/{SIMPLE}")).status for _ in range(2)]
        assert (statuses, (await b.ask("GET", "/v1/flows")).status) == ([200, 429], 200)


async def test_requests_at_once_may_be_limited() -> None:
    async with bench(Knobs(concurrent=1, latency={"flows.get": 0.2})) as b, anyio.create_task_group() as group:
        group.start_soon(b.ask, "GET", f"/v1/flows/{SIMPLE}")
        while not b.simulator.ledger.arrivals:
            await anyio.lowlevel.checkpoint()
        assert (await b.ask("GET", "/v1/flows")).status == 429


async def test_headers_may_tell_what_room_is_left() -> None:
    async with bench(Knobs(rate_headers=True)) as b:
        headers = (await b.ask("GET", "/v1/tokenInfo")).headers
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("1000", "999")


@pytest.mark.parametrize(
    ("latency", "least"), [({"tokenInfo": 0.05}, 0.05), ({"*": 0.05}, 0.05), ({"*": 9, "tokenInfo": 0}, 0)]
)
async def test_latency_is_set_by_route(latency: dict[str, float], least: float) -> None:
    async with bench(Knobs(latency=latency)) as b:
        began = anyio.current_time()
        await b.ask("GET", "/v1/tokenInfo")
        assert least <= anyio.current_time() - began < 5


@pytest.mark.parametrize(
    "values", [{"nope": 1}, {"clone_answer": "both"}, {"page_size": "ten"}, {"list_lag": "5s"}, {"latency": 1}]
)
def test_an_unknown_knob_or_a_setting_that_does_not_fit_is_an_error(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Knobs.parse(values)


def test_a_dotted_knob_is_one_entry() -> None:
    knobs = Knobs.parse({"latency": {"*": 1}, "latency.flows.clone": 2, "page_size": 7})
    assert (knobs.seconds("flows.clone"), knobs.seconds("flows.get"), knobs.page_size) == (2, 1, 7)
