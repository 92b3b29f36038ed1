"""An unknown limit, found in a real run: the real client against the real simulator in a process of its own."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from deployer.domain.adaptive import unknown
from deployer.integrator.client import Client
from deployer.integrator.limiter import Limiter
from deployer.integrator.token import Token
from deployer.integrator.transport import open_session

ACCOUNT = "acme-us"
REFILL, SIZE, OTHERS, LATENCY = 300.0, 200, 100.0, 0.05


async def measure(seconds: float = 60.0) -> dict[str, float]:
    """Read as fast as the limiter allows; return what of the server's capacity was used, and refusals per 1,000.

    Others take a third of the bucket, so what is documented is not what can be had.
    """
    async with _simulator() as (url, token), open_session() as session:
        limiter = Limiter(unknown(), 512)
        client = Client(url, Token(token), session=session, limiter=limiter)
        began = time.monotonic()
        async with anyio.create_task_group() as group:
            for _ in range(64):
                group.start_soon(_read, client, began + seconds)
        took = time.monotonic() - began
    admitted = limiter.sent - limiter.throttled
    return {
        "efficiency": admitted / (SIZE + (REFILL - OTHERS) * took),
        "throttled_per_1000": 1000 * limiter.throttled / limiter.sent,
    }


async def _read(client: Client, until: float) -> None:
    while time.monotonic() < until:
        await client.who()


@asynccontextmanager
async def _simulator() -> AsyncIterator[tuple[str, str]]:
    """Start `deployer simulate`; return its address and a token."""
    knobs = {
        "bucket_refill": REFILL,
        "bucket_size": SIZE,
        "other_traffic": OTHERS,
        "latency": json.dumps({"*": LATENCY}),
    }
    options = [word for key, value in knobs.items() for word in ("-k", f"{key}={value}")]
    command = [sys.executable, "-m", "deployer", "simulate", "--port", "0", "--json", "--accounts", ACCOUNT, *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout
        started = json.loads(await process.stdout.readline())
        yield started["url"], started["tokens"][ACCOUNT]
    finally:
        process.terminate()
        await process.wait()
