"""What the client never does: send twice, send late, send elsewhere, or show its token."""

import asyncio
import gzip
import json
import time
import traceback
import tracemalloc
from functools import partial

import aiohttp
import pytest
from yarl import URL

from deployer.domain.resources import ResourceKind
from deployer.errors import UsageError
from deployer.integrator.client import Client, Timeouts
from deployer.integrator.token import Token
from deployer.integrator.transport import Exchange, Request
from deployer.integrator.wire import Done, NotSent, Unknown
from tests.integrator.calls import FLOW, SECRET, TEMPLATE, Intents, calling, limiter
from tests.integrator.raw import Arrivals, Reply, Then, answer, raw_server

pytestmark = pytest.mark.anyio

DOCUMENT = json.dumps({"_id": FLOW}).encode()
BOMB = gzip.compress(DOCUMENT + b" " * 64 * 2**20)
ONCE = Timeouts(clone=0.25, other=0.25, connect=0.25, tries=1)


def page(*ids: str, link: str | None = None) -> Reply:
    body = json.dumps([{"_id": key * 8} for key in ids]).encode()
    return answer(200, body, *([f"Link: {link}"] if link else []))


def ids_in(outcome: object) -> list[str]:
    assert isinstance(outcome, Done)
    return [row["_id"] for row in outcome.value]


def asked_of(server: Arrivals) -> list[str]:
    """Return the paths that a server was asked for."""
    return [head.split(b" ", 2)[1].decode() for head in server.heads]


@pytest.mark.parametrize("then", [Then.RESET, Then.CLOSE])
async def test_no_request_is_silently_sent_again_on_a_kept_connection_that_breaks(then: Then) -> None:
    replies = [answer(200, DOCUMENT), Reply(then=then)]
    for call in ("flow", "replace", "clone"):
        intents = Intents()
        async with raw_server(replies) as server, calling(server.url, timeouts=ONCE) as client:
            assert isinstance(await client.flow(FLOW), Done)
            if call == "flow":
                outcome: object = await client.flow(FLOW)
            elif call == "replace":
                outcome = await client.replace(FLOW, {}, stamp=intents.stamp)
            else:
                outcome = await client.clone(FLOW, {}, stamp=intents.stamp)
        assert isinstance(outcome, Unknown)
        assert len(server) == 2


async def test_an_expired_stamp_is_taken_again_before_anything_is_sent() -> None:
    intents = Intents([0.0, -1.0, 10.0])
    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url) as client:
        assert isinstance(await client.replace(FLOW, {}, stamp=intents.stamp), Done)
    assert (len(server), server.connections, intents.count) == (1, 1, 3)


async def test_a_request_that_could_not_leave_in_time_never_leaves() -> None:
    late = Intents([1e-9])
    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url, timeouts=ONCE) as client:
        await client.flow(FLOW)  # now there is a connection, and only the last look at the clock stands in between
        assert await client.replace(FLOW, {}, stamp=late.stamp) == NotSent("the time to send it was over", late=True)
        assert isinstance(await client.flow(FLOW), Done)
    assert (len(server), late.count) == (2, 1)


async def test_connecting_takes_no_longer_than_the_stamp_allows() -> None:
    patient = Timeouts(connect=30.0, tries=1)
    async with raw_server([answer(200)]) as server:
        url = server.url.replace("http:", "https:")
        async with calling(url, timeouts=patient) as client, asyncio.timeout(5):
            stalled = Intents([0.05])
            assert isinstance(await client.replace(FLOW, {}, stamp=stalled.stamp), NotSent)


async def test_a_failing_stamp_keeps_the_request_from_leaving_and_frees_the_slot() -> None:
    async def stamp() -> float:
        raise RuntimeError("the journal is full")

    pacer = limiter()
    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url, pacer=pacer) as client:
        with pytest.raises(RuntimeError, match="journal"):
            await client.replace(FLOW, {}, stamp=stamp)
    assert (len(server), pacer.in_flight) == (0, 0)


async def test_the_stamp_comes_after_the_slot_and_the_token() -> None:
    pacer = limiter()

    async def stamp() -> float:
        assert (pacer.in_flight, pacer.sent) == (1, 1)
        return 10.0

    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url, pacer=pacer) as client:
        assert isinstance(await client.replace(FLOW, {}, stamp=stamp), Done)


async def test_a_session_that_does_not_watch_departures_never_says_not_sent() -> None:
    async with raw_server([answer(200)]) as server:
        url = server.url
    async with aiohttp.ClientSession() as session:
        client = Client(url, Token(SECRET), session=session, limiter=limiter(), timeouts=ONCE)
        assert isinstance(await client.replace(FLOW, {}, stamp=Intents().stamp), Unknown)


async def test_pages_are_read_to_the_end_and_repeated_rows_are_dropped() -> None:
    replies = [page("a", "b", link='<?skip=2>; rel="next"'), page("b", "c", link="<?skip=4>;rel=next"), page("d")]
    async with raw_server(replies) as server, calling(server.url) as client:
        outcome = await client.integrations()
    assert ids_in(outcome) == [letter * 8 for letter in "abcd"]
    assert asked_of(server) == [f"/v1/integrations{query}" for query in ("", "?skip=2", "?skip=4")]


