"""What one writes by hand: aiohttp and a semaphore. `python gathered.py URL TOKEN TENANTS.CSV`.

Started again it goes on: a tenant whose integration lists a flow of the final name is not cloned into once more. It
keeps no journal, so it cannot know of a clone that is still on its way.
"""

import asyncio
import csv
import sys
from pathlib import Path
from typing import Any, Final

import aiohttp

TEMPLATE: Final = "5980e7fedd9939649f8a5d9a"
MAPPED, KEPT = "5c0000000000000000000001", "5c0000000000000000000002"
AT_ONCE: Final = 128
PATIENCE: Final = aiohttp.ClientTimeout(total=360)


async def ask(session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    while True:
        async with session.request(method, path, json=body) as response:
            if response.status == 429:
                await response.read()
                await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
                continue
            response.raise_for_status()
            return [] if response.status == 204 else await response.json()


async def deploy(session: aiohttp.ClientSession, limit: asyncio.Semaphore, row: dict[str, str]) -> None:
    async with limit:
        name, integration = f"Order sync: {row['name']}", row["integration"]
        listed = await ask(session, "GET", f"integrations/{integration}/flows")
        flow = next((flow["_id"] for flow in listed if flow["name"] == name), None)
        if flow is None:
            connections = {MAPPED: row["connection"], KEPT: KEPT}
            wanted = {"name": name, "_integrationId": integration, "connectionMap": connections}
            made = await ask(session, "POST", f"flows/{TEMPLATE}/clone", wanted)
            flow = made[0]["_id"]
        live = await ask(session, "GET", f"flows/{flow}")
        settings = {"region": row["region"], "batchSize": 200}
        body = {**live, "timezone": row["timezone"], "schedule": "? 5 * ? * *", "disabled": False, "settings": settings}
        await ask(session, "PUT", f"flows/{flow}", body)


async def main(url: str, token: str, rows: list[dict[str, str]]) -> None:
    limit, connector = asyncio.Semaphore(AT_ONCE), aiohttp.TCPConnector(limit=AT_ONCE)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"{url}/v1/", headers=headers, connector=connector, timeout=PATIENCE) as session:
        await asyncio.gather(*(deploy(session, limit, row) for row in rows))


if __name__ == "__main__":
    _, address, secret, tenants = sys.argv
    asyncio.run(main(address, secret, [*csv.DictReader(Path(tenants).read_text("utf-8").splitlines())]))
