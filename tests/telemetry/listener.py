"""A webhook on loopback, and what it was told."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from aiohttp import web
from anyio.from_thread import start_blocking_portal

PATH = "/services/T000/B000/canary-of-a-webhook"


@dataclass(slots=True)
class Listener:
    """What a webhook was told, and what it answers: each status in turn, the last one from there on; 0 is silence."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    told: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    elsewhere: int = 0
    heard: Callable[[], None] = lambda: None

    @property
    def events(self) -> list[str]:
        return [each["event"] for each in self.told]

    async def hear(self, request: web.Request) -> web.Response:
        self.told.append(json.loads(await request.read()))
        self.headers.append(dict(request.headers))
        self.heard()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            await anyio.sleep(3600)
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 307 else {})

    async def go_elsewhere(self, _: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


async def start(listener: Listener) -> web.AppRunner:
    app = web.Application()
    app.router.add_post(PATH, listener.hear)
    app.router.add_post("/elsewhere", listener.go_elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    return runner


@contextmanager
def listening() -> Iterator[Listener]:
    """Serve a webhook from a thread."""
    listener = Listener()
    with start_blocking_portal() as portal:
        runner = portal.call(start, listener)
        try:
            yield listener
        finally:
            portal.call(runner.cleanup)