async def test_a_flow_that_moves_up_between_two_pages_is_there_all_the_same() -> None:
    """Somebody deletes the first after its page was read: the third is on the first page now, and on none that was."""
    replies = [page("a", "b", link='<?skip=2>; rel="next"'), page("d"), page("b", "c", link="<?skip=2>;rel=next")]
    async with raw_server([*replies, page("d")]) as server, calling(server.url) as client:
        outcome = await client.integration_flows(FLOW)
    assert sorted(ids_in(outcome)) == [letter * 8 for letter in "abcd"]
    assert asked_of(server) == [f"/v1/integrations/{FLOW}/flows{query}" for query in ("", "?skip=2") * 2]


async def test_flows_that_are_on_one_page_are_asked_for_once() -> None:
    async with raw_server([page("a", "b")]) as server, calling(server.url) as client:
        assert ids_in(await client.integration_flows(FLOW)) == ["aaaaaaaa", "bbbbbbbb"]
    assert len(server.heads) == 1


def test_the_bomb_is_small_on_the_wire() -> None:
    assert len(BOMB) < 100_000


async def test_a_gzip_bomb_costs_little_memory() -> None:
    reply = answer(200, BOMB, "Content-Encoding: gzip")
    async with raw_server([reply]) as server, calling(server.url, timeouts=ONCE) as client:
        tracemalloc.start()
        assert isinstance(await client.flow(FLOW), Unknown)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 32 * 2**20  # decoded it is 64 MiB


@pytest.mark.parametrize(("idle", "connections"), [(1.0, 1), (2.0, 2)])
async def test_a_connection_idle_for_two_seconds_is_not_used_again(
    idle: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url) as client:
        await client.flow(FLOW)
        monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + idle)
        await client.flow(FLOW)
    assert (len(server), server.connections) == (2, connections)


async def test_neither_cookies_nor_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    reply = answer(200, DOCUMENT, "Set-Cookie: a=b; Path=/")
    async with raw_server([reply]) as server, calling(server.url) as client:
        for _ in range(2):
            assert isinstance(await client.flow(FLOW), Done)
    assert len(server) == 2
    assert not any(b"cookie" in head.lower() for head in server.heads)


async def test_the_token_goes_to_its_own_host_only() -> None:
    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url) as client:
        await client.flow(FLOW)
        for elsewhere in ("http://127.0.0.1:1/v1/x", f"{server.url}/v2/x", "https://evil.example/v1/x"):
            with pytest.raises(UsageError):
                client._headers(Request("GET", URL(elsewhere)))  # noqa: SLF001 - the one place that adds the token
    assert f"Authorization: Bearer {SECRET}".encode() in server.heads[0]


async def test_no_outcome_trace_or_error_shows_the_token() -> None:
    echo = f'{{"errors": [{{"code": "{SECRET}", "message": "Bearer {SECRET}", "field": "{SECRET}"}}]}}'.encode()
    page_of_proxy = f"<html>Authorization: Bearer {SECRET}</html>".encode()
    replies = [
        answer(422, echo),
        answer(401, page_of_proxy),
        answer(502, page_of_proxy),
        Reply(SECRET.encode(), Then.CLOSE),
    ]
    seen: list[Exchange] = []
    async with raw_server(replies) as server, calling(server.url, timeouts=ONCE, seen=seen) as client:
        outcomes = [await client.flow(FLOW) for _ in replies]
        assert SECRET not in f"{outcomes} {seen} {client!r}"
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0):
                await client.flow(FLOW)
        with pytest.raises(UsageError) as refused:
            await client.flow("../tokens")
    for error in (caught.value, refused.value):
        assert SECRET not in "".join(traceback.format_exception(error)) + repr(error)


async def test_each_exchange_is_told_with_its_status_or_its_reason() -> None:
    seen: list[Exchange] = []
    replies = [answer(502, b"<html>bad</html>"), answer(429, b"", "Retry-After: 0"), answer(200, DOCUMENT)]
    async with raw_server(replies) as server, calling(server.url, seen=seen) as client:
        await client.flow(FLOW)
    assert [(exchange.status, exchange.reason) for exchange in seen] == [
        (502, "HTTP 502: <html>bad</html>"),
        (429, None),
        (200, None),
    ]
    assert {(exchange.method, exchange.url.path) for exchange in seen} == {("GET", f"/v1/flows/{FLOW}")}


@pytest.mark.parametrize(
    "key", ["", "short", "a" * 65, "../../tokenInfo", "55ea78c6b751843c37b7b36/", f"{TEMPLATE}\n", "é" * 24]
)
async def test_what_is_not_an_id_gets_into_no_path(key: str) -> None:
    async with raw_server([answer(200, DOCUMENT)]) as server, calling(server.url) as client:
        for call in (
            client.flow,
            partial(client.resource, ResourceKind.EXPORT),
            partial(client.resource, ResourceKind.INTEGRATION),
            client.job,
            client.integration_flows,
            client.latest_jobs,
        ):
            with pytest.raises(UsageError):
                await call(key)
        for unsafe in (client.clone, client.replace, client.run):
            with pytest.raises(UsageError):
                await unsafe(key, {}, stamp=Intents().stamp)
    assert len(server) == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.integrator.io",
        "ftp://api.integrator.io",
        "http://api.integrator.io",
        "http://10.0.0.1",
        "https://",
        "https://user:pass@api.integrator.io",
        "https://api.integrator.io?x=1",
        "http://[",
    ],
)
async def test_only_https_or_loopback_is_an_address_of_the_api(url: str) -> None:
    with pytest.raises(UsageError):
        async with calling(url):
            pass
