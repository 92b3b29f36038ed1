"""Finding again what is ours: after a lost journal, a deletion, a move, a rename; and taking over what was not."""

import shutil

import pytest

from deployer.simulator import Customer
from tests.engine.stage import US, Stage, template


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    """Return a stage on which everything is deployed, with the ledger emptied."""
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def _lose_journal(stage: Stage) -> None:
    """Go on from a machine that has neither the journal nor a word of it."""
    shutil.rmtree(stage.directory / ".deployer")
    shutil.rmtree(stage.directory.parent / "state")


def test_after_the_journal_is_lost_flows_are_found_by_their_marker(deployed: Stage) -> None:
    before = deployed.flow()["_id"]
    _lose_journal(deployed)

    planned = deployed.plan()
    ended = deployed.apply()

    assert {tenant["action"] for tenant in planned.values()} == {"adopt"}
    assert (ended.code, deployed.writes) == (0, [])
    assert deployed.flow()["_id"] == before
    assert {tenant["action"] for tenant in deployed.plan().values()} == {"no_change"}


def test_after_the_journal_is_lost_nothing_is_run_again(stage: Stage) -> None:
    stage.run_flows()
    stage.apply()
    _lose_journal(stage)

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert len(stage.effects("run")) == 3


def test_an_adopted_flow_that_differs_waits_for_a_choice(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")
    _lose_journal(deployed)

    blocked = deployed.apply()
    chosen = deployed.apply("--ours", "acme")

    assert blocked.tenants["acme"]["outcome"] == "blocked"
    assert "timezone" in blocked.tenants["acme"]["error"]["message"]
    assert chosen.code == 0
    assert deployed.flow("acme")["timezone"] == "America/New_York"


def test_an_update_after_an_adoption_keeps_what_others_own(deployed: Stage) -> None:
    deployed.edit("acme", note="mine")
    _lose_journal(deployed)
    deployed.apply()
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    ended = deployed.apply()

    assert ended.code == 0
    assert (deployed.flow()["note"], deployed.flow()["settings"]["batchSize"]) == ("mine", 300)


def test_a_flow_deleted_outside_is_blocked_and_made_again_only_on_request(deployed: Stage) -> None:
    deployed.drop("acme")

    blocked = deployed.apply()
    again = deployed.apply("--recreate", "acme")

    assert blocked.tenants["acme"]["outcome"] == "blocked"
    assert "--recreate acme" in blocked.tenants["acme"]["error"]["message"]
    assert again.code == 0, again.err
    assert deployed.sent("flows.clone") == 1
    assert deployed.flow("acme")["settings"] == {"region": "us-east", "batchSize": 200}
    assert {tenant["action"] for tenant in deployed.plan().values()} == {"no_change"}


def _strange(stage: Stage, **fields: object) -> str:
    """Let a person have made a flow for acme like the template; return its id."""
    who = stage.tenants["acme"]
    account = stage.simulator.world.accounts[who.account]
    parts = {"_exportId": who.id("exports", "GitHub events"), "_importId": who.id("imports", "Slack message")}
    flow = {**account.find("flows", template()), **parts, "_id": "a" * 24, "name": "By hand", **fields}
    stage.keep("acme", flow)
    return str(flow["_id"])


def test_a_flow_that_somebody_moved_is_left_there_and_made_again_only_on_request(deployed: Stage) -> None:
    moved = {**deployed.flow(), "_integrationId": Customer(US, 9).id("integrations")}
    world = deployed.simulator.world.accounts[US]
    world.keep("flows", moved)

    planned = deployed.plan()["acme"]
    assert (planned["action"], planned["reason"].split(";")[0]) == (
        "blocked",
        f"moved outside: flow {moved['_id']} lies in integration {moved['_integrationId']} now",
    )
    assert deployed.flows() == []

    ended = deployed.apply("--recreate", "acme")

    assert (ended.code, len(deployed.flows())) == (0, 1), ended.err
    assert world.find("flows", moved["_id"]) == moved
    assert {tenant["action"] for tenant in deployed.plan().values()} == {"no_change"}


def test_a_new_template_makes_no_flow_beside_those_of_the_one_before_unless_that_is_meant(deployed: Stage) -> None:
    deployed.use_orchestrated()

    ended = deployed.apply()

    assert (ended.code, [len(deployed.flows(name)) for name in deployed.tenants]) == (6, [1, 1, 1])
    assert f"the template was {template()} until now, and 3 flows of it are there" in ended.err
    assert deployed.apply("--allow", "new-template").code == 0
    deployed.tenants["hooli"] = Customer(US, 7)
    assert deployed.apply().code == 0  # it is the template now


def test_a_new_template_is_rolled_out_where_nothing_is_left_of_the_one_before(deployed: Stage) -> None:
    assert deployed.run("delete", "--all", "--yes", "--allow", "many-deletes").code == 0
    deployed.use_orchestrated()

    assert deployed.apply().code == 0


def test_a_clone_by_hand_blocks_and_nothing_is_cloned_beside_it(stage: Stage) -> None:
    flow = _strange(stage, _sourceId=template())

    ended = stage.apply()

    assert ended.code == 3
    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert flow in ended.tenants["acme"]["error"]["message"]
    assert stage.sent("flows.clone") == 2
    assert stage.flow("acme")["_id"] == flow


def test_a_flow_that_has_nothing_to_do_with_the_template_is_left_alone(stage: Stage) -> None:
    _strange(stage)
    before = stage.flow("acme")

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert before in stage.flows("acme")
    assert len(stage.flows("acme")) == 2


def test_a_flow_of_the_wanted_name_is_taken_over_where_the_manifest_says_so(stage: Stage) -> None:
    stage.manifest["adopt"] = "name"
    flow = _strange(stage, name=f"Orders: {stage.tenants['acme'].name}")

    blocked = stage.apply()
    ended = stage.apply("--ours", "acme")

    assert blocked.tenants["acme"]["outcome"] == "blocked"  # it differs: a person chooses
    assert ended.code == 0, ended.err
    assert stage.flow("acme")["_id"] == flow
    assert stage.flow("acme")["settings"]["batchSize"] == 200
    assert {tenant["action"] for tenant in stage.plan().values()} == {"no_change"}


def test_a_flow_of_the_wanted_name_that_another_template_has_is_not_taken_over(deployed: Stage) -> None:
    before = deployed.flow()
    deployed.manifest["name"] = "usage"
    deployed.use_orchestrated()
    deployed.manifest["adopt"] = "name"

    planned = deployed.plan()["acme"]
    deployed.apply()

    assert planned["action"] == "blocked"
    assert "with the marker of another template or tenant" in planned["reason"]
    assert deployed.flow() == before


def test_two_flows_of_the_wanted_name_block(stage: Stage) -> None:
    stage.manifest["adopt"] = "name"
    name = f"Orders: {stage.tenants['acme'].name}"
    ids = [_strange(stage, name=name), _strange(stage, name=name, _id="f" * 24)]

    reason = stage.plan()["acme"]["reason"]

    assert all(flow in reason for flow in ids)


def test_a_flow_named_by_its_id_is_taken_over_where_the_manifest_says_so(stage: Stage) -> None:
    stage.manifest["adopt"] = "id"
    flow = _strange(stage, _sourceId=template())
    stage.columns["acme"] = {"id": flow}

    ended = stage.apply("--ours", "acme")

    assert ended.code == 0, ended.err
    assert stage.flow("acme")["_id"] == flow
    assert stage.flow("acme")["name"] == f"Orders: {stage.tenants['acme'].name}"
    assert stage.sent("flows.clone") == 2


def test_a_tenant_that_moved_to_another_integration_is_blocked(deployed: Stage) -> None:
    deployed.tenants["acme"] = Customer("acme-us", 15)

    planned = deployed.plan()["acme"]

    assert planned["action"] == "blocked"
    assert planned["reason"].startswith("moved: ")


def test_a_tenant_under_a_new_name_keeps_its_flow(deployed: Stage) -> None:
    deployed.tenants = {("ajax" if name == "acme" else name): who for name, who in deployed.tenants.items()}

    ended = deployed.apply()
    again = deployed.plan()

    assert (ended.code, deployed.writes) == (0, [])
    assert len(deployed.flows("ajax")) == 1
    assert again["ajax"]["action"] == "no_change"


def test_an_old_name_is_free_for_another_tenant_once_its_flow_is_known_under_the_new_one(deployed: Stage) -> None:
    deployed.tenants = {"ajax": deployed.tenants["acme"], "acme": Customer("acme-us", 15)}

    first = deployed.apply()
    second = deployed.apply()

    assert first.tenants["acme"]["outcome"] == "blocked"
    assert second.code == 0
    assert (len(deployed.flows("acme")), len(deployed.flows("ajax"))) == (1, 1)


def test_a_tenant_that_left_the_list_is_shown_and_left_alone(deployed: Stage) -> None:
    before = deployed.flow("acme")
    gone = deployed.tenants.pop("acme")

    ended = deployed.run("plan")
    deployed.apply()

    assert "not in manifest" in ended.out
    assert "acme" in ended.out
    assert deployed.simulator.world.accounts["acme-us"].flows(gone.id("integrations")) == [before]


def test_a_newcomer_is_deployed_beside_those_that_are_there(deployed: Stage) -> None:
    deployed.tenants["umbrella"] = Customer("acme-us", 15)

    ended = deployed.apply()

    assert (ended.code, deployed.sent("flows.clone")) == (0, 1)
    assert len(deployed.flows("umbrella")) == 1


def test_of_two_flows_with_our_marker_the_older_is_ours_and_the_other_is_kept(deployed: Stage) -> None:
    ours = deployed.flow("acme")
    copy = {**ours, "_id": "f" * 24, "createdAt": "2999-01-01T00:00:00.000Z"}
    deployed.keep("acme", copy)
    _lose_journal(deployed)

    ended = deployed.apply()

    assert ended.tenants["acme"]["flow"] == ours["_id"]
    assert deployed.writes == []
    assert copy in deployed.flows("acme")
