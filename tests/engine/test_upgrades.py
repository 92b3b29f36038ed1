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
    stage.note_edit(US, kind, document["_id"])


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
    assert f"exports.New trialers was last changed at {LATER} by Robin Editor" in deployed.run("plan").out.replace(
        "\n", " "
    )
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


def own_step(stage: Stage, place: int, tenant: str = "acme") -> str:
    """Let a tenant put a step of its own into its flow; return the import that it uses."""
    lookup = next(iter(documents(stage, "imports").values()))
    own = {
        **{key: value for key, value in lookup.items() if key != "_sourceId"},
        "_id": "0" * 20 + "beef",
        "name": "Own",
    }
    stage.simulator.world.accounts[US].keep("imports", own)
    steps = [*stage.flow(tenant)["pageProcessors"]]
    steps.insert(place, {"type": "import", "_importId": own["_id"]})
    stage.edit(tenant, pageProcessors=steps)
    return str(own["_id"])


@pytest.mark.parametrize("place", [0, 3])
def test_a_step_that_a_tenant_added_stays_where_it_is(deployed: Stage, place: int) -> None:
    own = own_step(deployed, place)
    part = added(deployed)
    assert deployed.apply().code == 0
    steps = deployed.flow()["pageProcessors"]
    assert steps[place] == {"type": "import", "_importId": own}
    assert steps[-1]["_exportId"] == copy_of(deployed, "exports", part)["_id"]
    assert deployed.plan()["acme"]["action"] == "no_change"


def test_what_a_tenant_changed_in_a_step_stays_and_what_the_template_changed_comes(deployed: Stage) -> None:
    steps = [
        {**step, "mine": 1} if place == 1 else step for place, step in enumerate(deployed.flow()["pageProcessors"])
    ]
    deployed.edit("acme", pageProcessors=steps)
    flow = master(deployed)
    changed = [{**step, "proceedOnFailure": True} for step in flow["pageProcessors"]]
    change(deployed, "flows", flow, pageProcessors=changed)
    assert deployed.apply().code == 0
    after = deployed.flow()["pageProcessors"]
    assert after[1]["mine"] == 1
    assert all(step["proceedOnFailure"] for step in after)


def test_a_step_added_in_the_middle_comes_there_where_the_tenant_has_no_step_of_its_own(deployed: Stage) -> None:
    added(deployed)
    flow = master(deployed)
    *steps, last = flow["pageProcessors"]
    change(deployed, "flows", flow, pageProcessors=[*steps[:2], last, *steps[2:]])
    own_step(deployed, 5, "globex")
    planned = deployed.plan()
    assert planned["globex"]["action"] == "blocked"
    assert planned["globex"]["reason"].startswith("structure in pageProcessors")
    deployed.apply()
    copies = [part["_id"] for part in documents(deployed, "exports").values() if part["name"] == "Look up invoices"]
    assert deployed.flow("acme")["pageProcessors"][2]["_exportId"] in copies


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


def test_the_copies_of_a_flow_that_is_gone_are_left_by_a_rollback(deployed: Stage) -> None:
    part = new_uri(deployed)
    assert deployed.apply().code == 0
    copy = copy_of(deployed, "exports", part)
    deployed.drop("acme")
    ended = deployed.run("rollback", "--yes", "--json")
    assert ended.tenants["acme"]["outcome"] == "no_change"
    assert documents(deployed, "exports")[copy["_id"]]["http"]["relativeURI"] == "/v2/trialers"


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


def pin(stage: Stage, **more: str) -> None:
    stage.manifest["pins"] = [
        {"tenant": "acme", "revision": revision(stage), "until": "2999-01-01", "by": "kim", "why": "audit", **more}
    ]


def revision(stage: Stage, tenant: str = "acme") -> str:
    return str(stage.status()[tenant]["revision"])


def new_uri(stage: Stage) -> Document:
    """Let the template have another address, and return the part that has."""
    part = named(stage, "exports", "New trialers")
    change(stage, "exports", part, http={"method": "GET", "relativeURI": "/v2/trialers"})
    return part


