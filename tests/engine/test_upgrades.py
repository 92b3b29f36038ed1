"""A new revision of the template is carried into what was deployed from it, and what is the tenants' own stays."""

from typing import Any

import pytest

from deployer.simulator import Rule
from deployer.simulator.resources import references
from deployer.simulator.templates import ORCHESTRATED
from deployer.simulator.world import Document, iso
from tests.engine.stage import US, Stage, template

LATER = iso(4_000_000_000)


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    """Three tenants have the flow with two page generators."""
    stage.use_orchestrated()
    assert stage.apply().code == 0
    stage.forget_requests()
    return stage


def documents(stage: Stage, kind: str) -> dict[str, Document]:
    return stage.simulator.world.accounts[US].documents[kind]


def master(stage: Stage) -> Document:
    return documents(stage, "flows")[template(US, ORCHESTRATED)]


def named(stage: Stage, kind: str, name: str) -> Document:
    """Return a part of the template by its name."""
    return next(part for part in documents(stage, kind).values() if part["name"] == name and "_sourceId" not in part)


def change(stage: Stage, kind: str, document: Document, **fields: Any) -> None:  # noqa: ANN401 - JSON
    stage.simulator.world.accounts[US].keep(kind, {**document, **fields, "lastModified": LATER})


def copy_of(stage: Stage, kind: str, part: Document, tenant: str = "acme") -> Document:
    """Return the copy of a part that a tenant's flow uses."""
    used = {key for found, key in references(stage.flow(tenant)) if found == kind}
    [copy] = [
        documents(stage, kind)[key] for key in used if documents(stage, kind)[key].get("_sourceId") == part["_id"]
    ]
    return copy


def test_a_changed_export_goes_into_each_tenants_copy_and_nowhere_else(deployed: Stage) -> None:
    part = named(deployed, "exports", "New trialers")
    change(deployed, "exports", part, http={"method": "GET", "relativeURI": "/v2/trialers"})
    planned = deployed.plan()
    assert [tenant["action"] for tenant in planned.values()] == ["update"] * 3
    deployed.forget_requests()
    assert deployed.apply().code == 0
    assert deployed.writes == ["exports.put"] * 3
    for tenant in deployed.tenants:
        assert copy_of(deployed, "exports", part, tenant)["http"]["relativeURI"] == "/v2/trialers"
    assert {deployed.plan()[name]["action"] for name in deployed.tenants} == {"no_change"}


def test_what_a_tenant_changed_in_its_copy_stays(deployed: Stage) -> None:
    part = named(deployed, "exports", "New trialers")
    copy = copy_of(deployed, "exports", part)
    change(deployed, "exports", copy, name="Ours", http={**copy["http"], "method": "POST"}, note=1)
    change(deployed, "exports", part, http={"method": "GET", "relativeURI": "/v2/trialers"})
    assert deployed.apply().code == 0
    after = copy_of(deployed, "exports", part)
    assert (after["name"], after["note"]) == ("Ours", 1)
    assert after["http"] == {"method": "POST", "relativeURI": "/v2/trialers"}


@pytest.mark.parametrize(("choice", "uri"), [("--ours", "/v2/trialers"), ("--theirs", "/mine")])
def test_the_same_field_changed_on_both_sides_waits_for_a_choice(deployed: Stage, choice: str, uri: str) -> None:
    part = named(deployed, "exports", "New trialers")
    change(deployed, "exports", copy_of(deployed, "exports", part), http={"method": "GET", "relativeURI": "/mine"})
    change(deployed, "exports", part, http={"method": "GET", "relativeURI": "/v2/trialers"})
    planned = deployed.plan()
    assert planned["acme"]["action"] == "blocked"
    assert "exports.New trialers.http.relativeURI" in planned["acme"]["reason"]
    assert planned["globex"]["action"] == "update"
    deployed.apply()
    assert deployed.apply(choice, "acme").code == 0
    assert copy_of(deployed, "exports", part)["http"]["relativeURI"] == uri
    assert deployed.plan()["acme"]["action"] == "no_change"


def test_a_changed_setting_of_the_flow_itself_is_carried(deployed: Stage) -> None:
    change(deployed, "flows", master(deployed), runPageGeneratorsInParallel=True)
    assert deployed.apply().code == 0
    assert [deployed.flow(name)["runPageGeneratorsInParallel"] for name in deployed.tenants] == [True] * 3
    deployed.forget_requests()
    assert deployed.apply().document["counts"]["no_change"] == 3
    assert deployed.writes == []


def added(stage: Stage, name: str = "Look up invoices") -> Document:
    """Let the template use one more export."""
    lookup = named(stage, "exports", "Look up numFlows")
    part = {**lookup, "_id": f"{'0' * 16}aaaa{len(name):04d}", "name": name, "lastModified": LATER}
    stage.simulator.world.accounts[US].keep("exports", part)
    flow = master(stage)
    steps = [*flow["pageProcessors"], {"type": "export", "_exportId": part["_id"]}]
    change(stage, "flows", flow, pageProcessors=steps)
    return part


