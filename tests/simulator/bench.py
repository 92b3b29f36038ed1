"""A simulator on loopback with a client beside it, and a clock that moves only when told."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from deployer.simulator import Customer, Knobs, Rule, Simulator, evidence, seed, serving, stable_id, token_of
from deployer.simulator.world import Document, Json

US = "acme-us"
SIMPLE = "55ea78c6b751843c37b7b367"
ORCHESTRATED = "5980e7fedd9939649f8a5d9a"
TEMPLATES = "58f107a36b3bdd4f87aca76b"
ACME = Customer(US, 0)
GLOBEX = Customer(US, 1)
START = 1_800_000_000.0


def template_connection(system: str) -> str:
    return stable_id(US, "connections", f"Templates {system}")


def clone_body(customer: Customer = ACME, **changes: Json) -> Document:
    systems = ("GitHub", "Slack", "Usage API", "CRM")
    connections = {template_connection(system): customer.id("connections", system) for system in systems}
    return {
        "name": f"Events: {customer.name}",
        "_integrationId": customer.id("integrations"),
        "connectionMap": connections,
        **changes,
    }


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Reply:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def body(self) -> Json:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.body["errors"][0]["code"])


@dataclass
class Bench:
    simulator: Simulator
    url: str
    session: aiohttp.ClientSession
    clock: Clock = field(default_factory=Clock)

    async def ask(self, method: str, path: str, body: Json = None, *, account: str = US) -> Reply:
        headers = {"Authorization": f"Bearer {token_of(account)}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            return Reply(answer.status, await answer.text(), dict(answer.headers))

    async def get(self, path: str) -> Json:
        reply = await self.ask("GET", f"/v1{path}")
        assert reply.status == 200, reply.text
        return reply.body

    async def clone(self, template: str = SIMPLE, **changes: Json) -> Json:
        reply = await self.ask("POST", f"/v1/flows/{template}/clone", clone_body(**changes))
        assert reply.status == 201, reply.text
        return reply.body

    def flows_of(self, customer: Customer = ACME) -> list[Document]:
        flows = evidence(self.simulator.ledger, self.simulator.world)["integrations"][customer.id("integrations")]
        return list(flows)

    def effects(self, kind: str) -> list[Document]:
        return [effect for effect in self.simulator.world.effects if effect["kind"] == kind]


@asynccontextmanager
async def bench(
    knobs: Knobs | None = None, rules: Iterable[Rule] = (), *, pid: int | None = None
) -> AsyncIterator[Bench]:
    clock = Clock()
    simulator = Simulator(seed(tenants=3), knobs, rules, pid=pid, clock=clock)
    async with serving(simulator) as url, aiohttp.ClientSession() as session:
        session._retry_connection = False  # noqa: SLF001 - a silent second GET would spoil the ledger
        yield Bench(simulator, url, session, clock)
