"""A 429 on each of the six calls: the account waits, in virtual time, and nothing is counted as a try."""

import asyncio
import time
from email.utils import formatdate

import pytest

from tests.clockwork import BACKEND
from tests.integrator.calls import QUICK, Intents, calling, limiter
from tests.integrator.catalogue import ENVELOPE, HTML
from tests.integrator.raw import answer, raw_server
from tests.integrator.six import SIX, Call, Means, means

pytestmark = pytest.mark.anyio

TIMES = QUICK.tries + 1  # more 429s than a call has tries
SILENT = 1.0 + 1.0 + 2.0 + 4.0  # pauses where a 429 does not say how long
LONGEST = TIMES * 900.0


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


PAUSES = [
    pytest.param("Retry-After: 7", TIMES * 7.0, id="seconds"),
    pytest.param("Retry-After: 0.5", TIMES * 0.5, id="half a second"),
    pytest.param("Retry-After:   7  ", TIMES * 7.0, id="in blanks"),
    pytest.param("Retry-After: 7\r\nRetry-After: 9", TIMES * 7.0, id="twice"),
    pytest.param("Retry-After: 7\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT", TIMES * 7.0, id="with a skewed date"),
    pytest.param("Retry-After: 0", 0.0, id="none at all"),
    pytest.param("Retry-After: -7", 0.0, id="negative"),
    pytest.param("Retry-After: 86400", LONGEST, id="a day"),
    pytest.param("Retry-After: " + "9" * 300, LONGEST, id="absurd"),
    pytest.param("X: y", SILENT, id="missing"),
    pytest.param("Retry-After:", SILENT, id="empty"),
    pytest.param("Retry-After: soon", SILENT, id="not a number"),
    pytest.param("Retry-After: nan", SILENT, id="NaN"),
    pytest.param("Retry-After: inf", SILENT, id="infinite"),
    pytest.param("Retry-After: \xff", SILENT, id="not ASCII"),
    pytest.param("Retry-After: Wed, 99 Jun 2026 10:00:00 GMT", SILENT, id="a day that is none"),
    pytest.param("Retry-After: Wed, 01 Jun 99999999999 10:00:00 GMT", SILENT, id="a year that is none"),
]
DATES = [
    pytest.param(60.0, TIMES * 60.0, id="in a minute"),
    pytest.param(86_400.0, LONGEST, id="in a day"),
    pytest.param(-60.0, 0.0, id="in the past"),
    pytest.param(-1.7e9, 0.0, id="decades ago"),
]


async def waited(call: Call, header: str, body: bytes = ENVELOPE) -> float:
    """Make a call that is refused for now, more often than it has tries, and return the seconds that it took."""
    pacer, intents = limiter(), Intents()
    # A connection that is kept would be looked after every other second of a long pause.
    replies = [*[answer(429, body, header, "Connection: close")] * TIMES, answer(200, call.right)]
    async with raw_server(replies) as server, calling(server.url, pacer=pacer) as client:
        start = asyncio.get_running_loop().time()
        assert means(await call.make(client, intents.stamp), call) is Means.DONE
        seconds = asyncio.get_running_loop().time() - start
    assert (len(server), pacer.throttled, pacer.in_flight) == (TIMES + 1, TIMES, 0)
    assert intents.count == (TIMES + 1 if call.stamped else 0)  # each send again has an intent of its own
    return seconds


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
@pytest.mark.parametrize(("header", "seconds"), PAUSES)
async def test_a_429_pauses_as_long_as_it_asks_for(call: Call, header: str, seconds: float) -> None:
    assert await waited(call, header) == pytest.approx(seconds, abs=0.5)


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
@pytest.mark.parametrize(("ahead", "seconds"), DATES)
async def test_a_429_pauses_until_the_date_that_it_names(call: Call, ahead: float, seconds: float) -> None:
    """A date has whole seconds, and the real clock that it is read by goes on meanwhile."""
    header = f"Retry-After: {formatdate(time.time() + ahead, usegmt=True)}"
    assert await waited(call, header) == pytest.approx(seconds, abs=TIMES + 0.5)


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
@pytest.mark.parametrize("skew", [-3600.0, 3600.0], ids=["ahead", "behind"])
async def test_a_date_is_read_by_the_clock_of_who_names_it(call: Call, skew: float) -> None:
    """Whoever is an hour ahead would not wait at all, and who is behind would wait for an hour more."""
    theirs = time.time() + skew
    header = f"Date: {formatdate(theirs, usegmt=True)}\r\nRetry-After: {formatdate(theirs + 60, usegmt=True)}"
    assert await waited(call, header) == pytest.approx(TIMES * 60.0, abs=0.5)


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
async def test_where_the_answer_has_no_date_that_can_be_read_it_is_our_clock(call: Call) -> None:
    header = f"Date: today\r\nRetry-After: {formatdate(time.time() + 60, usegmt=True)}"
    assert await waited(call, header) == pytest.approx(TIMES * 60.0, abs=TIMES + 0.5)


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
@pytest.mark.parametrize("body", [b"", HTML, b"[" * 100_000], ids=["none", "of a proxy", "too deep"])
async def test_a_429_needs_no_envelope(call: Call, body: bytes) -> None:
    assert await waited(call, "Retry-After: 7", body) == pytest.approx(TIMES * 7.0, abs=0.5)
