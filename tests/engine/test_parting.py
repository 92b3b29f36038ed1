"""Flows are deleted or forgotten only where somebody asks for it, one by one, and never anybody else's."""

import pytest

from deployer.simulator import Customer, Rule
from deployer.simulator.world import Document
from tests.engine.stage import US, Stage


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    assert stage.apply().code == 0
    stage.forget_requests()
    return stage


def test_a_flow_is_disabled_and_then_deleted_and_no_other(deployed: Stage) -> None:
    ended = deployed.run("delete", "--tenant", "acme", "--yes", "--json")
    assert ended.code == 0, ended.err
    assert deployed.writes == ["flows.put", "flows.delete"]
    assert deployed.flows("acme") == []
    assert len(deployed.flows("globex")) == len(deployed.flows("initech")) == 1
    assert ended.tenants["acme"]["action"] == "delete"
    assert ended.document["counts"]["done"] == 1
    assert "recycle" not in ended.err
    assert "keeps a deleted flow for 30 days" in ended.err


def test_a_deleted_tenant_that_is_still_in_the_list_is_made_again_by_the_next_apply(deployed: Stage) -> None:
    ended = deployed.run("delete", "--tenant", "acme", "--yes")
    assert "1 of them are in rollout.yaml: the next apply makes their flows again" in ended.err
    assert deployed.plan()["acme"]["action"] == "create"
    assert deployed.apply().code == 0
    assert len(deployed.flows("acme")) == 1


@pytest.mark.parametrize("waves", [{}, {"waves": {"sizes": [1, "100%"], "approve": True}}])
@pytest.mark.parametrize("command", ["delete", "detach"])
def test_where_nobody_is_left_there_is_nothing_to_do(deployed: Stage, command: str, waves: Document) -> None:
    assert deployed.run("detach", "--all", "--yes").code == 0
    deployed.manifest |= waves

    ended = [deployed.run(command, meant, "--yes") for meant in ("--all", "--absent")]

    assert [(each.code, "nothing to do" in each.out) for each in ended] == [(0, True)] * 2, ended


def test_a_label_that_nobody_has_is_an_error(deployed: Stage) -> None:
    ended = deployed.run("delete", "--label", "region=moon", "--yes")
    assert (ended.code, deployed.writes) == (2, [])
    assert "no tenant with such a label has a flow to delete" in ended.err


def test_nobody_named_is_an_error_and_never_everybody(deployed: Stage) -> None:
    ended = deployed.run("delete", "--yes")
    assert (ended.code, deployed.writes) == (2, [])
    assert "say --tenant, --label, --absent or --all" in ended.err


@pytest.mark.parametrize("verb", ["delete", "detach"])
def test_what_shows_each_tenant_parts_with_nobody(deployed: Stage, verb: str) -> None:
    deployed.tenants = {f"tenant-{number}": Customer(US, number) for number in range(12)}
    deployed.apply()

    said = deployed.run(verb, "--all", "--plan", "--allow", "many-deletes").out

    assert "(--plan -o table shows each)" in " ".join(said.split())
    assert "(--all" not in said
    assert deployed.run(verb, "--all", "--plan", "--allow", "many-deletes", "-o", "table").out.count("tenant-") == 12


@pytest.mark.parametrize("verb", ["delete", "detach"])
def test_a_typo_in_a_name_is_an_error(deployed: Stage, verb: str) -> None:
    ended = deployed.run(verb, "--tenant", "acmee", "--yes")
    assert (ended.code, deployed.writes) == (2, [])
    assert 'no flow of this tenant is known (did you mean "acme"?)' in ended.err


def test_who_left_the_list_is_only_shown_until_somebody_asks(deployed: Stage) -> None:
    gone = deployed.tenants.pop("initech")
    assert "1 not in manifest, left alone: initech (see deployer delete --absent)" in deployed.run("plan").out
    assert deployed.run("delete", "--absent", "--yes").code == 0
    assert deployed.simulator.world.accounts[US].flows(gone.id("integrations")) == []
    assert [len(deployed.flows(name)) for name in deployed.tenants] == [1, 1]
    assert "not in manifest" not in deployed.run("plan").out


def test_more_than_a_third_of_many_wants_to_be_allowed(stage: Stage) -> None:
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(12)}
    stage.apply()
    stage.forget_requests()
    ended = stage.run("delete", "--all", "--yes")
    assert (ended.code, stage.writes) == (6, [])
    assert "12 of 12 existing flows would be deleted, more than 30 %" in ended.err
    assert stage.run("delete", "--all", "--yes", "--allow", "many-deletes").code == 0
    assert not any(stage.flows(name) for name in stage.tenants)


@pytest.mark.parametrize("verb", ["delete", "detach"])
def test_the_plan_of_it_sends_only_reads(deployed: Stage, verb: str) -> None:
    ended = deployed.run(verb, "--tenant", "acme", "--plan")
    assert (ended.code, deployed.writes) == (0, [])
    assert f"1 to {verb}" in ended.out
    shown = deployed.run(verb, "--tenant", "acme", "--plan", "--json")
    assert [tenant["action"] for tenant in shown.tenants.values()] == [verb]


