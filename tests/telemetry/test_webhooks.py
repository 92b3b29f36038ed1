"""Posting to a webhook: how often, for how long, and that its address is told to nobody."""

from collections.abc import Iterator

import pytest
from yarl import URL

from deployer.telemetry import webhooks
from deployer.telemetry.webhooks import post
from tests.telemetry.listener import Listener, listening

pytestmark = pytest.mark.anyio
BODY = b'{"event": "finished"}'


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.setattr(webhooks, "_WAITS", (0.0, 0.0))
    with listening() as found:
        yield found


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_what_is_taken_is_told_once(listener: Listener, status: int) -> None:
    listener.statuses = [status]
    assert await post(URL(listener.url), BODY) is None
    assert listener.events == ["finished"]
    assert listener.headers[0]["Content-Type"] == "application/json"
    assert "Authorization" not in listener.headers[0]


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_server_that_could_not_take_it_is_asked_three_times(listener: Listener, status: int) -> None:
    listener.statuses = [status, status, 200]
    assert await post(URL(listener.url), BODY) is None
    assert len(listener.told) == 3
    listener.statuses = [status]
    assert await post(URL(listener.url), BODY) == f"it answered {status}"
    assert len(listener.told) == 6


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_a_server_that_refuses_it_is_asked_once(listener: Listener, status: int) -> None:
    listener.statuses = [status]
    assert await post(URL(listener.url), BODY) == f"it answered {status}"
    assert len(listener.told) == 1


async def test_nothing_is_sent_to_where_a_server_points(listener: Listener) -> None:
    listener.statuses = [307]
    assert await post(URL(listener.url), BODY) == "it answered 307"
    assert (len(listener.told), listener.elsewhere) == (1, 0)


async def test_a_server_that_says_nothing_is_given_up_in_time(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PATIENCE", 0.3)
    listener.statuses = [0]
    assert await post(URL(listener.url), BODY) == "no answer within 0.3 s"
    assert len(listener.told) == 1  # it may have taken it


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9/canary", "it cannot be reached"),
        ("http://canary.invalid/canary", "its name is not known"),
        ("https://127.0.0.1:9/canary", "it cannot be reached"),
    ],
)
async def test_a_server_that_is_not_there_is_said_without_its_address(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setattr(webhooks, "_WAITS", (0.0, 0.0))
    assert await post(URL(url), BODY) == said
