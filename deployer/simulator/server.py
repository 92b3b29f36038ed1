"""integrator.io on loopback: admits requests, lets faults befall them, applies them to the world, keeps the ledger."""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from aiohttp import web

from deployer.simulator import clones
from deployer.simulator.bystanders import intrude
from deployer.simulator.calls import Answer, Call, refusal
from deployer.simulator.delivery import deliver, kill, whole
from deployer.simulator.faults import BYSTANDERS, Faults, Rule
from deployer.simulator.gate import Gate
from deployer.simulator.knobs import Knobs
from deployer.simulator.ledger import Arrival, Ledger
from deployer.simulator.resources import masked
from deployer.simulator.routes import Route, find, subject
from deployer.simulator.world import Account, Refused, World

LOST = frozenset({"lose", "reset", "stall", "late", "kill"})
UNAPPLIED = frozenset({"refuse", "html", "lose", "reset", "stall", "kill"})
"""Actions that keep a request from being applied, unless the rule says that it was applied first."""
NOTHING = Answer(status=0)
"""The answer of a request that has not been applied."""


class Simulator:
    """Serve one world under one set of knobs."""

    def __init__(
        self,
        world: World,
        knobs: Knobs | None = None,
        faults: Iterable[Rule] = (),
        *,
        pid: int | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Start with full buckets; `pid` is the client that a `kill` ends, `clock` gives epoch seconds."""
        self.world = world
        self.knobs = knobs or Knobs()
        self.faults = Faults(faults, seed=seed)
        self.ledger = Ledger()
        self.pid = pid
        self._clock = clock
        self._accounts = {account.token: account for account in world.accounts.values()}
        self._gates = {name: Gate(self.knobs, clock()) for name in world.accounts}

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or fail to, as the script wants it."""
        arrival, route, account = self._arrive(request)
        raw = await request.read()
        try:
            route, account = self._admitted(arrival, route, account)
            return await self._inside(request, arrival, route, account, raw)
        except Refused as refused:
            arrival.status = refused.status
            return whole(refusal(refused))

    def _arrive(self, request: web.BaseRequest) -> tuple[Arrival, Route | None, Account | None]:
        route = find(request.method, request.path)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        account = self._accounts.get(token) if scheme == "Bearer" else None
        arrival = self.ledger.arrive(
            time=self._clock(),
            route=route.name if route else "",
            method=request.method,
            path=request.path_qs,
            account=account.name if account else None,
        )
        return arrival, route, account

    def _admitted(self, arrival: Arrival, route: Route | None, account: Account | None) -> tuple[Route, Account]:
        if account is None:
            raise Refused(401, "unauthorized", "the token is unknown")
        self._gates[account.name].admit(arrival.route, arrival.time)
        if route is None:
            raise Refused(404, "resource_not_found", f"no such path: {arrival.path}")
        return route, account

    async def _inside(
        self, request: web.BaseRequest, arrival: Arrival, route: Route, account: Account, raw: bytes
    ) -> web.StreamResponse:
        gate = self._gates[account.name]
        gate.inside += 1
        try:
            if latency := self.knobs.seconds(route.name):
                await asyncio.sleep(latency)
            call = self._call(request, arrival, account, raw)
            answer, shape = self._befall(arrival, route, call)
            answer = replace(answer, body=masked(answer.body, self.knobs.masked_setting))
            return await deliver(request, shape, replace(answer, headers={**answer.headers, **gate.headers()}))
        finally:
            gate.inside -= 1

    def _call(self, request: web.BaseRequest, arrival: Arrival, account: Account, raw: bytes) -> Call:
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            raise Refused(400, "invalid_field", "the body is not JSON") from None
        kind, key = subject(request.path)
        return Call(
            n=arrival.n,
            world=self.world,
            account=account,
            knobs=self.knobs,
            now=self._clock(),
            kind=kind,
            id=key,
            url=f"{request.scheme}://{request.host}{request.path}",
            query=dict(request.query) if request.query_string else {},
            body=body,
        )

    def _befall(self, arrival: Arrival, route: Route, call: Call) -> tuple[Answer, Rule | None]:
        """Apply a call with everything that befalls it, and return its answer with the rule that spoils that."""
        rules = self.faults.due(route.name, _concerned(call), _whose(call))
        arrival.faults = tuple(rule.action for rule in rules)
        shape = next((rule for rule in rules if rule.action not in BYSTANDERS), None)
        _intrude(rules, call, None)
        answer = self._applied(arrival, route, call, shape)
        _intrude(rules, call, answer)
        arrival.status = _status(shape, answer)
        if shape and shape.action == "kill" and self.pid is not None:
            kill(self.pid)
            self.pid = None
        return answer, shape

    def _applied(self, arrival: Arrival, route: Route, call: Call, shape: Rule | None) -> Answer:
        match shape:
            case Rule(action="late", seconds=seconds):
                self._apply_late(arrival, route, call, seconds)
                return NOTHING
            case Rule(action="lag", seconds=seconds):
                return _apply(arrival, route.operation, replace(call, knobs=replace(call.knobs, list_lag=seconds)))
            case Rule(action="half"):
                return _apply(arrival, clones.clone_half, call)
            case Rule(action=action, applied=False) if action in UNAPPLIED:
                return NOTHING
            case _:
                return _apply(arrival, route.operation, call)

    def _apply_late(self, arrival: Arrival, route: Route, call: Call, seconds: float) -> None:
        def land() -> None:
            self.ledger.pending -= 1
            _apply(arrival, route.operation, replace(call, now=self._clock()))

        self.ledger.pending += 1
        asyncio.get_running_loop().call_later(seconds, land)


def _apply(arrival: Arrival, operation: Callable[[Call], Answer], call: Call) -> Answer:
    before = len(call.world.effects)
    try:
        answer = operation(call)
    except Refused as refused:
        answer = refusal(refused)
    arrival.applied = len(call.world.effects) > before
    return answer


def _intrude(rules: Iterable[Rule], call: Call, answer: Answer | None) -> None:
    """Let others act: before the request is applied (no answer yet), or after it."""
    for rule in rules:
        if rule.action in BYSTANDERS and rule.applied == (answer is not None):
            intrude(rule, call, answer)


def _concerned(call: Call) -> Collection[str]:
    return {call.id, *_integrations(call)}


def _whose(call: Call) -> str:
    """Return the integration that a call is about, which is known before any id is minted; else the call's own id."""
    return next((integration for integration in reversed(_integrations(call)) if integration != "None"), call.id)


def _integrations(call: Call) -> Sequence[str]:
    flow = call.account.documents["flows"].get(call.id, {}) if call.kind == "flows" else {}
    body = call.body if isinstance(call.body, dict) else {}
    return str(flow.get("_integrationId")), str(body.get("_integrationId"))


def _status(shape: Rule | None, answer: Answer) -> int | None:
    match shape:
        case Rule(action=action) if action in LOST:
            return None
        case Rule(action="refuse" | "html", status=status):
            return status
        case _:
            return answer.status
