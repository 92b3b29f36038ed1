"""Every row of the table "What an observation means", on a POST, a PUT and a GET, counted where it arrives."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from deployer.integrator.client import Client
from deployer.integrator.wire import Done, NotSent, Refused, Unknown
from tests.integrator.calls import FLOW, QUICK, TEMPLATE, Intents, calling, limiter
from tests.integrator.clockwork import BACKEND
from tests.integrator.raw import Reply, Then, answer, raw_server

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


ENVELOPE = json.dumps({"errors": [{"code": "some_code", "message": "no", "field": "name"}]}).encode()
DOCUMENT = json.dumps({"_id": FLOW}).encode()
HTML = b"<html><body>Bad gateway</body></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b'{"_id": "' + b" " * 64 * 2**20 + b'"}')


@dataclass(frozen=True, slots=True)
class Row:
    """An observation, the kind of outcome it has on every call, and how often a GET asks."""

    name: str
    reply: Reply
    outcome: type
    gets: int = 1


def refused(status: int) -> Row:
    return Row(f"{status} with the envelope", answer(status, ENVELOPE), Refused)


def unknown(name: str, reply: Reply) -> Row:
    return Row(name, reply, Unknown, QUICK.tries)


ROWS = [
    Row("success", answer(200, DOCUMENT), Done),
    Row("success of another type", answer(200, DOCUMENT, "Content-Type: text/html"), Done),
    *(refused(status) for status in (400, 401, 402, 403, 404, 405, 409, 413, 415, 422)),
    Row("401 without the envelope", answer(401), Refused),
    Row("403 from a proxy", answer(403, HTML), Refused),
    *(unknown(f"{status} without the envelope", answer(status, HTML)) for status in (400, 404, 409, 422)),
    *(Row(f"{status}", answer(status, b"", "Location: /v1/x"), Refused) for status in (301, 302, 303, 307, 308)),
    *(unknown(f"{status} with the envelope", answer(status, ENVELOPE)) for status in (408, 425, 500, 503)),
    *(unknown(f"{status} from a proxy", answer(status, HTML)) for status in (408, 425, 500, 502, 503, 504, 599)),
    unknown("closed without an answer", Reply(then=Then.CLOSE)),
    unknown("reset", Reply(then=Then.RESET)),
    unknown("silence", Reply(then=Then.SILENCE)),
    unknown("silence in the head", Reply(b"HTTP/1.1 200 OK\r\nConte", Then.SILENCE)),
    unknown("slow-loris in the head", Reply(b"HTTP/1.1 200 OK\r\nX: ", Then.DRIP)),
    unknown("slow-loris in the body", Reply(CHUNKED.replace(b"chunked", b"identity"), Then.DRIP)),
    unknown("cut body", Reply(HEAD + b'{"_id": "6b04', Then.CLOSE)),
    unknown("reset in the body", Reply(HEAD + b'{"_id": "6b04', Then.RESET)),
    unknown("cut chunk", Reply(CHUNKED + b"20\r\n{", Then.CLOSE)),
    unknown("broken chunk", Reply(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", Then.CLOSE)),
    unknown("not HTTP", Reply(b"220 mail.example.com ESMTP\r\n", Then.CLOSE)),
    unknown("not JSON", answer(200, HTML)),
    unknown("no body", answer(200)),
    unknown("no content", answer(204)),
    unknown("no id", answer(200, b"{}")),
    unknown("a list for an object", answer(200, b"[]")),
    unknown("gzip bomb", answer(200, BOMB, "Content-Encoding: gzip")),
    unknown("broken gzip", answer(200, b"\x1f\x8bxxxxxxxxxxxx", "Content-Encoding: gzip")),
    unknown("too large", answer(200, b" " * (9 * 2**20))),
]

Call = Callable[[Client, Intents], Awaitable[object]]


def test_the_bomb_is_small_on_the_wire() -> None:
    assert len(BOMB) < 100_000


async def post(client: Client, intents: Intents) -> object:
    return await client.clone(TEMPLATE, {"name": "n"}, stamp=intents.stamp)


async def put(client: Client, intents: Intents) -> object:
    return await client.replace(FLOW, {"name": "n"}, stamp=intents.stamp)


async def get(client: Client, intents: Intents) -> object:
    assert intents.count == 0
    return await client.flow(FLOW)


UNSAFE = [pytest.param(post, id="POST"), pytest.param(put, id="PUT")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("call", UNSAFE)
async def test_an_unsafe_call_is_stamped_and_sent_exactly_once_whatever_comes_back(row: Row, call: Call) -> None:
    intents = Intents()
    async with raw_server([row.reply]) as server, calling(server.url) as client:
        outcome = await call(client, intents)
    assert type(outcome) is row.outcome
    assert (len(server), intents.count) == (1, 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_get_is_repeated_while_nothing_is_known_and_then_given_up(row: Row) -> None:
    async with raw_server([row.reply]) as server, calling(server.url) as client:
        outcome = await get(client, Intents())
    assert type(outcome) is row.outcome
    assert len(server) == row.gets


async def test_a_get_that_fails_at_first_succeeds_in_the_end() -> None:
    replies = [Reply(then=Then.RESET), answer(502, HTML), answer(200, DOCUMENT)]
    async with raw_server(replies) as server, calling(server.url) as client:
        assert await client.flow(FLOW) == Done({"_id": FLOW}, 200)
    assert len(server) == 3


@pytest.mark.parametrize(("header", "seconds"), [("Retry-After: 7", 35), ("Retry-After: soon", 16), ("X: y", 16)])
@pytest.mark.parametrize("call", [*UNSAFE, pytest.param(get, id="GET")])
async def test_a_429_pauses_the_account_and_is_neither_an_attempt_nor_an_outcome(
    call: Call, header: str, seconds: float
) -> None:
    pacer, intents = limiter(), Intents()
    replies = [*[answer(429, ENVELOPE, header)] * 5, answer(200, DOCUMENT)]
    async with raw_server(replies) as server, calling(server.url, pacer=pacer) as client:
        start = asyncio.get_running_loop().time()
        assert isinstance(await call(client, intents), Done)
        assert asyncio.get_running_loop().time() - start == pytest.approx(seconds, abs=0.5)
    assert (len(server), pacer.throttled) == (6, 5)
    assert intents.count == (0 if call is get else 6)  # each send again has an intent of its own


@pytest.mark.parametrize("call", [*UNSAFE, pytest.param(get, id="GET")])
async def test_what_never_left_is_sent_again_under_a_new_intent_and_in_the_end_reported_as_not_sent(call: Call) -> None:
    intents = Intents()
    async with raw_server([answer(200)]) as server:
        url = server.url
    async with calling(url) as client:  # nobody listens there any more
        assert isinstance(await call(client, intents), NotSent)
    assert intents.count == (0 if call is get else QUICK.tries)


@pytest.mark.parametrize("reply", [answer(200), Reply(then=Then.SILENCE)], ids=["speaks no TLS", "is silent"])
@pytest.mark.parametrize("call", [*UNSAFE, pytest.param(get, id="GET")])
async def test_a_tls_handshake_that_fails_or_hangs_means_not_sent(call: Call, reply: Reply) -> None:
    async with raw_server([reply]) as server, calling(server.url.replace("http:", "https:")) as client:
        assert isinstance(await call(client, Intents()), NotSent)
    assert len(server) == 0
