"""Documents: what integrator.io keeps, erases, refuses and answers."""

import json
from typing import Any

import pytest

from deployer.simulator import Knobs, stable_id
from tests.simulator.bench import ACME, ORCHESTRATED, SIMPLE, TEMPLATES, US, bench

pytestmark = pytest.mark.anyio

FLOW = {"name": "Nightly", "_integrationId": ACME.id("integrations"), "settings": {"size": 200}}
ELSEWHERE = stable_id("acme-eu", "flows", "Send GitHub Events to Slack")


async def test_a_token_opens_its_own_account_only() -> None:
    async with bench() as b:
        assert await b.get("/tokenInfo") == {"_userId": stable_id(US, "users", "owner"), "scope": "*"}
        assert (await b.ask("GET", f"/v1/flows/{SIMPLE}", account="acme-eu")).code == "resource_not_found"
        assert (await b.ask("GET", f"/v1/flows/{ELSEWHERE}", account="acme-eu")).status == 200
        assert (await b.ask("GET", "/v1/flows", account="nobody")).status == 401


@pytest.mark.parametrize("header", ["", "sim-acme-us", "Basic sim-acme-us", "Bearer sim-acme-us2"])
async def test_anything_but_a_known_bearer_token_is_401(header: str) -> None:
    async with bench() as b, b.session.get(f"{b.url}/v1/tokenInfo", headers={"Authorization": header}) as answer:
        assert answer.status == 401
        assert (await answer.json())["errors"][0]["code"] == "unauthorized"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/flows/", "/v2/flows", f"/v1/flows/{SIMPLE}/nothing", "/v1/scripts"])
async def test_any_other_path_is_404_and_in_the_ledger(path: str) -> None:
    async with bench() as b:
        assert (await b.ask("GET", path)).status == 404
        [arrival] = b.simulator.ledger.arrivals
        assert (arrival.path, arrival.status, arrival.account) == (path, 404, US)


@pytest.mark.parametrize(("kind", "count"), [("integrations", 4), ("connections", 16), ("exports", 15), ("imports", 6)])
async def test_every_kind_is_read_by_id_and_as_a_list(kind: str, count: int) -> None:
    async with bench() as b:
        listed = await b.get(f"/{kind}?limit=1000")
        assert len(listed) == count
        assert await b.get(f"/{kind}/{listed[-1]['_id']}") == listed[-1]
        assert (await b.ask("GET", f"/v1/{kind}/{'0' * 24}")).code == "resource_not_found"


async def test_secrets_of_a_connection_are_masked() -> None:
    async with bench() as b:
        connection = await b.get(f"/connections/{ACME.id('connections', 'Slack')}")
        assert connection["http"]["auth"]["token"] == {"token": "******"}


async def test_the_templates_are_those_of_the_vendors_documentation() -> None:
    async with bench() as b:
        simple, orchestrated = await b.get(f"/integrations/{TEMPLATES}/flows")
        assert (simple["_id"], simple["name"]) == (SIMPLE, "Send GitHub Events to Slack")
        assert (orchestrated["_id"], orchestrated["schedule"]) == (ORCHESTRATED, "? 0 2 ? * *")
        lookups = [step for step in orchestrated["pageProcessors"] if step["type"] == "export"]
        assert (len(orchestrated["pageGenerators"]), len(lookups), len(orchestrated["pageProcessors"])) == (2, 9, 11)
        generated = [lookup["responseMapping"]["fields"][0]["generate"] for lookup in lookups]
        assert (generated[0], generated[-1]) == ("numConnections", "successAndErrors")


