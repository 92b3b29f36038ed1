"""A bare fast integrator.io in a process of its own: HTTP as far as our clients speak it, buckets, latency, counters.

`python -m tests.bench.server` prints its address and serves until its standard input ends.
"""

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final

from tests.bench.answers import Answer, answer, is_account_wide
from tests.bench.counting import Counters
from tests.bench.settings import Settings
from tests.bench.world import Account, Stamps, encoded, judged, template, token_of

CONTROL: Final = "/_bench/"
_REASONS: Final = {200: b"OK", 201: b"Created", 204: b"No Content", 401: b"No", 404: b"Gone", 429: b"Wait"}
_UNKNOWN: Final = encoded({"errors": [{"code": "unauthorized", "message": "the token is unknown"}]})
_LIMITED: Final = encoded({"errors": [{"code": "rate_limited", "message": "too many requests"}]})


@dataclass(slots=True)
class Bucket:
    """The raw limit of an account; `at` is when it held `room` tokens."""

    rate: float
    size: float
    room: float
    at: float

    def take(self, now: float) -> float:
        """Take a token and return 0, or the seconds until there is one."""
        self.room = min(self.size, self.room + (now - self.at) * self.rate)
        self.at = now
        if self.room < 1.0:
            return (1.0 - self.room) / self.rate
        self.room -= 1.0
        return 0.0


@dataclass(slots=True)
class Served:
    """All that the connections share."""

    settings: Settings = field(default_factory=Settings)
    counters: Counters = field(default_factory=Counters)
    accounts: dict[bytes, Account] = field(default_factory=dict)
    buckets: dict[bytes, Bucket] = field(default_factory=dict)

    def begin(self, settings: Settings) -> None:
        """Count from nothing, in a world that is new or the one that is."""
        if settings.fresh:
            source, stamps = template(settings.size), Stamps()
            self.accounts = {
                token_of(number).encode(): Account(number, settings.tenants, source, stamps)
                for number in range(settings.accounts)
            }
        now, burst = time.monotonic(), settings.burst
        self.buckets = {token: Bucket(settings.rate, burst, burst, now) for token in self.accounts if settings.rate}
        self.settings, self.counters = settings, Counters(began=time.process_time())

    def figures(self) -> dict[str, Any]:
        """Return what was counted, and what the world looks like."""
        jobs = [asdict(job) for account in self.accounts.values() for job in account.jobs.values()]
        return {**self.counters.figures(), **judged(self.accounts.values()), "jobs": jobs}


class Connection(asyncio.Protocol):
    """One client's connection: its requests one after the other, each answered after the latency."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while self._held:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            head, start = self._held[:end], end + 4
            length = _length(head)
            if len(self._held) < start + length:
                return
            body, self._held = self._held[start : start + length], self._held[start + length :]
            self._meet(head, body)

    def _meet(self, head: bytes, body: bytes) -> None:
        method, target, _ = head[: head.index(b"\r\n")].split(b" ")
        path = target.decode()
        if path.startswith(CONTROL):
            self._control(path.removeprefix(CONTROL), body)
            return
        served, token, now = self._served, _token(head), time.monotonic()
        account = served.accounts.get(token)
        if account is None:
            self._send((401, _UNKNOWN, b""))
            return
        served.counters.arrive(now, wide=is_account_wide(method, path))
        bucket = served.buckets.get(token)
        wait = bucket.take(now) if bucket else 0.0
        if wait:
            served.counters.throttled += 1
            self._send((429, _LIMITED, b"Retry-After: %d\r\n" % math.ceil(wait)))
            return
        latency = self._latency(path)
        apply = partial(self._apply, account, method, path, body)
        if latency:
            asyncio.get_running_loop().call_later(latency, apply)
        else:
            apply()

    def _latency(self, path: str) -> float:
        settings = self._served.settings
        if settings.clone_latency is not None and path.endswith("/clone"):
            return settings.clone_latency
        return settings.latency

    def _apply(self, account: Account, method: bytes, path: str, body: bytes) -> None:
        """Apply a request, even if whoever sent it has died meanwhile."""
        self._send(answer(account, method, path, body))
        self._served.counters.answered()

    def _send(self, answer: Answer) -> None:
        status, body, headers = answer
        start = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%s" % (status, _REASONS[status], headers)
        length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"%s%s\r\n%s" % (start, length, body))

    def _control(self, what: str, body: bytes) -> None:
        served = self._served
        match what.split("/"):
            case ["begin"]:
                served.begin(Settings(**json.loads(body)))
                self._send((200, b"{}", b""))
            case ["figures"]:
                self._send((200, encoded(served.figures()), b""))
            case ["await", requests]:
                then: Callable[[], None] = partial(self._send, (200, b"{}", b""))
                served.counters.call_at(int(requests), then)
            case _:
                self._send((404, b"{}", b""))


def _length(head: bytes) -> int:
    start = head.lower().find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    return int(head[start + 17 :].split(b"\r\n", 1)[0])


def _token(head: bytes) -> bytes:
    start = head.find(b"Bearer ")
    return head[start + 7 :].split(b"\r\n", 1)[0]


async def _serve() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    served = Served()
    server = await loop.create_server(lambda: Connection(served), "127.0.0.1", 0, backlog=4096)
    loop.add_reader(sys.stdin.fileno(), ended.set)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
