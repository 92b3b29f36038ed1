"""One request and its answer over aiohttp, and certainty about whether a byte of it has left."""

import errno
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from deployer.domain.documents import Document
from deployer.domain.samples import Call
from deployer.integrator.wire import Answer, NotSent, Unknown, clean

LARGEST_BODY: Final = 8 * 2**20  # after decoding, so that a small gzip cannot become 200 MB
_KEEP_ALIVE: Final = 1.5  # seconds: a POST on a connection idle for longer may meet the server's closing it
# A deadline has to go on while a laptop sleeps: Linux has a clock for that, macOS counts sleep in its monotonic one.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _StayedError(Exception):
    """A request did not leave, for the reason that it says."""


class _LateError(_StayedError):
    """It did not, since there was no time left."""


class Concealed:
    """The secrets of a request: what is sent in the place of its body, which holds their seals. No text shows it."""

    __slots__ = ("_body", "_texts")

    def __init__(self, body: Document, secrets: Iterable[str]) -> None:
        self._body = body
        self._texts = [text.encode() for secret in secrets for text in (secret, json.dumps(secret)[1:-1])]

    def __repr__(self) -> str:
        return "Concealed(…)"

    def reveal(self) -> bytes:
        """Return the body with its secrets, for the one function that sends it."""
        return encoded(self._body)

    def hidden_in(self, answer: bytes) -> bytes:
        """Return an answer without the secrets, should a server repeat them."""
        for text in self._texts:
            answer = answer.replace(text, b"***")
        return answer


def encoded(body: Document) -> bytes:
    """Return a body as JSON; raise ValueError for a number that JSON has not."""
    return json.dumps(body, allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, without the token; `body` is JSON. As what it counts, `call` tells.

    `sends` numbers the times that it is sent, from 0. With secrets `body` is what may be shown of it, and `concealed`
    what is sent.
    """

    method: str
    url: URL
    body: bytes | None = None
    call: Call = Call.READ
    sends: Iterator[int] = field(default_factory=count, compare=False)
    concealed: Concealed | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it, for who wants to watch: no headers, and so no token; seals for secrets.

    `resent` counts the times it was sent before, `outcome` is what it came to.
    """

    method: str
    url: URL
    body: bytes | None
    seconds: float
    status: int | None
    reason: str | None
    resent: int
    outcome: type


@dataclass(slots=True)
class _Departure:
    """The moment a request leaves. Unwatched, it counts as gone: the safe side."""

    deadline: float
    left: bool = True


_departure: ContextVar[_Departure] = ContextVar("departure")


class _WatchedRequest(aiohttp.ClientRequest):
    """A request that tells when it leaves: cheaper than aiohttp's traces, which tell of everything.

    It is made before a connection is looked for, and sent once there is one, before the first byte.
    """

    def __init__(self, *words: Any, **options: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(*words, **options)
        _departure.get().left = False

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Let the request go if there is still time, and no answer there already that would be taken for its own."""
        departure = _departure.get()
        if time.clock_gettime(_CLOCK) > departure.deadline:
            raise _LateError("the time to send it was over")
        if conn.protocol is None or conn.protocol.should_close:
            raise _StayedError("the connection had closed, or held an answer that nobody had asked for")
        departure.left = True
        return await super().send(conn)


def open_session() -> aiohttp.ClientSession:
    """Open the one session of a program: verified TLS, no cookies, no proxy from the environment, no hidden re-send.

    It has no cap of its own: each account's limiter has one, and no account waits for the connections of another.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        request_class=_WatchedRequest,
    )
    # aiohttp sends GET, PUT and DELETE again on a reset connection and has no public switch for it.
    session._retry_connection = False  # noqa: SLF001
    return session


async def send(
    session: aiohttp.ClientSession,
    request: Request,
    *,
    headers: Mapping[str, str],
    limits: aiohttp.ClientTimeout,
    window: float | None,
) -> Answer | NotSent | Unknown:
    """Send a request once and read its answer; `window` is the time in seconds within which it has to leave."""
    departure = _Departure(float("inf") if window is None else time.clock_gettime(_CLOCK) + window)
    _departure.set(departure)
    try:
        async with session.request(
            request.method,
            request.url,
            data=request.concealed.reveal() if request.concealed else request.body,
            headers=headers,
            allow_redirects=False,
            timeout=limits,
        ) as response:
            if not departure.left:  # it did leave: what says that a request never did would not be true here
                raise RuntimeError("this version of aiohttp does not tell when a request leaves")
            return await _read(response)
    except _StayedError as error:
        return NotSent(str(error), late=isinstance(error, _LateError))
    except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
        reason = _reason(error)
        return Unknown(reason) if departure.left else NotSent(reason)


async def _read(response: aiohttp.ClientResponse) -> Answer | Unknown:
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > LARGEST_BODY:
            response.close()
            return Unknown(f"the answer is larger than {LARGEST_BODY >> 20} MiB")
    link = ", ".join(response.headers.getall("Link", ()))
    headers = response.headers
    return Answer(response.status, bytes(body), link, headers.get("Retry-After"), headers.get("Date"))


# What aiohttp says of an answer is not shown: it quotes it, and an answer may repeat the request with its token.
_SAID: Final = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (aiohttp.ClientPayloadError, "the answer is cut, or cannot be decoded"),
    (aiohttp.ServerDisconnectedError, "the server closed the connection"),
)


def _reason(error: Exception) -> str:
    """Name a failure without `repr`, which for aiohttp's errors prints the headers that were sent."""
    for kind, words in _SAID:
        if isinstance(error, kind):
            return words
    match error:
        case aiohttp.ClientConnectorCertificateError():
            said = f"certificate not accepted: {error.certificate_error}"
        case aiohttp.ClientConnectorSSLError():
            said = f"no secure connection: {error.os_error}"
        case aiohttp.ClientConnectorDNSError():
            said = f"name not known: {error.host}"
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int(number))):
            said = f"{os.strerror(number).lower()} ({error.host}:{error.port})"
        case OSError(errno=errno.ECONNRESET):
            said = "connection reset"
        case _:
            said = f"{type(error).__name__}: {error}"
    return clean(said)