async def test_a_put_replaces_the_document_and_keeps_what_is_read_only() -> None:
    async with bench() as b:
        flow = await b.clone()
        b.clock.now += 60
        body = {"name": "Only a name", "_integrationId": flow["_integrationId"], "_id": "x", "createdAt": "never"}
        reply = await b.ask("PUT", f"/v1/flows/{flow['_id']}", body)
        kept = {name: flow[name] for name in ("_id", "createdAt", "_sourceId", "_integrationId")}
        assert reply.body == {**kept, "name": "Only a name", "lastModified": "2027-01-15T08:01:00.000Z"}
        assert await b.get(f"/flows/{flow['_id']}") == reply.body
        assert b.effects("put")[0]["body"] == body


async def test_a_document_may_be_put_back_exactly_as_it_was_read() -> None:
    async with bench() as b:
        for kind, key in [
            ("flows", ORCHESTRATED),
            ("integrations", TEMPLATES),
            ("imports", ACME.id("imports", "Slack message")),
        ]:
            document = await b.get(f"/{kind}/{key}")
            reply = await b.ask("PUT", f"/v1/{kind}/{key}", document)
            assert (reply.status, {**reply.body, "lastModified": ""}) == (200, {**document, "lastModified": ""})
            assert reply.body["lastModified"] > document["lastModified"]


async def test_a_flow_moves_with_its_integration() -> None:
    async with bench() as b:
        flow = await b.clone()
        await b.ask("PUT", f"/v1/flows/{flow['_id']}", {**flow, "_integrationId": TEMPLATES})
        assert (await b.ask("GET", f"/v1/integrations/{ACME.id('integrations')}/flows")).status == 204
        assert len(await b.get(f"/integrations/{TEMPLATES}/flows")) == 3


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"name": None}, 422, "missing_required_field", "name"),
        ({"name": ""}, 422, "missing_required_field", "name"),
        ({"name": "x" * 256}, 422, "invalid_field", "name"),
        ({"name": 7}, 422, "invalid_field", "name"),
        ({"_integrationId": "0" * 24}, 422, "invalid_ref", "_integrationId"),
        ({"settings": "text"}, 422, "invalid_field", "settings"),
        ({"schedule": "0 2 * * *"}, 422, "invalid_field", "schedule"),
        ({"schedule": "0 0 2 ? * *"}, 422, "invalid_field", "schedule"),
        ({"schedule": 2}, 422, "invalid_field", "schedule"),
        ({"pageProcessors": [{}], "routers": [{}]}, 422, "invalid_field", "routers"),
        ({"_exportId": "0" * 24}, 422, "invalid_ref", "_exportId"),
        ({"pageProcessors": [{"type": "import", "_importId": "0" * 24}]}, 422, "invalid_ref", "_importId"),
    ],
)
async def test_a_flow_that_breaks_a_rule_is_refused_and_changes_nothing(
    change: dict[str, Any], status: int, code: str, field: str
) -> None:
    async with bench() as b:
        for method, path in (("POST", "/v1/flows"), ("PUT", f"/v1/flows/{SIMPLE}")):
            reply = await b.ask(method, path, {**FLOW, **change})
            assert (reply.status, reply.code, reply.body["errors"][0]["field"]) == (status, code, field)
        assert b.simulator.world.effects == []


@pytest.mark.parametrize("raw", ["{", "[]", "7"])
async def test_a_body_that_is_no_object_is_400(raw: str) -> None:
    async with bench() as b:
        headers = {"Authorization": "Bearer sim-acme-us"}
        async with b.session.post(f"{b.url}/v1/flows", data=raw, headers=headers) as answer:
            assert answer.status == 400


async def test_a_flow_is_created_from_a_document_with_ready_made_parts() -> None:
    async with bench() as b:
        parts = {"_exportId": ACME.id("exports", "GitHub events"), "_importId": ACME.id("imports", "Slack message")}
        reply = await b.ask("POST", "/v1/flows", {**FLOW, **parts})
        assert reply.status == 201
        assert reply.body.items() >= {**FLOW, **parts, "disabled": False}.items()
        assert [(flow["_id"], flow["_sourceId"]) for flow in b.flows_of()] == [(reply.body["_id"], None)]


