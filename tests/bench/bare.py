"""The same requests from a bare aiohttp loop: no journal, no limiter, no decisions. What the network itself costs.

`python -m tests.bench.bare clone URL TENANTS` or `read URL ACCOUNTS`.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Final

import aiohttp

from tests.bench.world import EXPORT, IMPORT, KEPT, MAPPED, TEMPLATE, identify, token_of

WORKERS: Final = 64
_LISTS: Final = ("integrations", "connections", "flows?include=name,description,_integrationId,_sourceId,lastModified")


def _session(url: str, account: int) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {token_of(account)}", "Content-Type": "application/json"}
    return aiohttp.ClientSession(
        f"{url}/v1/", headers=headers, connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )


async def _ask(session: aiohttp.ClientSession, method: str, path: str, body: bytes | None = None) -> bytes:
    async with session.request(method, path, data=body) as response:
        return await response.read()


async def _deploy(session: aiohttp.ClientSession, tenants: Iterator[int]) -> None:
    for tenant in tenants:
        integration = identify("integrations", 0, tenant)
        connections = {MAPPED: identify("connections", 0, tenant), KEPT: KEPT}
        wanted = {"name": f"Company {tenant}", "_integrationId": integration, "connectionMap": connections}
        await _ask(session, "GET", f"integrations/{integration}/flows")
        made = await _ask(session, "POST", f"flows/{TEMPLATE}/clone", json.dumps(wanted).encode())
        flow = json.loads(made)[0]["_id"]
        live = json.loads(await _ask(session, "GET", f"flows/{flow}"))
        body = {**live, "disabled": False, "settings": {"region": "us-east", "batchSize": 200}}
        json.loads(await _ask(session, "PUT", f"flows/{flow}", json.dumps(body).encode()))


async def clone(url: str, tenants: int) -> None:
    """Deploy to every tenant of the first account: four requests each, as `deployer` sends them."""
    async with _session(url, 0) as session, asyncio.TaskGroup() as group:
        shared = iter(range(tenants))
        for _ in range(WORKERS):
            group.create_task(_deploy(session, shared))


async def read(url: str, accounts: int) -> None:
    """Read what a plan reads of every account, and decode it."""
    for account in range(accounts):
        async with _session(url, account) as session:
            for path in ("tokenInfo", f"flows/{TEMPLATE}", f"exports/{EXPORT}", f"imports/{IMPORT}"):
                json.loads(await _ask(session, "GET", path))
            for path in _LISTS:
                await _pages(session, path)


async def _pages(session: aiohttp.ClientSession, path: str) -> None:
    following: str | None = path
    while following:
        async with session.get(following) as response:
            json.loads(await response.read())
            link = response.links.get("next")
            following = str(link["url"]) if link else None


if __name__ == "__main__":
    asyncio.run({"clone": clone, "read": read}[sys.argv[1]](sys.argv[2], int(sys.argv[3])))