def test_an_added_step_is_copied_and_linked(deployed: Stage) -> None:
    part = added(deployed)
    assert deployed.apply().code == 0
    for tenant in deployed.tenants:
        copy = copy_of(deployed, "exports", part, tenant)
        assert (copy["name"], copy["_connectionId"]) != (part["name"], part["_connectionId"])
        assert copy["name"] == part["name"]
        last = deployed.flow(tenant)["pageProcessors"][-1]
        assert last == {"type": "export", "_exportId": copy["_id"]}
    copies = [each for each in documents(deployed, "exports").values() if each.get("_sourceId") == part["_id"]]
    assert len(copies) == 3
    assert deployed.plan()["acme"]["action"] == "no_change"


def test_a_removed_step_is_unlinked_and_its_copy_left(deployed: Stage) -> None:
    copy = deployed.flow()["pageProcessors"][0]["_exportId"]
    change(deployed, "flows", master(deployed), pageProcessors=master(deployed)["pageProcessors"][1:])
    before = len(deployed.flow()["pageProcessors"])
    assert deployed.apply().code == 0
    assert len(deployed.flow()["pageProcessors"]) == before - 1
    assert copy not in {key for _, key in references(deployed.flow())}
    assert copy in documents(deployed, "exports")


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("route", ["exports.clone", "exports.put", "flows.put"])
def test_a_lost_answer_of_an_upgrade_makes_nothing_twice(deployed: Stage, route: str, applied: bool) -> None:
    part = added(deployed)
    deployed.befall(Rule(action="lose", route=route, applied=applied, nth=1))
    assert deployed.apply().code == 0
    copies = [each for each in documents(deployed, "exports").values() if each.get("_sourceId") == part["_id"]]
    assert len(copies) == 3
    for tenant in deployed.tenants:
        assert copy_of(deployed, "exports", part, tenant)["name"] == part["name"]


def test_a_template_that_refers_to_another_script_is_a_matter_of_structure(deployed: Stage) -> None:
    part = named(deployed, "exports", "New trialers")
    change(deployed, "exports", part, hooks={"preSavePage": {"_scriptId": "5" * 24}})
    planned = deployed.plan()["acme"]
    assert planned["action"] == "blocked"
    assert planned["reason"].startswith("structure: ")
    assert "script" in planned["reason"]


def test_a_rollback_of_an_upgrade_puts_the_revision_before_back(deployed: Stage) -> None:
    part, gone = named(deployed, "exports", "New trialers"), named(deployed, "exports", "Extended trialers")
    before = {
        name: (deployed.flow(name)["pageProcessors"], copy_of(deployed, "exports", part, name)["http"])
        for name in deployed.tenants
    }
    change(deployed, "exports", part, http={"method": "GET", "relativeURI": "/v2/trialers"})
    added(deployed)
    assert deployed.apply().code == 0
    change(deployed, "exports", copy_of(deployed, "exports", gone), note="mine")
    assert deployed.run("rollback", "--yes").code == 0
    for name, (processors, http) in before.items():
        assert deployed.flow(name)["pageProcessors"] == processors
        assert copy_of(deployed, "exports", part, name)["http"] == http
    assert copy_of(deployed, "exports", gone)["note"] == "mine"
    assert deployed.plan()["acme"]["action"] == "update", "the template still has the new revision"


def test_a_rollback_leaves_what_was_the_same_before_and_knows_the_revision_again(deployed: Stage) -> None:
    part = named(deployed, "exports", "New trialers")
    new = {"method": "GET", "relativeURI": "/v2/trialers"}
    change(deployed, "exports", copy_of(deployed, "exports", part), http=new)
    change(deployed, "exports", part, http=new, pageSize=10)
    assert deployed.apply().code == 0
    assert deployed.run("rollback", "--yes").code == 0
    copies = [copy_of(deployed, "exports", part, name) for name in deployed.tenants]
    assert [copy["http"]["relativeURI"] for copy in copies] == ["/v2/trialers", "/trialers", "/trialers"]
    assert not any("pageSize" in copy for copy in copies)
    assert {tenant["action"] for tenant in deployed.plan().values()} == {"update"}


def test_a_wave_at_a_time_and_who_failed_is_carried_along_later(deployed: Stage) -> None:
    part = named(deployed, "exports", "New trialers")
    change(deployed, "exports", part, http={"method": "GET", "relativeURI": "/v2/trialers"})
    deployed.manifest["waves"] = {"sizes": [1, 2], "tolerance": 0}
    deployed.befall(Rule(action="refuse", route="exports.put", status=422, code="invalid_field", nth=1))
    assert deployed.apply().code == 6
    uris = [copy_of(deployed, "exports", part, name)["http"]["relativeURI"] for name in deployed.tenants]
    assert uris == ["/trialers"] * 3
    deployed.mend()
    assert deployed.run("resume", "--failed").code == 0
    uris = [copy_of(deployed, "exports", part, name)["http"]["relativeURI"] for name in deployed.tenants]
    assert uris == ["/v2/trialers"] * 3
