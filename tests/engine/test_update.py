"""Updating what is deployed: only what differs, only what is ours."""

import json

import pytest

from deployer.simulator import Knobs, Rule
from tests.engine.stage import Stage


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    """Return a stage on which everything is deployed, with the ledger emptied."""
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def test_a_changed_value_is_written_with_one_put_a_tenant(deployed: Stage) -> None:
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    ended = deployed.apply()

    assert (ended.code, deployed.writes) == (0, ["flows.put"] * 3)
    assert deployed.flow()["settings"] == {"region": "us-east", "batchSize": 300}


def test_only_the_tenants_that_differ_are_written(deployed: Stage) -> None:
    deployed.columns["globex"] = {"region": "moon"}

    deployed.apply()

    assert deployed.writes == ["flows.put"]
    assert deployed.flow("globex")["settings"]["region"] == "moon"


def test_what_others_own_survives_an_update(deployed: Stage) -> None:
    theirs = {"settings": {"region": "us-east", "batchSize": 200, "theirs": [1]}, "pageProcessors": [], "note": "mine"}
    deployed.edit("acme", **theirs)
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    ended = deployed.apply()

    flow = deployed.flow("acme")
    assert ended.code == 0
    assert (flow["pageProcessors"], flow["note"]) == ([], "mine")
    assert flow["settings"] == {"region": "us-east", "batchSize": 300, "theirs": [1]}


def test_an_edit_of_others_between_the_plan_and_the_put_is_kept(deployed: Stage) -> None:
    deployed.manifest["flow"]["settings"]["batchSize"] = 300
    deployed.befall(Rule(action="edit", route="flows.get", id=deployed.flow()["_id"], nth=1, fields={"note": "late"}))

    deployed.apply()

    assert deployed.flow()["note"] == "late"
    assert deployed.flow()["settings"]["batchSize"] == 300


