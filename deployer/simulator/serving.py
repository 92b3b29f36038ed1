"""The simulator as a server: the API, and beside it the doors for a judge: ledger, state, faults, and whom to kill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from deployer.simulator.faults import Rule
from deployer.simulator.ledger import evidence
from deployer.simulator.server import Simulator
from deployer.simulator.world import Json

CONTROL = "/_simulator/"


@asynccontextmanager
async def serving(simulator: Simulator, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a simulator, yielding its base URL; delayed requests that did not land by the end never do."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(CONTROL):
            return await _control(simulator, request)
        return await simulator.respond(request)

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _control(simulator: Simulator, request: web.BaseRequest) -> web.Response:
    """Answer one control request; it takes no token and is in no ledger."""
    match request.method, request.path.removeprefix(CONTROL):
        case "GET", "ledger":
            return web.json_response(evidence(simulator.ledger, simulator.world))
        case "GET", "state":
            return web.json_response(simulator.world.dump())
        case "POST", "faults":
            return _installed(simulator, await request.json())
        case "DELETE", "faults":
            simulator.faults.clear()
            return web.Response(status=204)
        case "POST", "pid":
            simulator.pid = (await request.json())["pid"]
            return web.Response(status=204)
        case _:
            return web.Response(status=404)


def _installed(simulator: Simulator, rules: Json) -> web.Response:
    try:
        simulator.faults.install([Rule.parse(rule) for rule in (rules if isinstance(rules, list) else [rules])])
    except (TypeError, ValueError, AttributeError) as error:
        return web.Response(status=400, text=str(error))
    return web.Response(status=204)
