"""Every fault of the catalogue on each of the six calls: what it means, and what arrives where."""

import asyncio

import pytest

from tests.clockwork import BACKEND
from tests.integrator.calls import QUICK, SECRET, Intents, calling, limiter
from tests.integrator.catalogue import FAULTS, HTML
from tests.integrator.fault import Fault
from tests.integrator.raw import LATE, Reply, Then, answer, raw_server
from tests.integrator.six import FOLLOW, GET, LIST, SIX, Call, Means, means

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


def test_the_catalogue_names_each_of_its_faults_once() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60


def test_a_fault_is_told_otherwise_only_of_calls_that_there_are() -> None:
    names = {call.name for call in SIX}
    assert len(names) == 6
    assert all(fault.but.keys() <= names for fault in FAULTS)


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_means_what_the_catalogue_says_and_harms_no_later_call(fault: Fault, call: Call) -> None:
    """An unsafe call is stamped and sent once, whatever comes; nothing goes to any other host."""
    intents, pacer = Intents(), limiter()
    async with (
        raw_server([answer(200, call.right)]) as other,
        raw_server(fault.replies(call, other.url)) as server,
        calling(server.url, pacer=pacer) as client,
    ):
        outcome = await call.make(client, intents.stamp)
        assert means(outcome, call) is fault.to(call), outcome
        assert SECRET not in repr(outcome)
        sent = fault.requests(call, QUICK.tries)
        assert (len(server), intents.count) == (sent, int(call.stamped))
        assert (pacer.in_flight, pacer.throttled) == (0, 0)
        await asyncio.sleep(2 * LATE)
        server.replies[:] = [answer(200, call.right)]
        assert means(await call.make(client, intents.stamp), call) is Means.DONE
        assert len(server) == sent + 1
    assert other.connections == 0


@pytest.mark.parametrize("call", [GET, FOLLOW, LIST], ids=lambda call: call.name)
async def test_a_read_that_fails_at_first_succeeds_in_the_end(call: Call) -> None:
    replies = [Reply(then=Then.RESET), answer(502, HTML), answer(200, call.right)]
    async with raw_server(replies) as server, calling(server.url) as client:
        assert means(await call.make(client, Intents().stamp), call) is Means.DONE
    assert len(server) == 3
