"""What keeps a request from leaving, on each of the six calls: it is tried again, and in the end it was not sent."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest
import trustme

from tests.clockwork import BACKEND, ClockworkLoop
from tests.integrator.calls import QUICK, Intents, calling
from tests.integrator.raw import Arrivals, Reply, Then, answer, raw_server
from tests.integrator.six import GET, SIX, Call, Means, means

pytestmark = pytest.mark.anyio

Obstacle: TypeAlias = Callable[[], AbstractAsyncContextManager[Arrivals]]
"""Serves behind an obstacle, and tells what arrived all the same."""

ADDRESS, NOW = "127.0.0.1", datetime.now(UTC)
AUTHORITY = trustme.CA()
TRUSTING = ssl.create_default_context()
AUTHORITY.configure_trust(TRUSTING)


@pytest.fixture
def anyio_backend() -> object:
    return BACKEND


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aiohttp trust the authority of these tests, so that a certificate fails for its own reason alone."""
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", TRUSTING)


def proving(leaf: trustme.LeafCert) -> Obstacle:
    """Return a server that proves who it is by this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    return lambda: raw_server([answer(200, GET.right)], context)


def instead_of_tls(reply: Reply) -> Obstacle:
    """Return a server that answers to the first byte of a TLS handshake."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[Arrivals]:
        async with raw_server([reply], until=b"\x16") as server:
            server.url = server.url.replace("http:", "https:")
            yield server

    return serve


@asynccontextmanager
async def nobody() -> AsyncIterator[Arrivals]:
    async with raw_server([answer(200)]) as server:
        pass
    yield server


def broken(method: str, error: OSError | None) -> Obstacle:
    """Return a network whose one method fails, or never ends."""

    async def fail(*_: object, **__: object) -> None:
        if error is None:
            await asyncio.Event().wait()
        else:
            raise error

    @asynccontextmanager
    async def serve() -> AsyncIterator[Arrivals]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ClockworkLoop, method, fail)
            yield Arrivals("https://api.nowhere.example" if method == "getaddrinfo" else f"https://{ADDRESS}:9", [])

    return serve


NO_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
EXPIRED = AUTHORITY.issue_cert(ADDRESS, not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
EARLY = AUTHORITY.issue_cert(ADDRESS, not_before=NOW + timedelta(days=1), not_after=NOW + timedelta(days=9))

OBSTACLES: dict[str, tuple[Obstacle, str]] = {
    "nobody listens": (nobody, "connection refused"),
    "a name that nobody knows": (broken("getaddrinfo", NO_NAME), "name not known: api.nowhere.example"),
    "a name server that is silent": (broken("getaddrinfo", None), "no answer in time"),
    "no way there": (broken("sock_connect", OSError(errno.ENETUNREACH, "")), "network is unreachable"),
    "a wall that swallows everything": (broken("sock_connect", None), "no answer in time"),
    "no TLS": (instead_of_tls(answer(200)), "no secure connection"),
    "TLS that is silent": (instead_of_tls(Reply(then=Then.SILENCE)), "no answer in time"),
    "TLS that is closed": (instead_of_tls(Reply(then=Then.CLOSE)), ""),
    "TLS that is reset": (instead_of_tls(Reply(then=Then.RESET)), ""),
    "an expired certificate": (proving(EXPIRED), "certificate has expired"),
    "a certificate of tomorrow": (proving(EARLY), "certificate is not yet valid"),
    "another address's certificate": (proving(AUTHORITY.issue_cert("127.0.0.2")), "IP address mismatch"),
    "another name's certificate": (proving(AUTHORITY.issue_cert("api.example.com")), "IP address mismatch"),
    "an unknown authority": (proving(trustme.CA().issue_cert(ADDRESS)), "unable to get local issuer"),
}


@pytest.mark.parametrize("call", SIX, ids=lambda call: call.name)
@pytest.mark.parametrize(("obstacle", "said"), OBSTACLES.values(), ids=OBSTACLES)
async def test_what_never_left_is_tried_again_under_a_new_intent_and_then_not_sent(
    call: Call, obstacle: Obstacle, said: str
) -> None:
    intents = Intents()
    async with obstacle() as server, calling(server.url) as client:
        outcome = await call.make(client, intents.stamp)
    assert means(outcome, call) is Means.NOT_SENT
    assert said in str(outcome)
    assert not any(b"/v1/" in head for head in server.heads)
    assert intents.count == (QUICK.tries if call.stamped else 0)


async def test_a_certificate_of_a_known_authority_for_the_right_address_is_accepted() -> None:
    """Else the certificates above could fail for any reason."""
    async with proving(AUTHORITY.issue_cert(ADDRESS))() as server, calling(server.url) as client:
        assert means(await client.flow(GET.id), GET) is Means.DONE
    assert len(server) == 1
