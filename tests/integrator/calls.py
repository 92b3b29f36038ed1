"""A client for tests: quick to give up, and with every stamp counted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deployer.domain.adaptive import steady
from deployer.domain.pacing import Bucket
from deployer.integrator.client import Client, Timeouts
from deployer.integrator.limiter import Limiter
from deployer.integrator.token import Token
from deployer.integrator.transport import Exchange, open_session

SECRET = "c4n4ry-s3cr3t-t0k3n"
TEMPLATE, FLOW = "55ea78c6b751843c37b7b367", "6b0493a34e07408562bedb8b"
QUICK = Timeouts(clone=0.25, other=0.25, connect=0.25, tries=3, backoff=0.001)


@dataclass(slots=True)
class Intents:
    """Stamps that are counted; the windows are given in turn, and the last one for ever."""

    windows: list[float] = field(default_factory=lambda: [10.0])
    count: int = 0

    async def stamp(self) -> float:
        self.count += 1
        return self.windows.pop(0) if len(self.windows) > 1 else self.windows[0]


def limiter() -> Limiter:
    return Limiter(steady(Bucket(10_000.0, 1_000.0, 1_000.0, 0.0)), 100)


@asynccontextmanager
async def calling(
    url: str,
    *,
    pacer: Limiter | None = None,
    token: str = SECRET,
    timeouts: Timeouts = QUICK,
    seen: list[Exchange] | None = None,
) -> AsyncIterator[Client]:
    async with open_session() as session:
        trace = None if seen is None else seen.append
        pacer = pacer or limiter()
        yield Client(url, Token(token), session=session, limiter=pacer, timeouts=timeouts, trace=trace)
