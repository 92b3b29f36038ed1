"""What a tenant has besides its flow: each is read, merged and written by a step of its own."""

from typing import Any

import pytest

from deployer.simulator import Rule
from deployer.simulator.resources import references
from deployer.simulator.templates import SIMPLE
from deployer.simulator.world import Document, iso
from tests.engine.stage import US, Stage, template


@pytest.fixture(autouse=True)
def wants_resources(stage: Stage) -> None:
    stage.manifest["integration"] = {"settings": {"region": "${tenant.values.region}"}}
    stage.manifest["exports"] = {name_of(stage, "exports"): {"settings": {"pageSize": 50}}}
    stage.manifest["imports"] = {id_of(stage, "imports"): {"settings": {"channel": "#${tenant.name}"}}}


def id_of(stage: Stage, kind: str) -> str:
    flow = stage.simulator.world.accounts[US].documents["flows"][template(US, SIMPLE)]
    return next(key for found, key in references(flow) if found == kind)


def name_of(stage: Stage, kind: str) -> str:
    return str(stage.simulator.world.accounts[US].documents[kind][id_of(stage, kind)]["name"])


def part(stage: Stage, kind: str, name: str = "acme") -> Document:
    """Return the copy that a tenant's flow uses."""
    [key] = [key for found, key in references(stage.flow(name)) if found == kind]
    return stage.simulator.world.accounts[US].documents[kind][key]


def integration(stage: Stage, name: str = "acme") -> Document:
    return stage.simulator.world.accounts[US].documents["integrations"][stage.integration(name)]


def settings(stage: Stage, name: str = "acme") -> list[Any]:
    documents = integration(stage, name), part(stage, "exports", name), part(stage, "imports", name)
    return [document.get("settings") for document in documents]


def change(stage: Stage, kind: str, document: Document, **fields: Any) -> None:  # noqa: ANN401 - JSON
    """Let somebody else change a resource."""
    stage.simulator.world.accounts[US].keep(kind, {**document, **fields, "lastModified": iso(4_000_000_000)})


def test_each_tenants_own_values_go_into_its_integration_and_its_copies(stage: Stage) -> None:
    before = stage.simulator.world.accounts[US].documents["exports"][id_of(stage, "exports")]
    assert stage.apply().code == 0
    for name, who in stage.tenants.items():
        assert settings(stage, name) == [{"region": who.row()["region"]}, {"pageSize": 50}, {"channel": f"#{name}"}]
    assert stage.simulator.world.accounts[US].documents["exports"][id_of(stage, "exports")] == before
    assert part(stage, "exports")["name"] == before["name"], "all else is as it was"


def test_a_second_apply_sends_only_reads(stage: Stage) -> None:
    stage.apply()
    stage.forget_requests()
    assert set(stage.apply().document["counts"].items()) >= {("no_change", 3), ("done", 0)}
    assert stage.writes == []


def test_a_changed_value_is_a_step_of_its_own_and_leaves_the_flow_alone(stage: Stage) -> None:
    stage.apply()
    stage.forget_requests()
    stage.manifest["exports"][name_of(stage, "exports")]["settings"]["pageSize"] = 80
    planned = stage.plan()["acme"]
    path = f"exports.{name_of(stage, 'exports')}.settings.pageSize"
    assert planned["action"] == "update"
    assert {change["path"]: change["to"] for change in planned["changes"] if change["verdict"] == "update"} == {
        path: 80
    }
    assert stage.apply().code == 0
    assert stage.writes == ["exports.put"] * 3
    assert part(stage, "exports")["settings"] == {"pageSize": 80}


def test_what_is_not_ours_in_a_resource_stays(stage: Stage) -> None:
    change(stage, "integrations", integration(stage), settings={"theirs": 1}, flowGroupings=[{"name": "A"}])
    stage.apply()
    assert integration(stage)["flowGroupings"] == [{"name": "A"}]
    assert integration(stage)["settings"]["theirs"] == 1
    change(stage, "exports", part(stage, "exports"), settings={"pageSize": 50, "mine": True}, name="Renamed")
    stage.manifest["exports"][name_of(stage, "exports")]["settings"]["pageSize"] = 80
    assert stage.apply("--allow", "many-updates").code == 0
    assert part(stage, "exports")["settings"] == {"pageSize": 80, "mine": True}
    assert part(stage, "exports")["name"] == "Renamed"


def test_a_value_that_stands_in_an_integration_already_is_a_persons_choice(stage: Stage) -> None:
    change(stage, "integrations", integration(stage), settings={"region": "mine"})
    planned = stage.plan()
    assert planned["acme"]["action"] == "blocked"
    assert "integration.settings.region" in planned["acme"]["reason"]
    assert planned["globex"]["action"] == "create"
    assert stage.apply("--theirs", "acme").code == 0
    assert integration(stage)["settings"] == {"region": "mine"}


