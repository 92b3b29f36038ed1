"""The way between client and API without a socket: late, lost and broken as the weather has it, in virtual time."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import aiohttp
from aiohttp import web

from deployer.integrator.transport import Request
from deployer.integrator.wire import Answer, NotSent, Unknown
from deployer.simulator import Rule, Simulator, token_of
from deployer.simulator.faults import Faults
from tests.simulation.process import Process
from tests.simulation.weather import Weather

_MEDDLING = ("edit", "rename", "switch", "remove", "start")
_AGAIN = {"PUT": "twice", "POST": "doubled"}
_QUICK = (0.005, 0.3)  # seconds that a journey takes where nothing befalls


class Misfortune(Faults):
    """What befalls requests that arrive, by chance and not by script."""

    def __init__(self, weather: Weather, chance: Random, homes: Collection[str]) -> None:
        """`homes` are the integrations of tenants: nobody meddles with the template."""
        super().__init__()
        self._homes = homes
        self._weather = weather
        self._chance = chance

    def due(self, route: str, ids: Collection[str], whose: str = "") -> list[Rule]:  # noqa: ARG002 - whoever it is
        found = []
        meddled = whose in self._homes and route != "flows.clone"
        for kind in ("throttled", "half", "broken", "garbled", *(_MEDDLING if meddled else ())):
            if self._weather.strikes(self._chance, kind) and (rule := self._rule(kind, route)):
                self._weather.count(kind)
                found.append(rule)
        return found

    def _rule(self, kind: str, route: str) -> Rule | None:
        chance = self._chance
        applied = chance.random() < 0.5
        match kind:
            case "throttled":
                wait = {"Retry-After": str(chance.choice((0, 1, 30)))}
                return Rule(action="refuse", status=429, code="rate_limited", headers=wait)
            case "half":
                return Rule(action="half") if route == "flows.clone" else None
            case "broken":
                status = chance.choice((408, 500, 502, 503, 504))
                return Rule(action=chance.choice(("refuse", "html")), status=status, applied=applied)
            case "garbled":
                return Rule(action="garble", text=chance.choice(("", "{}", '{"_id": "', "7")))
            case "edit":
                return Rule(action="edit", fields={"timezone": "UTC", "noted": chance.random()}, applied=applied)
            case "rename":
                return Rule(action="edit", fields={"name": f"Named by hand {chance.random()}"}, applied=applied)
            case "switch":
                return Rule(action="edit", fields={"disabled": chance.random() < 0.5}, applied=applied)
            case _:
                return Rule(action="remove" if kind == "remove" else "start", applied=applied)


@dataclass(slots=True)
class Network:
    """Everything between the processes and the API."""

    simulator: Simulator
    weather: Weather
    chance: Random
    canaries: Mapping[str, Collection[str]]
    """What is each tenant's alone: the body of another's request must not hold it."""
    bodies: int = 0
    misplaced: list[str] = field(default_factory=list)

    def inspect(self, request: Request) -> None:
        """Look for what has no place in a request: values of two tenants, or a token."""
        text = f"{request.url} {_sent(request).decode()}"
        self.bodies += 1
        whose = [tenant for tenant, values in self.canaries.items() if any(value in text for value in values)]
        if len(whose) > 1:
            self.misplaced.append(f"a {request.method} holds what is of {' and '.join(whose)}")
        if any(token_of(account) in text for account in self.simulator.world.accounts):
            self.misplaced.append(f"a {request.method} holds a token")

    def depart(self, arrived: "_Arrived", answer: asyncio.Future[Answer | Unknown], patience: float) -> None:
        """Let a request go its way, whatever becomes of who sent it."""
        travel, heard = self._journey(patience)
        if not heard:
            _soon(answer, self.chance, Unknown("connection reset"))
        if travel is None:
            return
        loop = asyncio.get_running_loop()
        loop.call_later(travel, self._arrive, arrived, answer if heard else None)
        again = _AGAIN.get(arrived.method)
        if again and self.weather.strikes(self.chance, again):
            self.weather.count(again)
            loop.call_later(self.weather.lateness(self.chance, patience), self._arrive, arrived, None)

    def _journey(self, patience: float) -> tuple[float | None, bool]:
        """Draw how long a request is on its way, if it ever arrives, and whether its sender hears of it."""
        weather, chance = self.weather, self.chance
        for kind in ("vanish", "late", "silent", "slow"):
            if weather.strikes(chance, kind):
                weather.count(kind)
                quick = chance.uniform(*_QUICK)
                return {
                    "vanish": (None, False),
                    "late": (weather.lateness(chance, patience), False),
                    "silent": (quick, False),
                    "slow": (chance.uniform(0.0, 0.9) * patience, True),
                }[kind]
        return chance.uniform(*_QUICK), True

    def _arrive(self, arrived: "_Arrived", answer: "asyncio.Future[Answer | Unknown] | None") -> None:
        asyncio.ensure_future(self._serve(arrived, answer))  # noqa: RUF006 - the loop's end is its end

    async def _serve(self, arrived: "_Arrived", answer: "asyncio.Future[Answer | Unknown] | None") -> None:
        response = await self.simulator.respond(cast("web.BaseRequest", arrived))
        if answer is None:
            return
        await asyncio.sleep(self.chance.uniform(*_QUICK))
        if not answer.done():
            answer.set_result(_answer(arrived, cast("web.Response", response)))


@dataclass(frozen=True, slots=True)
class Line:
    """What a client takes for its session: whose it is, and where it leads."""

    process: Process
    network: Network


async def send(
    session: Line,
    request: Request,
    *,
    headers: Mapping[str, str],
    limits: aiohttp.ClientTimeout,
    window: float | None,
) -> Answer | NotSent | Unknown:
    """Send a request once, in place of what does so over sockets."""
    loop, process, network = asyncio.get_running_loop(), session.process, session.network
    started = loop.time()
    await asyncio.sleep(network.chance.uniform(*_QUICK))
    await process.run()
    if network.weather.strikes(network.chance, "unreachable"):
        network.weather.count("unreachable")
        return NotSent("connection refused")
    if window is not None and loop.time() > started + window:
        return NotSent("the time to send it was over", late=True)
    writes = request.method != "GET"
    if writes and network.weather.strikes(network.chance, "gap"):
        process.stand_still(network.weather.stillness(network.chance), "between the last check and the write")
        await process.run()
    if writes:
        network.inspect(request)
        process.trace.note(process.name, f"sends {request.method} {request.url.path} {_about(request)}")
    answer: asyncio.Future[Answer | Unknown] = loop.create_future()
    patience = float(limits.total or 0.0)
    network.depart(_Arrived(request, headers), answer, patience)
    if writes:
        await process.point("after sending")
    try:
        async with asyncio.timeout_at(started + patience):
            heard: Answer | Unknown = await answer
    except TimeoutError:
        heard = Unknown("no answer in time")
    await process.run()
    if writes:
        said = heard.status if isinstance(heard, Answer) else heard.reason
        process.trace.note(process.name, f"hears {said}")
        await process.point("after the answer")
    return heard


def _soon(answer: asyncio.Future[Answer | Unknown], chance: Random, what: Unknown) -> None:
    """Let half of those who hear nothing be told by a reset connection; the others wait until they give up."""
    if chance.random() < 0.5:

        def tell() -> None:
            if not answer.done():
                answer.set_result(what)

        asyncio.get_running_loop().call_later(chance.uniform(*_QUICK), tell)


class _Arrived:
    """A request as the simulated server reads it."""

    scheme = "http"

    def __init__(self, request: Request, headers: Mapping[str, str]) -> None:
        url = request.url
        self.method = request.method
        self.path, self.path_qs = url.path, url.path_qs
        self.host = f"{url.host}:{url.port}"
        self.query, self.query_string = url.query, url.query_string
        self.headers = headers
        self.transport = self  # whoever closes it ends the connection without an answer
        self.is_closed = False
        self._body = _sent(request)

    async def read(self) -> bytes:
        return self._body

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def get_extra_info(self, _: str) -> "_Arrived":
        return self

    def setsockopt(self, *_: Any) -> None:  # noqa: ANN401 - a socket's
        """Be told how to close."""


def _sent(request: Request) -> bytes:
    """Return what goes over the line, with its secrets."""
    return request.concealed.reveal() if request.concealed else request.body or b""


def _about(request: Request) -> str:
    """Return the name in a body, which holds the tenant's marker."""
    return str(json.loads(request.body or b"{}").get("name", ""))


def _answer(arrived: _Arrived, response: web.Response) -> Answer | Unknown:
    if arrived.is_closed:
        return Unknown("the server closed the connection")
    body = response.body if isinstance(response.body, bytes) else b""
    headers = response.headers
    return Answer(response.status, body, headers.get("Link", ""), headers.get("Retry-After"), None)
