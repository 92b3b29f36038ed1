"""What one writes by hand: requests and a pool of threads. `python threaded.py URL TOKEN TENANTS.CSV`.

Started again it goes on: a tenant whose integration lists a flow of the final name is not cloned into once more. It
keeps no journal, so it cannot know of a clone that is still on its way.
"""

import csv
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import requests

TEMPLATE: Final = "5980e7fedd9939649f8a5d9a"
MAPPED, KEPT = "5c0000000000000000000001", "5c0000000000000000000002"
THREADS: Final = 128
PATIENCE: Final = 360
own = threading.local()  # a session is not safe to share between threads


def ask(url: str, token: str, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    if not hasattr(own, "session"):
        own.session = requests.Session()
        own.session.headers["Authorization"] = f"Bearer {token}"
    while True:
        response = own.session.request(method, f"{url}/v1/{path}", json=body, timeout=PATIENCE)
        if response.status_code == 429:
            time.sleep(float(response.headers.get("Retry-After", "1")))
            continue
        response.raise_for_status()
        return [] if response.status_code == 204 else response.json()


def deploy(url: str, token: str, row: dict[str, str]) -> None:
    name, integration = f"Order sync: {row['name']}", row["integration"]
    call = partial(ask, url, token)
    listed = call("GET", f"integrations/{integration}/flows")
    flow = next((flow["_id"] for flow in listed if flow["name"] == name), None)
    if flow is None:
        connections = {MAPPED: row["connection"], KEPT: KEPT}
        wanted = {"name": name, "_integrationId": integration, "connectionMap": connections}
        flow = call("POST", f"flows/{TEMPLATE}/clone", wanted)[0]["_id"]
    live = call("GET", f"flows/{flow}")
    settings = {"region": row["region"], "batchSize": 200}
    body = {**live, "timezone": row["timezone"], "schedule": "? 5 * ? * *", "disabled": False, "settings": settings}
    call("PUT", f"flows/{flow}", body)


def main(url: str, token: str, tenants: str) -> None:
    rows = list(csv.DictReader(Path(tenants).read_text("utf-8").splitlines()))
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(partial(deploy, url, token), rows):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