def test_drift_is_reported_and_left(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")

    planned = deployed.plan()["acme"]
    ended = deployed.apply()

    assert planned["action"] == "no_change"
    assert "timezone" in planned["reason"]
    assert (ended.code, deployed.writes) == (0, [])
    assert deployed.flow()["timezone"] == "Asia/Tokyo"


def test_drift_is_written_over_where_the_manifest_wants_it(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo", note="theirs")
    deployed.manifest["drift"] = "restore"

    planned = deployed.plan()["acme"]
    ended = deployed.apply()

    assert (planned["action"], [change["path"] for change in planned["changes"] if change["verdict"] == "update"]) == (
        "update",
        ["timezone"],
    )
    assert ended.code == 0, ended.err
    assert (deployed.flow()["timezone"], deployed.flow()["note"]) == ("America/New_York", "theirs")
    assert len(deployed.writes) == 1
    assert deployed.plan()["acme"]["action"] == "no_change"


def test_a_field_changed_here_and_there_still_waits_for_a_choice_where_drift_is_restored(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")
    deployed.manifest |= {"drift": "restore"}
    deployed.manifest["flow"]["timezone"] = "Europe/Paris"
    assert deployed.plan()["acme"]["action"] == "blocked"


def test_what_somebody_put_where_an_object_of_ours_would_have_to_be_waits_for_a_choice(deployed: Stage) -> None:
    deployed.edit("acme", settings={**deployed.flow()["settings"], "limit": 5})
    deployed.manifest["flow"]["settings"]["limit"] = {"a": 5}

    blocked = deployed.plan()["acme"]
    ended = deployed.apply("--ours", "acme")

    assert blocked["action"] == "blocked"
    assert "conflict in settings.limit.a" in blocked["reason"]
    assert (ended.code, deployed.flow()["settings"]["limit"]) == (0, {"a": 5})
    assert deployed.run("rollback", "--yes").code == 0
    assert deployed.flow()["settings"]["limit"] == 5


@pytest.mark.parametrize("drift", ["report", "restore"])
def test_what_somebody_changed_again_since_the_plan_is_not_written_over(deployed: Stage, drift: str) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")
    deployed.manifest["drift"] = drift
    choice = []
    if drift == "report":
        deployed.manifest["flow"]["timezone"] = "Europe/Paris"
        choice = ["--ours", "acme"]
    plan = deployed.run("plan", "--json", *choice, "--tenant", "acme").document["plan"]
    deployed.edit("acme", timezone="Asia/Seoul")

    ended = deployed.apply("--plan", plan, "--tenant", "acme")

    assert (ended.tenants["acme"]["outcome"], deployed.flow()["timezone"]) == ("stale", "Asia/Seoul")
    assert "changed by somebody else since the plan: timezone" in ended.tenants["acme"]["error"]["message"]


def test_a_rollout_that_was_halted_writes_over_nothing_that_another_wrote_meanwhile(deployed: Stage) -> None:
    waves = {"sizes": [1], "approve": True}
    deployed.manifest["waves"] = waves
    deployed.manifest["flow"]["settings"]["batchSize"] = 300
    waiting = deployed.apply().document
    deployed.manifest |= {"name": "other", "waves": {"sizes": [1]}}
    deployed.manifest["flow"]["settings"]["batchSize"] = 400
    assert deployed.apply("--tenant", "globex").code == 0
    deployed.manifest |= {"name": "order-sync", "waves": waves}
    deployed.manifest["flow"]["settings"]["batchSize"] = 300
    assert deployed.run("approve", "--plan", waiting["plan"]).code == 0

    ended = deployed.run("resume", "--json")

    assert ended.tenants["globex"]["outcome"] == "stale"
    assert deployed.flow("globex")["settings"]["batchSize"] == 400


def test_drift_names_each_field_and_sends_only_reads(deployed: Stage) -> None:
    assert deployed.run("drift").out == "3 flows, none changed outside\n"
    deployed.edit("acme", timezone="Asia/Tokyo")
    deployed.manifest["drift"] = "restore"  # which is for apply

    told, found = deployed.run("drift"), deployed.run("drift", "--json")

    assert (told.code, found.code) == (3, 3)
    assert told.out == (
        '! acme  timezone is "Asia/Tokyo" instead of "America/New_York"\n1 of 3 flows changed outside\n'
        "\nPut them back:  drift: restore in the manifest, then apply\n"
    )
    assert (found.document["drifted"], [tenant["tenant"] for tenant in found.document["tenants"]]) == (1, ["acme"])
    assert deployed.writes == []


def test_drift_tells_of_flows_that_could_not_be_compared(deployed: Stage) -> None:
    gone = deployed.flow("globex")["_id"]
    deployed.drop("globex")

    told, found = deployed.run("drift"), deployed.run("drift", "--json")

    assert (told.code, found.code) == (3, 3)
    assert told.out == (
        f"! globex  deleted outside: flow {gone} is gone; --recreate globex\n"
        "2 flows, none changed outside; 1 tenant could not be compared\n"
    )
    assert (found.document["blocked"], list(found.tenants)) == (1, ["globex"])


def test_drift_in_one_field_does_not_keep_another_from_being_written(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    ended = deployed.apply()

    assert ended.code == 0
    assert deployed.flow()["timezone"] == "Asia/Tokyo"
    assert deployed.flow()["settings"]["batchSize"] == 300
    assert "timezone" in deployed.plan()["acme"]["reason"]


def _fight(stage: Stage) -> None:
    stage.edit("acme", settings={"region": "us-east", "batchSize": 250})
    stage.manifest["flow"]["settings"]["batchSize"] = 300


def test_a_conflict_blocks_its_tenant_and_names_the_field(deployed: Stage) -> None:
    _fight(deployed)

    ended = deployed.apply()

    assert ended.code == 3
    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "settings.batchSize" in ended.tenants["acme"]["error"]["message"]
    assert deployed.flow("acme")["settings"]["batchSize"] == 250
    assert deployed.flow("globex")["settings"]["batchSize"] == 300


@pytest.mark.parametrize(("option", "value"), [("--ours", 300), ("--theirs", 250)])
def test_a_conflict_ends_for_good_as_the_person_says(deployed: Stage, option: str, value: int) -> None:
    _fight(deployed)

    ended = deployed.apply(option, "acme")
    deployed.forget_requests()
    again = deployed.apply()

    assert (ended.code, again.code, deployed.writes) == (0, 0, [])
    assert deployed.flow("acme")["settings"]["batchSize"] == value


def test_a_conflict_shows_what_we_left_what_is_ours_what_is_theirs_and_who_changed_it_when(deployed: Stage) -> None:
    _fight(deployed)

    planned, text = deployed.plan()["acme"], deployed.run("plan").out

    (fought,) = [change for change in planned["changes"] if change["verdict"] == "conflict"]
    assert fought == {"path": "settings.batchSize", "from": 250, "to": 300, "base": 200, "verdict": "conflict"}
    assert planned["last_modified"] == deployed.flow("acme")["lastModified"]
    assert planned["changed_by"] == "Robin Editor"
    assert "settings.batchSize: base 200, ours 300, theirs 250" in text
    assert f"the flow was last changed at {planned['last_modified']} by Robin Editor" in text


def test_who_changed_it_is_no_part_of_what_is_approved(deployed: Stage) -> None:
    _fight(deployed)
    named = deployed.run("plan", "--json").document["plan"]
    deployed.befall(Rule(action="refuse", route="flows.audit", status=403))

    assert deployed.run("plan", "--json").document["plan"] == named


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_does_not_tell_who_is_asked_once_and_shows_its_conflicts_all_the_same(
    deployed: Stage, status: int
) -> None:
    for name in ("acme", "globex"):
        deployed.edit(name, settings={"region": "us-east", "batchSize": 250})
    deployed.manifest["flow"]["settings"]["batchSize"] = 300
    deployed.befall(Rule(action="refuse", route="flows.audit", status=status))

    planned = deployed.plan()

    assert [planned[name]["action"] for name in ("acme", "globex")] == ["blocked", "blocked"]
    assert planned["acme"]["changed_by"] is None
    assert deployed.sent("flows.audit") == 1


def _fight_twice(stage: Stage) -> None:
    stage.edit("acme", timezone="Asia/Tokyo", settings={"region": "us-east", "batchSize": 250})
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["flow"]["timezone"] = "Europe/Paris"


def test_a_choice_for_a_field_beats_that_for_its_tenant_and_both_hold_in_a_saved_plan(deployed: Stage) -> None:
    _fight_twice(deployed)
    digest = deployed.run("plan", "--json", "--theirs", "acme", "--ours", "acme:settings.batchSize").document["plan"]

    ended = deployed.apply("--plan", digest)

    assert ended.code == 0, ended.err
    assert (deployed.flow()["settings"]["batchSize"], deployed.flow()["timezone"]) == (300, "Asia/Tokyo")
    assert deployed.plan()["acme"]["action"] == "no_change"


def test_a_choice_for_one_field_leaves_the_others_in_conflict(deployed: Stage) -> None:
    _fight_twice(deployed)

    planned = deployed.plan("--ours", "acme:settings.batchSize")["acme"]

    assert planned["action"] == "blocked"
    assert planned["reason"].startswith("conflict in timezone:")


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")])
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("acme:settings.batchsize", 'of acme has no conflict (did you mean "settings.batchSize"?)'),
        ("globex:settings.batchSize", '"settings.batchSize" of globex has no conflict'),
        ("acne:settings.batchSize", 'there is no tenant "acne" (did you mean "acme"?)'),
        ("acne", 'there is no tenant "acne" (did you mean "acme"?)'),
    ],
)
def test_a_choice_about_nothing_is_an_error(deployed: Stage, command: tuple[str, ...], word: str, said: str) -> None:
    _fight(deployed)

    ended = deployed.run(*command, "--ours", word)

    assert (ended.code, deployed.writes) == (2, [])
    assert said in ended.err


def test_a_choice_for_a_field_of_a_flow_that_is_to_be_made_is_an_error(stage: Stage) -> None:
    ended = stage.run("plan", "--ours", "acme:timezone")
    assert ended.code == 2
    assert '"timezone" of acme has no conflict' in ended.err


def test_a_name_that_a_server_trims_is_not_written_again(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(name_strip=True)
    stage.manifest["flow"]["name"] = "Orders: ${tenant.values.name}  "
    stage.apply()
    stage.forget_requests()

    ended = stage.apply()

    assert not stage.flow()["name"].endswith(" ")
    assert (ended.code, stage.writes) == (0, [])


def test_a_server_that_normalises_is_not_written_to_again(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(settings_as_text=True)
    stage.apply()
    assert stage.flow()["settings"]["batchSize"] == "200"
    stage.forget_requests()

    ended = stage.apply()

    assert (ended.code, stage.writes) == (0, [])
    assert ended.document["counts"]["no_change"] == 3


def test_a_dropped_field_goes_back_to_what_it_was_before_us(deployed: Stage) -> None:
    del deployed.manifest["flow"]["timezone"]

    ended = deployed.apply()

    assert (ended.code, deployed.writes) == (0, ["flows.put"] * 3)
    assert deployed.flow()["timezone"] == "America/Los_Angeles"  # as in the template


def test_a_dropped_field_that_was_not_there_before_us_is_removed(deployed: Stage) -> None:
    del deployed.manifest["flow"]["settings"]["batchSize"]
    del deployed.manifest["flow"]["schedule"]

    ended = deployed.apply()

    assert (ended.code, deployed.writes) == (0, ["flows.put"] * 3)
    assert deployed.flow()["settings"] == {"region": "us-east"}
    assert "schedule" not in deployed.flow()
    assert {tenant["action"] for tenant in deployed.plan().values()} == {"no_change"}


def test_a_dropped_field_is_removed_along_with_a_change_of_another(deployed: Stage) -> None:
    del deployed.manifest["flow"]["settings"]["batchSize"]
    deployed.manifest["flow"]["timezone"] = "Asia/Tokyo"

    deployed.apply()

    assert deployed.flow()["settings"] == {"region": "us-east"}
    assert deployed.flow()["timezone"] == "Asia/Tokyo"


def test_a_dropped_field_that_somebody_took_over_is_left_to_them(deployed: Stage) -> None:
    deployed.edit("acme", settings={"region": "us-east", "batchSize": 7})
    del deployed.manifest["flow"]["settings"]["batchSize"]

    deployed.apply()

    assert deployed.flow("acme")["settings"]["batchSize"] == 7
    assert "batchSize" not in deployed.flow("globex")["settings"]


def test_a_null_is_set_as_null(deployed: Stage) -> None:
    deployed.manifest["flow"]["settings"]["batchSize"] = None

    deployed.apply()
    deployed.forget_requests()
    again = deployed.apply()

    assert deployed.flow()["settings"] == {"region": "us-east", "batchSize": None}
    assert (again.code, deployed.writes) == (0, [])


def test_a_changed_connection_of_an_existing_flow_is_blocked(deployed: Stage) -> None:
    deployed.columns["acme"] = {"slack": deployed.tenants["globex"].id("connections", "Slack")}

    planned = deployed.plan()

    assert planned["acme"]["action"] == "blocked"
    assert "connections changed" in planned["acme"]["reason"]


def test_a_put_that_the_server_takes_and_ignores_is_a_failure(deployed: Stage) -> None:
    deployed.manifest["flow"]["settings"]["batchSize"] = 300
    before = deployed.flow("acme")
    deployed.befall(Rule(action="garble", route="flows.put", id=before["_id"], text=json.dumps(before)))

    ended = deployed.apply()

    assert ended.code == 3
    assert ended.tenants["acme"]["error"]["code"] == "not_applied"
    assert "settings.batchSize" in ended.tenants["acme"]["error"]["message"]


def test_keys_within_a_setting_are_merged_one_by_one(stage: Stage) -> None:
    stage.manifest["flow"]["settings"] = {"a.b": 1, "deep": {"ours": 1}, "list": [1, 2]}
    stage.apply()
    stage.edit("acme", settings={"a.b": 1, "deep": {"ours": 1, "theirs": 2}, "list": [1, 2]})
    stage.manifest["flow"]["settings"] = {"a.b": 2, "deep": {"ours": 3}, "list": [3]}

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert stage.flow("acme")["settings"] == {"a.b": 2, "deep": {"ours": 3, "theirs": 2}, "list": [3]}


def test_settings_that_a_person_emptied_are_a_conflict_that_ours_ends(deployed: Stage) -> None:
    deployed.edit("acme", settings=None)
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    blocked = deployed.apply()
    ended = deployed.apply("--ours", "acme")

    assert blocked.tenants["acme"]["outcome"] == "blocked"
    assert ended.code == 0, ended.err
    assert deployed.flow("acme")["settings"]["batchSize"] == 300


def test_empty_settings_change_nothing(stage: Stage) -> None:
    stage.manifest["flow"]["settings"] = {}
    stage.apply()
    stage.forget_requests()

    ended = stage.apply()

    assert (ended.code, stage.writes) == (0, [])


def test_a_stale_tenant_is_planned_again_by_the_next_apply(deployed: Stage) -> None:
    deployed.manifest["flow"]["settings"]["batchSize"] = 300
    theirs = {"timezone": "Asia/Tokyo"}
    flow = deployed.flow("acme")["_id"]
    deployed.befall(Rule(action="edit", route="flows.get", id=flow, nth=1, fields=theirs))  # after the plan

    first = deployed.apply()
    second = deployed.apply()

    assert first.tenants["acme"]["outcome"] == "stale"
    assert second.code == 0, second.err
    assert deployed.flow("acme")["settings"]["batchSize"] == 300
    assert deployed.flow("acme")["timezone"] == "Asia/Tokyo"