def test_drift_of_a_resource_is_told_and_left(stage: Stage) -> None:
    stage.apply()
    change(stage, "imports", part(stage, "imports"), settings={"channel": "#other"})
    planned = stage.plan()["acme"]
    assert planned["action"] == "no_change"
    assert f"imports.{name_of(stage, 'imports')}.settings.channel" in planned["reason"] or "drift" in planned["reason"]
    assert "#other" in stage.run("drift").out


def test_a_name_that_the_template_does_not_use_blocks_with_a_hint(stage: Stage) -> None:
    name = name_of(stage, "exports")
    stage.manifest["exports"] = {f"{name}s": {"settings": {"a": 1}}}
    assert f'did you mean "{name}"' in stage.plan()["acme"]["reason"]


def test_a_copy_that_the_flow_uses_no_more_blocks_its_tenant(stage: Stage) -> None:
    stage.apply()
    account = stage.simulator.world.accounts[US]
    account.drop("exports", part(stage, "exports")["_id"])
    stage.manifest["exports"][name_of(stage, "exports")]["settings"]["pageSize"] = 80
    planned = stage.plan()
    assert planned["acme"]["action"] == "blocked"
    assert "uses no copy" in planned["acme"]["reason"]
    assert planned["globex"]["action"] == "update"


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("route", ["integrations.put", "exports.put", "imports.put"])
def test_a_lost_answer_is_found_out_about_and_nothing_is_made_twice(stage: Stage, route: str, applied: bool) -> None:
    stage.befall(Rule(action="lose", route=route, applied=applied, nth=1))
    assert stage.apply().code == 0
    for name, who in stage.tenants.items():
        assert settings(stage, name) == [{"region": who.row()["region"]}, {"pageSize": 50}, {"channel": f"#{name}"}]
    assert len(stage.effects("clone")) == 3


def test_a_value_that_the_manifest_drops_is_as_it_was_before(stage: Stage) -> None:
    change(stage, "integrations", integration(stage), settings={"theirs": 1})
    stage.apply()
    del stage.manifest["integration"]
    assert stage.apply("--allow", "many-updates").code == 0
    assert integration(stage)["settings"] == {"theirs": 1}


def test_a_rollback_puts_resources_back(stage: Stage) -> None:
    stage.apply()
    stage.manifest["exports"][name_of(stage, "exports")]["settings"]["pageSize"] = 80
    assert stage.apply().code == 0
    assert stage.run("rollback", "--yes").code == 0
    assert part(stage, "exports")["settings"] == {"pageSize": 50}


def test_a_rollback_puts_an_integration_back_and_leaves_what_others_changed(stage: Stage) -> None:
    change(stage, "integrations", integration(stage), settings={"theirs": 1})
    stage.apply()
    change(stage, "integrations", integration(stage), settings={**integration(stage)["settings"], "theirs": 2})
    assert stage.run("rollback", "--yes").code == 0
    assert integration(stage)["settings"] == {"theirs": 2}
    assert stage.flow()["disabled"]


def test_a_rollback_asks_where_somebody_changed_the_same_setting_since(stage: Stage) -> None:
    stage.apply()
    stage.manifest["imports"] = {id_of(stage, "imports"): {"settings": {"channel": "#new"}}}
    stage.apply("--allow", "many-updates")
    change(stage, "imports", part(stage, "imports"), settings={"channel": "#theirs"})
    assert stage.run("rollback", "--yes").code == 3
    assert part(stage, "imports")["settings"] == {"channel": "#theirs"}
    assert part(stage, "imports", "globex")["settings"] == {"channel": "#globex"}


def test_exports_of_a_template_from_a_file_are_refused(stage: Stage) -> None:
    (stage.directory).mkdir(exist_ok=True)
    (stage.directory / "flow.json").write_text('{"name": "Flow"}', "utf-8")
    stage.manifest["template"] = {"file": "flow.json", "id": "flow"}
    ended = stage.run("validate")
    assert ended.code == 2
    assert "exports: needs template.flow" in ended.err


def test_a_rehearsal_knows_the_resources_and_writes_none(stage: Stage) -> None:
    stage.apply()
    stage.manifest["exports"][name_of(stage, "exports")]["settings"]["pageSize"] = 80
    stage.forget_requests()
    ended = stage.run("rehearse")
    assert (ended.code, stage.writes) == (0, [])
    assert "3 to update" in ended.out or "3 done" in ended.out, ended.out