async def test_a_patch_changes_listed_fields_only() -> None:
    async with bench() as b:
        path = f"/v1/flows/{SIMPLE}"
        good = [{"op": "replace", "path": "/disabled", "value": True}, {"op": "remove", "path": "/timezone"}]
        reply = await b.ask("PATCH", path, good)
        assert (reply.status, reply.text) == (204, "")
        flow = await b.get(f"/flows/{SIMPLE}")
        assert (flow["disabled"], "timezone" in flow) == (True, False)
        assert flow["lastModified"] == "2027-01-15T08:00:00.000Z"
        for bad in ([{"op": "replace", "path": "/settings", "value": {}}], [{"op": "move", "path": "/name"}], ["x"]):
            assert (await b.ask("PATCH", path, bad)).code == "invalid_field"
        assert (await b.ask("PATCH", path, {})).status == 400
        assert len(b.effects("patch")) == 1


async def test_a_deleted_flow_is_gone() -> None:
    async with bench() as b:
        assert (await b.ask("DELETE", f"/v1/flows/{SIMPLE}")).status == 204
        assert (await b.ask("GET", f"/v1/flows/{SIMPLE}")).status == 404
        assert (await b.ask("DELETE", f"/v1/flows/{SIMPLE}")).status == 404
        assert len(await b.get(f"/integrations/{TEMPLATES}/flows")) == 1


@pytest.mark.parametrize(
    ("knobs", "sent", "stored"),
    [
        (Knobs(name_strip=True), {"name": "  Nightly "}, {"name": "Nightly"}),
        (Knobs(name_length=5), {"name": "Nightly"}, {"name": "Night"}),
        (
            Knobs(settings_as_text=True),
            {"settings": {"a": 1, "b": [True, None], "c": "x"}},
            {"settings": {"a": "1", "b": ["true", None], "c": "x"}},
        ),
        (Knobs(create_disabled=True), {}, {"disabled": True}),
    ],
)
async def test_a_knob_makes_the_server_store_something_else(
    knobs: Knobs, sent: dict[str, Any], stored: dict[str, Any]
) -> None:
    async with bench(knobs) as b:
        reply = await b.ask("POST", "/v1/flows", {**FLOW, **sent})
        assert reply.body.items() >= stored.items()


async def test_a_masked_setting_is_kept_and_never_shown() -> None:
    async with bench(Knobs(masked_setting="key")) as b:
        made = await b.ask("POST", "/v1/flows", {**FLOW, "settings": {"key": "secret", "size": 1}})
        path = f"/v1/flows/{made.body['_id']}"
        shown = [
            made.body,
            (await b.ask("GET", path)).body,
            (await b.ask("PUT", path, {**FLOW, "settings": {"key": "x"}})).body,
        ]
        assert [flow["settings"]["key"] for flow in shown] == ["******"] * 3
        assert [effect["body"]["settings"]["key"] for effect in b.effects("create")] == ["secret"]


async def test_one_enabled_flow_too_many_is_an_entitlement_reached() -> None:
    async with bench(Knobs(enabled_flows=3, entitlement_status=402)) as b:
        assert (await b.ask("POST", "/v1/flows", FLOW)).status == 201
        refused = await b.ask("POST", "/v1/flows", FLOW)
        assert (refused.status, refused.code) == (402, "entitlement_reached")
        assert (await b.ask("POST", "/v1/flows", {**FLOW, "disabled": True})).status == 201


async def test_the_state_is_saved_and_loaded_whole() -> None:
    async with bench() as b:
        flow = await b.clone()
        await b.ask("PUT", f"/v1/flows/{flow['_id']}", {**flow, "disabled": False})
        await b.ask("POST", f"/v1/flows/{flow['_id']}/run", {})
        saved = (await b.ask("GET", "/_simulator/state")).text
        assert type(b.simulator.world).load(json.loads(saved)).dump() == json.loads(saved)