def test_a_flow_that_somebody_changed_is_left_unless_that_is_said(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")
    ended = deployed.run("delete", "--tenant", "acme", "--tenant", "globex", "--yes")
    assert (len(deployed.flows("acme")), len(deployed.flows("globex"))) == (1, 0)
    assert "timezone changed since it was deployed; --ours acme deletes it all the same" in ended.out
    assert deployed.run("delete", "--tenant", "acme", "--ours", "acme", "--yes").code == 0
    assert deployed.flows("acme") == []


@pytest.mark.parametrize("nth", [2, 3])  # before it is disabled, and before it is deleted
def test_a_flow_that_is_changed_between_plan_and_delete_is_left(deployed: Stage, nth: int) -> None:
    acme = deployed.flow("acme")["_id"]
    deployed.befall(Rule(action="edit", route="flows.get", nth=nth, flow=acme, fields={"timezone": "Asia/Tokyo"}))
    ended = deployed.run("delete", "--tenant", "acme", "--yes", "--json")
    assert ended.tenants["acme"]["outcome"] == "stale", ended.out
    assert deployed.flow("acme")["timezone"] == "Asia/Tokyo"


def test_a_flow_that_does_not_carry_our_marker_is_never_deleted(deployed: Stage) -> None:
    deployed.edit("acme", description="nobody's")
    ended = deployed.run("delete", "--tenant", "acme", "--yes")
    assert len(deployed.flows("acme")) == 1
    assert "does not carry our marker any more" in ended.err + ended.out


def test_a_flow_that_is_gone_already_is_forgotten(deployed: Stage) -> None:
    deployed.drop("acme")
    assert deployed.run("delete", "--tenant", "acme", "--yes").code == 0
    assert "flows.delete" not in deployed.writes
    assert deployed.plan()["acme"]["action"] == "create"


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_to_a_delete_is_found_out_about(deployed: Stage, applied: bool) -> None:
    deployed.befall(Rule(action="lose", route="flows.delete", applied=applied, nth=1))
    assert deployed.run("delete", "--tenant", "acme", "--yes").code == 0
    assert deployed.flows("acme") == []
    assert deployed.sent("flows.delete") == (1 if applied else 2)
    assert len(deployed.effects("delete")) == 1


def test_whoever_was_killed_in_a_delete_goes_on_with_resume(deployed: Stage) -> None:
    deployed.befall(Rule(action="stall", route="flows.delete", nth=1))
    with deployed.started("delete", "--all", "--yes") as process:
        deployed.await_requests("flows.delete")
        process.kill()
    deployed.mend()
    refused = deployed.run("delete", "--all", "--yes")
    assert refused.code == 6
    assert "is unfinished" in refused.err
    assert deployed.run("resume").code == 0
    assert not any(deployed.flows(name) for name in deployed.tenants)
    assert len(deployed.effects("delete")) == 3


def test_deletes_go_wave_by_wave_and_stop_where_too_many_fail(deployed: Stage) -> None:
    deployed.manifest["waves"] = {"sizes": [1, 2], "tolerance": 0}
    deployed.befall(Rule(action="refuse", route="flows.delete", status=422, code="invalid_field", nth=1))
    assert deployed.run("delete", "--all", "--yes").code == 6
    assert [len(deployed.flows(name)) for name in deployed.tenants] == [1, 1, 1]
    assert deployed.flow("globex")["disabled"] is False


def test_a_detached_flow_stays_as_it_is_and_is_ours_no_more(deployed: Stage) -> None:
    before = deployed.flow("acme")
    assert deployed.run("detach", "--tenant", "acme", "--yes").code == 0
    after = deployed.flow("acme")
    assert "Managed by deployer" not in after.get("description", "")
    ignored = {"description", "lastModified"}
    assert {key: value for key, value in after.items() if key not in ignored} == {
        key: value for key, value in before.items() if key not in ignored
    }
    planned = deployed.plan()["acme"]
    assert planned["action"] == "blocked"
    assert "deployer adopt" in planned["reason"]


def test_a_flow_of_a_manifest_without_marker_is_forgotten_without_a_write(stage: Stage) -> None:
    stage.manifest["marker"] = "none"
    stage.apply()
    stage.forget_requests()
    assert stage.run("detach", "--all", "--yes").code == 0
    assert stage.writes == []
    assert stage.plan()["acme"]["action"] == "blocked"


def test_a_detached_flow_is_taken_back_by_adopt(deployed: Stage) -> None:
    flow = deployed.flow("acme")["_id"]
    deployed.run("detach", "--tenant", "acme", "--yes")
    ended = deployed.run("adopt", "acme", flow, "--yes")
    assert ended.code == 0, ended.err
    assert "Managed by deployer" in deployed.flow("acme")["description"], "whoever lost the journal finds it again"
    assert deployed.plan()["acme"]["action"] == "no_change"
    assert len(deployed.flows("acme")) == 1


def test_adopt_asks_where_the_values_differ(deployed: Stage) -> None:
    flow = deployed.flow("acme")["_id"]
    deployed.run("detach", "--tenant", "acme", "--yes")
    deployed.edit("acme", timezone="Asia/Tokyo")
    assert "conflict in timezone" in deployed.run("adopt", "acme", flow, "--yes").out
    assert deployed.run("adopt", "acme", flow, "--theirs", "--yes").code == 0
    assert deployed.flow("acme")["timezone"] == "Asia/Tokyo"


def test_adopt_refuses_a_flow_of_another_and_a_tenant_that_has_one(deployed: Stage) -> None:
    strange = deployed.flow("globex")["_id"]
    assert "has flow" in deployed.run("adopt", "acme", strange, "--yes").err
    deployed.run("detach", "--tenant", "acme", "--yes")
    ended = deployed.run("adopt", "acme", strange, "--yes")
    assert ended.code == 6
    assert "is not one of acme's integration" in ended.err
    assert len(deployed.flows("acme")) == 1


@pytest.mark.parametrize(("verb", "said"), [("delete", "recycle bin"), ("detach", "adopt takes them back")])
def test_neither_is_rolled_back(deployed: Stage, verb: str, said: str) -> None:
    deployed.run(verb, "--tenant", "acme", "--yes")
    ended = deployed.run("rollback", "--yes")
    assert ended.code == 6
    assert said in ended.err
