"""What an account is asked, counted span by span under a clock that jumps."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from deployer.domain.samples import Call, Sample, bucket_of
from deployer.integrator.client import Timeouts
from deployer.integrator.meter import Meter
from tests.clockwork import BACKEND
from tests.integrator.calls import FLOW, calling, limiter
from tests.integrator.raw import Reply, Then, answer, raw_server

pytestmark = pytest.mark.anyio

ONCE = Timeouts(tries=1)


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


@dataclass(slots=True)
class Heard:
    """The samples that a meter tells of, each named after the second it began in."""

    samples: list[Sample] = field(default_factory=list)

    def by(self, meter: Meter) -> Meter:
        meter.listen("acme", lambda: f"{asyncio.get_running_loop().time():g}", self.samples.append)
        return meter

    @property
    def counted(self) -> list[tuple[str, float, int]]:
        return [(sample.at, sample.seconds, sample.requests) for sample in self.samples]


async def test_a_span_begins_with_a_request_and_is_the_longer_the_later_that_is() -> None:
    heard = Heard()
    meter = heard.by(Meter())
    for second in (0.0, 0.4, 0.9, 1.0, 50.0, 54.0, 55.0, 500.0, 509.0, 3_000.0, 3_029.0):  # nothing in between
        await asyncio.sleep(second - asyncio.get_running_loop().time())
        meter.sent(1, 100.0)
    await asyncio.sleep(0.5)
    meter.end()
    meter.sent(1, 100.0)
    told = [("0", 1.0, 3), ("1", 1.0, 1), ("50", 5.0, 2), ("55", 5.5, 1), ("500", 10.0, 2), ("3000", 29.5, 2)]
    assert heard.counted == told


async def test_where_nothing_is_asked_nothing_is_told() -> None:
    heard = Heard()
    meter = heard.by(Meter())
    await asyncio.sleep(60.0)
    meter.end()
    assert heard.samples == []


async def test_a_day_of_polls_makes_hundreds_of_samples_and_no_thousands() -> None:
    heard = Heard()
    meter = heard.by(Meter())
    for _ in range(24 * 720):
        meter.sent(1, 100.0)
        await asyncio.sleep(5.0)
    meter.end()
    assert sum(requests for *_, requests in heard.counted) == 24 * 720
    assert len(heard.counted) < 700


async def test_a_sample_has_the_peak_the_limit_and_the_latency_of_each_kind_of_call() -> None:
    heard = Heard()
    meter = heard.by(Meter())
    left = [meter.sent(number, 100.0 + number) for number in (1, 3, 2)]
    await asyncio.sleep(0.5)
    meter.answered(Call.CLONE, left[0])
    meter.answered(Call.WRITE, left[1])
    meter.answered(Call.WRITE, left[2])
    meter.end()
    [sample] = heard.samples
    assert (sample.account, sample.in_flight, sample.limit) == ("acme", 3, 102.0)
    assert sample.latency == {Call.CLONE: {bucket_of(0.5): 1}, Call.WRITE: {bucket_of(0.5): 2}}


async def test_time_that_two_refusals_pause_counts_once() -> None:
    heard = Heard()
    pacer = limiter()
    heard.by(pacer.meter)
    async with pacer.turn() as first, pacer.turn() as second:
        pacer.pause(first, 3.0)
        await asyncio.sleep(1.0)
        pacer.pause(second, 3.0)
    pacer.meter.end()
    assert [(sample.throttled, sample.paused) for sample in heard.samples] == [(2, 4.0)]


async def test_a_client_counts_what_it_sends_and_the_answers_that_are_no_refusal() -> None:
    heard = Heard()
    pacer = limiter()
    heard.by(pacer.meter)
    found, listed = json.dumps({"_id": FLOW}).encode(), b"[]"
    replies = [answer(429, b"", "Retry-After: 2"), answer(200, found), answer(200, listed), Reply(then=Then.CLOSE)]
    async with raw_server(replies) as server, calling(server.url, pacer=pacer, timeouts=ONCE) as client:
        await client.flow(FLOW)
        await client.integrations()
        await client.flow(FLOW)
    pacer.meter.end()
    total = [sum(getattr(sample, what) for sample in heard.samples) for what in ("requests", "throttled", "paused")]
    assert total == [4, 1, 2.0]
    answers = [(call, sum(counts.values())) for sample in heard.samples for call, counts in sample.latency.items()]
    assert answers == [(Call.READ, 1), (Call.LIST, 1)]
