"""What is said of a connection that fails."""

import socket

import pytest

from deployer.integrator.client import Timeouts
from deployer.integrator.wire import NotSent, Unknown
from tests.integrator.calls import FLOW, Intents, calling
from tests.integrator.raw import Reply, Then, raw_server

pytestmark = pytest.mark.anyio

ONCE = Timeouts(clone=1.0, other=1.0, connect=1.0, tries=1)


async def test_a_server_that_does_not_listen_is_said_to_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with calling(f"http://127.0.0.1:{port}", timeouts=ONCE) as client:
        outcome = await client.replace(FLOW, {}, stamp=Intents().stamp)
    assert outcome == NotSent(f"connection refused (127.0.0.1:{port})")


async def test_a_host_that_no_name_server_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    async with calling("https://api.nowhere.example", timeouts=ONCE) as client:
        outcome = await client.replace(FLOW, {}, stamp=Intents().stamp)
    assert outcome == NotSent("name not known: api.nowhere.example")


@pytest.mark.parametrize(
    ("then", "reason"), [(Then.RESET, "connection reset"), (Then.CLOSE, "the server closed the connection")]
)
async def test_a_connection_that_ends_is_said_to_end(then: Then, reason: str) -> None:
    async with raw_server([Reply(then=then)]) as server, calling(server.url, timeouts=ONCE) as client:
        outcome = await client.replace(FLOW, {}, stamp=Intents().stamp)
    assert outcome == Unknown(reason)