def test_a_pinned_tenant_stays_on_its_revision_and_the_others_go_on(deployed: Stage) -> None:
    pin(deployed)
    part, before = new_uri(deployed), revision(deployed)
    planned = deployed.plan()
    assert planned["acme"]["action"] == "no_change"
    assert f"pinned to rev:{before[:6]} until 2999-01-01 by kim: audit" in planned["acme"]["reason"]
    assert deployed.apply().code == 0
    assert copy_of(deployed, "exports", part)["http"]["relativeURI"] == "/trialers"
    assert copy_of(deployed, "exports", part, "globex")["http"]["relativeURI"] == "/v2/trialers"
    revisions = deployed.run("status", "--json").document["revisions"]
    assert revisions == {revision(deployed, "globex"): 2, before: 1}
    assert f"1 on rev:{before[:6]}" in deployed.run("status").out


def test_a_pin_that_is_over_holds_nobody(deployed: Stage) -> None:
    pin(deployed, until="2020-01-01")
    part = new_uri(deployed)
    assert "was pinned" in deployed.plan()["acme"]["reason"]
    assert deployed.apply().code == 0
    assert copy_of(deployed, "exports", part)["http"]["relativeURI"] == "/v2/trialers"


def test_a_pin_of_a_tenant_that_is_not_there_yet_blocks_another_revision(stage: Stage) -> None:
    stage.manifest["pins"] = [
        {"tenant": "acme", "revision": "rev:abcdef", "until": "2999-01-01", "by": "kim", "why": "audit"}
    ]
    planned = stage.plan()
    assert planned["acme"]["action"] == "blocked"
    assert "the template has rev:" in planned["acme"]["reason"]
    assert planned["globex"]["action"] == "create"


def test_a_pin_of_nobody_is_an_error_with_its_place(stage: Stage) -> None:
    stage.manifest["pins"] = [{"tenant": "acmee", "revision": "abcdef", "until": "2999-01-01", "by": "k", "why": "a"}]
    ended = stage.run("plan")
    assert ended.code == 2
    assert 'pins[0].tenant: there is no tenant "acmee" (did you mean "acme"?)' in ended.err


def test_who_is_on_a_revision_is_left_out(deployed: Stage) -> None:
    pin(deployed)
    new_uri(deployed)
    deployed.apply()
    del deployed.manifest["pins"]
    now = revision(deployed, "globex")
    assert list(deployed.plan("--not-on", f"rev:{now[:8]}")) == ["acme"]
    assert deployed.apply("--not-on", now).document["counts"]["done"] == 1
    assert revision(deployed) == now


@pytest.mark.parametrize(("text", "said"), [("abcdef", "no flow is on rev:abcdef"), ("v2", "is no revision")])
def test_a_revision_that_nobody_has_is_an_error(deployed: Stage, text: str, said: str) -> None:
    ended = deployed.run("plan", "--not-on", text)
    assert ended.code == 2
    assert said in ended.err


def test_a_template_that_changes_between_two_waves_stops_before_the_next(deployed: Stage) -> None:
    new_uri(deployed)
    deployed.manifest["waves"] = {"sizes": [1, 2], "approve": True}
    assert deployed.apply().code == 5
    change(deployed, "flows", master(deployed), runPageGeneratorsInParallel=True)
    plan = deployed.run("status", "--json").document["plan"]
    assert deployed.run("approve", "--plan", plan).code == 0
    ended = deployed.run("resume")
    assert ended.code == 6
    assert "the template" in ended.err
    assert "changed since the plan" in ended.err


def test_a_rehearsal_of_an_upgrade_writes_nothing_and_tells_how_it_ends(deployed: Stage) -> None:
    added(deployed)
    deployed.forget_requests()
    ended = deployed.run("rehearse", "--json")
    assert (ended.code, deployed.writes) == (0, [])
    assert ended.document["counts"]["done"] == 3


def test_a_gate_that_compares_passes_an_upgrade_and_stops_one_that_somebody_changed(deployed: Stage) -> None:
    part = new_uri(deployed)
    added(deployed)
    deployed.manifest["waves"] = {"sizes": [1, 2], "verify": {"equal": True}, "bake": {"min": "1s"}}
    assert deployed.apply("--timeout", "500ms").code == 5
    copy = copy_of(deployed, "exports", part)
    assert copy["http"]["relativeURI"] == "/v2/trialers"
    change(deployed, "exports", copy, http={**copy["http"], "relativeURI": "/trialers"})
    ended = deployed.apply()
    assert ended.code == 6
    assert "exports.New trialers.http.relativeURI is not as it was written" in ended.document["reason"]
    change(deployed, "exports", copy)
    assert deployed.run("resume").code == 0
