"""A server that does exactly what a test says, byte by byte, and counts what arrives."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from ssl import SSLContext
from typing import Final

LATE: Final = 0.1  # seconds after an answer


class Then(Enum):
    """What the connection does after the reply."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    SILENCE = auto()
    DRIP = auto()  # a byte every now and then, for ever


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes of an answer, what comes after them, and what follows a little later on a connection that is kept."""

    content: bytes = b""
    then: Then = Then.KEEP
    late: bytes = b""


@dataclass(slots=True)
class Arrivals:
    """What a server received: connections, and the head of each request; and what it answers from now on."""

    url: str
    replies: list[Reply]
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.heads)


def answer(status: int, body: bytes = b"", *headers: str) -> Reply:
    """Return a well-formed answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return Reply("\r\n".join(lines).encode() + body)


@asynccontextmanager
async def raw_server(
    replies: Iterable[Reply], ssl: SSLContext | None = None, *, until: bytes = b"\r\n\r\n"
) -> AsyncIterator[Arrivals]:
    """Serve the replies in turn, each when a head has ended; the last one is for everybody who comes later."""
    arrivals = Arrivals("", list(replies))
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        arrivals.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await converse(reader, writer)
        writer.close()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(until)
            lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            await reader.readexactly(sum(lengths))
            arrivals.heads.append(head)
            reply = arrivals.replies.pop(0) if len(arrivals.replies) > 1 else arrivals.replies[0]
            writer.write(reply.content)
            if not await _goes_on(reply.then, writer):
                return
            if reply.late:
                await asyncio.sleep(LATE)
                writer.write(reply.late)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=ssl)
    scheme = "https" if ssl else "http"
    arrivals.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield arrivals
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _goes_on(then: Then, writer: asyncio.StreamWriter) -> bool:
    match then:
        case Then.RESET:
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        case Then.SILENCE:
            await asyncio.Event().wait()
        case Then.DRIP:
            while True:
                writer.write(b" ")
                await asyncio.sleep(0.02)
        case Then.KEEP | Then.CLOSE:
            pass
    return then is Then.KEEP
