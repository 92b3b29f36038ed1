"""An integrator.io in a process of its own: it outlives every apply, and its ledger is the judge's evidence."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from urllib.request import Request, urlopen

from deployer.simulator import Knobs, World, serving
from deployer.simulator.world import Document, Json
from tests.canaries.abroad import ForeignHost
from tests.canaries.inspection import ASKED, InspectedSimulator
from tests.canaries.marks import owners
from tests.crash.harness.scenarios import ROWS

FORK = get_context("fork")
"""Everything is imported once and forked from there: a start costs milliseconds, and a kill ends nobody else."""
_LONGEST_LATENESS = 5.0
_GLANCE = 0.02


@dataclass(frozen=True, slots=True)
class Door:
    """The judge's door to a simulator, and a host beside it that nobody named."""

    url: str
    abroad: ForeignHost

    def install(self, *rules: Mapping[str, Json]) -> None:
        """Let faults befall the calls that come from now on, and no other faults."""
        urlopen(Request(f"{self.url}/_simulator/faults", method="DELETE")).close()  # noqa: S310 - loopback
        self._post("faults", list(rules))

    def name_victim(self, pid: int) -> None:
        """Name the process that the next `kill` ends."""
        self._post("pid", {"pid": pid})

    def state(self) -> Document:
        """Return the whole world, once nothing that was sent is still on its way."""
        deadline = time.monotonic() + _LONGEST_LATENESS
        while self._get("ledger")["pending"] and time.monotonic() < deadline:
            time.sleep(_GLANCE)
        return self._get("state")

    def requests(self) -> list[Document]:
        """Return every request in the order of arrival."""
        return list(self._get("ledger")["requests"])

    def inspected(self) -> Document:
        """Return how many requests and bodies were looked through, and what was out of place."""
        return self._read(ASKED)

    def _get(self, what: str) -> Document:
        return self._read(f"/_simulator/{what}")

    def _read(self, path: str) -> Document:
        with urlopen(f"{self.url}{path}") as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))

    def _post(self, what: str, body: Json) -> None:
        urlopen(Request(f"{self.url}/_simulator/{what}", json.dumps(body).encode())).close()  # noqa: S310 - loopback


@contextmanager
def simulator(state: Document, knobs: Knobs) -> Iterator[Door]:
    """Serve a world from its saved state until the block ends, or until the process that asked for it dies."""
    ours, theirs = socket.socketpair()
    abroad = ForeignHost()
    process = FORK.Process(target=_serve, args=(state, knobs, ours, theirs))
    process.start()
    theirs.close()
    try:
        with ours.makefile() as said:
            yield Door(said.readline().strip(), abroad)
    finally:
        abroad.close()
        ours.close()
        process.kill()
        process.join()


def _serve(state: Document, knobs: Knobs, ours: socket.socket, theirs: socket.socket) -> None:
    ours.close()
    theirs.setblocking(False)

    async def serve() -> None:
        async with serving(InspectedSimulator(World.load(state), knobs, owners(ROWS))) as url:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(theirs, f"{url}\n".encode())
            await loop.sock_recv(theirs, 1)

    asyncio.run(serve())
