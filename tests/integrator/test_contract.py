"""The client against the simulator: every call, in both forms of answer, and what a lost answer leaves behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deployer.domain.documents import Document
from deployer.domain.resources import ResourceKind
from deployer.integrator.client import Client
from deployer.integrator.wire import Created, Done, Outcome, Refused, T, Unknown
from deployer.simulator import Customer, Knobs, Rule, Simulator, seed, serving, stable_id, token_of
from tests.integrator.calls import Intents, calling

pytestmark = pytest.mark.anyio

ACCOUNT = "acme-us"
TEMPLATE = stable_id(ACCOUNT, "flows", "Send GitHub Events to Slack")
INTEGRATION = Customer(ACCOUNT, 0).id("integrations")
STAMP = Intents().stamp


@asynccontextmanager
async def simulated(knobs: Knobs | None = None, *faults: Rule) -> AsyncIterator[Client]:
    simulator = Simulator(seed((ACCOUNT,), 4), knobs, faults)
    async with serving(simulator) as url, calling(url, token=token_of(ACCOUNT)) as client:
        yield client


def value(outcome: Outcome[T]) -> T:
    assert isinstance(outcome, Done), outcome
    return outcome.value


async def order(client: Client, name: str = "copy") -> Document:
    connections = value(await client.connections())
    keep: Document = {str(connection["_id"]): connection["_id"] for connection in connections}
    return {"name": name, "_integrationId": INTEGRATION, "connectionMap": keep}


async def clone(client: Client) -> Created:
    return value(await client.clone(TEMPLATE, await order(client), stamp=STAMP))


@pytest.mark.parametrize("form", ["document", "list"])
async def test_a_flow_is_cloned_configured_run_and_followed(form: str) -> None:
    async with simulated(Knobs.parse({"clone_answer": form})) as client:
        made = await clone(client)
        assert (made.document is not None) == (form == "document")
        flow = value(await client.flow(made.id))
        assert flow["_sourceId"] == TEMPLATE
        changed = value(await client.replace(made.id, {**flow, "name": "named", "disabled": False}, stamp=STAMP))
        assert changed["name"] == "named"
        job = value(await client.run(made.id, {}, stamp=STAMP))
        assert [row["_id"] for row in value(await client.latest_jobs(made.id))] == [job]
        assert value(await client.job(job))["_flowId"] == made.id


async def test_a_document_becomes_a_flow() -> None:
    async with simulated() as client:
        made = value(await client.create({"name": "new", "_integrationId": INTEGRATION, "disabled": True}, stamp=STAMP))
        assert [row["_id"] for row in value(await client.integration_flows(INTEGRATION))] == [made.id]


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_lists_are_complete_whatever_the_page_size(size: int) -> None:
    async with simulated(Knobs(page_size=size)) as client:
        assert len(value(await client.integrations())) == 5
        assert len(value(await client.connections())) == 20
        assert {row["_id"] for row in value(await client.flows())} >= {TEMPLATE}
        assert value(await client.integration_flows(INTEGRATION)) == ()


async def test_the_account_and_the_parts_of_a_template_are_read() -> None:
    async with simulated() as client:
        flow = value(await client.flow(TEMPLATE))
        assert value(await client.who()) == stable_id(ACCOUNT, "users", "owner")
        assert value(await client.resource(ResourceKind.EXPORT, str(flow["_exportId"])))["_id"] == flow["_exportId"]
        assert value(await client.resource(ResourceKind.IMPORT, str(flow["_importId"])))["_id"] == flow["_importId"]


async def test_every_field_error_of_a_refusal_arrives() -> None:
    async with simulated() as client:
        outcome = await client.clone(TEMPLATE, {"name": "x", "_integrationId": INTEGRATION}, stamp=STAMP)
        assert isinstance(outcome, Refused)
        assert [(error.code, error.field) for error in outcome.errors] == [("invalid_connectionMap", "connectionMap")]


@pytest.mark.parametrize("action", ["lose", "reset", "cut", "garble"])
async def test_a_clone_whose_answer_is_lost_is_unknown_and_made_exactly_once(action: str) -> None:
    fault = Rule.parse({"action": action, "route": "flows.clone", "applied": True})
    async with simulated(None, fault) as client:
        assert isinstance(await client.clone(TEMPLATE, await order(client), stamp=STAMP), Unknown)
        assert len(value(await client.integration_flows(INTEGRATION))) == 1


async def test_a_read_survives_a_burst_of_faults() -> None:
    faults = [Rule(action="reset", nth=1), Rule(action="html", nth=2)]
    async with simulated(None, *faults) as client:
        assert value(await client.who())


async def test_a_limit_of_the_server_is_met_by_waiting() -> None:
    async with simulated(None, Rule(action="refuse", status=429, times=3, headers={"Retry-After": "0"})) as client:
        assert value(await client.who())
        assert (await clone(client)).id
