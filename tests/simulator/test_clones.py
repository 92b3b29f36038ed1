"""Clone: what is copied, mapped, dropped and demanded."""

from typing import Any

import pytest

from deployer.simulator import Knobs
from tests.simulator.bench import ACME, ORCHESTRATED, SIMPLE, TEMPLATES, bench, clone_body, template_connection

pytestmark = pytest.mark.anyio


async def test_a_clone_names_its_source_and_loses_schedule_and_successors() -> None:
    async with bench() as b:
        template = await b.get(f"/flows/{ORCHESTRATED}")
        await b.ask("PUT", f"/v1/flows/{ORCHESTRATED}", {**template, "_runNextFlowIds": [SIMPLE]})
        flow = await b.clone(ORCHESTRATED, name="Usage")
        assert (flow["_sourceId"], flow["name"], flow["_integrationId"]) == (
            ORCHESTRATED,
            "Usage",
            ACME.id("integrations"),
        )
        assert flow.keys() & {"schedule", "_runNextFlowIds", "lastExecutedAt"} == set()
        assert flow["timezone"] == template["timezone"]


async def test_parts_are_copied_once_each_with_a_source_and_the_mapped_connection() -> None:
    async with bench() as b:
        template, flow = await b.get(f"/flows/{ORCHESTRATED}"), await b.clone(ORCHESTRATED)
        mapped = {ACME.id("connections", system) for system in ("Usage API", "CRM")}
        assert len(await b.get("/exports?limit=1000")) == 3 + 12 + 11
        for old, new in zip(template["pageProcessors"], flow["pageProcessors"], strict=True):
            kind, name = ("exports", "_exportId") if "_exportId" in old else ("imports", "_importId")
            part = await b.get(f"/{kind}/{new[name]}")
            assert (part["_sourceId"], part["_connectionId"] in mapped) == (old[name], True)
            assert {**new, name: ""} == {**old, name: ""}


async def test_cloning_twice_makes_two() -> None:
    async with bench() as b:
        first, second = await b.clone(), await b.clone()
        assert [flow["_id"] for flow in b.flows_of()] == [first["_id"], second["_id"]]
        assert first["_exportId"] != second["_exportId"]


@pytest.mark.parametrize("disabled", [True, False])
async def test_whether_a_clone_starts_disabled_is_a_knob(*, disabled: bool) -> None:
    async with bench(Knobs(clone_disabled=disabled)) as b:
        assert (await b.clone())["disabled"] is disabled


async def test_the_answer_may_be_a_list_of_everything_made() -> None:
    async with bench(Knobs(clone_answer="list")) as b:
        rows = await b.clone()
        assert [row["model"] for row in rows] == ["Flow", "Export", "Import"]
        assert (await b.get(f"/flows/{rows[0]['_id']}"))["_exportId"] == rows[1]["_id"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"_integrationId": None}, 422, "invalid_ref"),
        ({"_integrationId": "0" * 24}, 422, "invalid_ref"),
        ({"connectionMap": None}, 400, "invalid_connectionMap"),
        (
            {"connectionMap": {template_connection("GitHub"): template_connection("GitHub")}},
            400,
            "invalid_connectionMap",
        ),
        (
            {"connectionMap": {template_connection(name): "0" * 24 for name in ("GitHub", "Slack")}},
            400,
            "invalid_connectionMap",
        ),
        ({"name": "x" * 256}, 422, "invalid_field"),
    ],
)
async def test_a_clone_that_lacks_something_makes_nothing(change: dict[str, Any], status: int, code: str) -> None:
    async with bench() as b:
        reply = await b.ask("POST", f"/v1/flows/{SIMPLE}/clone", clone_body(**change))
        assert (reply.status, reply.code) == (status, code)
        assert (b.flows_of(), len(await b.get("/exports?limit=1000"))) == ([], 15)


async def test_a_connection_mapped_to_itself_is_kept() -> None:
    async with bench() as b:
        same = {template_connection(name): template_connection(name) for name in ("GitHub", "Slack")}
        flow = await b.clone(connectionMap=same)
        assert (await b.get(f"/exports/{flow['_exportId']}"))["_connectionId"] == template_connection("GitHub")


async def test_a_flow_grouping_is_taken_from_the_body_only() -> None:
    async with bench() as b:
        template = await b.get(f"/flows/{SIMPLE}")
        await b.ask("PUT", f"/v1/flows/{SIMPLE}", {**template, "_flowGroupingId": "a" * 24})
        assert "_flowGroupingId" not in await b.clone(_flowGroupingId=None)
        assert (await b.clone(_flowGroupingId="b" * 24))["_flowGroupingId"] == "b" * 24


@pytest.mark.parametrize(
    ("kind", "name", "system"), [("exports", "GitHub events", "GitHub"), ("imports", "Slack message", "Slack")]
)
async def test_exports_and_imports_can_be_cloned_alone(kind: str, name: str, system: str) -> None:
    async with bench() as b:
        source, target = ACME.id(kind, name), template_connection(system)
        body = {"name": "Copy", "connectionMap": {ACME.id("connections", system): target}}
        reply = await b.ask("POST", f"/v1/{kind}/{source}/clone", body)
        assert (reply.status, reply.body["_sourceId"], reply.body["_connectionId"]) == (201, source, target)
        assert (await b.get(f"/{kind}/{reply.body['_id']}"))["name"] == "Copy"
        assert (await b.ask("POST", f"/v1/{kind}/{source}/clone", {})).code == "invalid_connectionMap"


async def test_the_templates_are_left_as_they_were() -> None:
    async with bench() as b:
        before = await b.get(f"/integrations/{TEMPLATES}/flows")
        await b.clone(ORCHESTRATED)
        assert await b.get(f"/integrations/{TEMPLATES}/flows") == before
