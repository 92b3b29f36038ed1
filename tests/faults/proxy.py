"""A way to a database on which answers get lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Passes on what it gets. Each unit of `swallow` lets the answer to one COMMIT be lost, and its connection."""

    def __init__(self, port: int) -> None:
        self.swallow = 0
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        ways = {
            asyncio.create_task(self._forth(reader, there[1], writer)),
            asyncio.create_task(_back(there[0], writer)),
        }
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, there[1]):
            end.close()

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                server.write(chunk)
                await server.drain()
                if self.swallow and b"COMMIT" in chunk:
                    self.swallow -= 1
                    client.transport.abort()  # before the server has answered
                    await asyncio.sleep(0.2)  # in which it commits
                    return


async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def passing(port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """Serve a way to a port, and yield it with the port where it begins."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server:
        yield proxy, int(server.sockets[0].getsockname()[1])
