"""What is said of a connection or an answer that fails."""

import socket

import pytest

from deployer.integrator.client import Timeouts
from deployer.integrator.wire import NotSent, Unknown
from tests.integrator.calls import FLOW, Intents, calling
from tests.integrator.raw import Reply, Then, answer, raw_server

pytestmark = pytest.mark.anyio

ONCE = Timeouts(clone=1.0, other=1.0, connect=1.0, tries=1)


async def test_a_server_that_does_not_listen_is_said_to_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with calling(f"http://127.0.0.1:{port}", timeouts=ONCE) as client:
        outcome = await client.replace(FLOW, {}, stamp=Intents().stamp)
    assert outcome == NotSent(f"connection refused (127.0.0.1:{port})")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(then=Then.RESET), "connection reset"),
        (Reply(then=Then.CLOSE), "the server closed the connection"),
        (Reply(answer(200, b"{}").content[:-1], Then.CLOSE), "the answer is cut, or cannot be decoded"),
        (answer(200, b"{}", "Content-Encoding: gzip"), "the answer is cut, or cannot be decoded"),
        (Reply(b"220 mail.example.com ESMTP\r\n", Then.CLOSE), "the answer is not HTTP"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_said_without_quoting_it(reply: Reply, reason: str) -> None:
    async with raw_server([reply]) as server, calling(server.url, timeouts=ONCE) as client:
        outcome = await client.replace(FLOW, {}, stamp=Intents().stamp)
    assert outcome == Unknown(reason)
