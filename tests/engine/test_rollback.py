"""A rollback puts back what stood before, tenant by tenant, and nothing that somebody changed since."""

import json
from typing import Any

import pytest

from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import SOON, US, Ended, Stage
from tests.engine.test_waves import many, outcomes

pytestmark = pytest.mark.anywhere


def settings(stage: Stage, name: str = "acme") -> Any:  # noqa: ANN401 - JSON
    return stage.flow(name)["settings"]


def rollback(stage: Stage, *words: str) -> Ended:
    return stage.run("rollback", "--yes", "--json", *words)


@pytest.fixture
def upgraded(stage: Stage) -> Stage:
    """Return a stage on which a first rollout was followed by a second one that changed two fields."""
    assert stage.apply().code == 0
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["flow"]["timezone"] = "Asia/Tokyo"
    assert stage.apply().code == 0
    stage.forget_requests()
    return stage


def test_what_was_changed_is_as_it_stood_before(upgraded: Stage) -> None:
    assert (settings(upgraded)["batchSize"], upgraded.flow()["timezone"]) == (300, "Asia/Tokyo")

    ended = rollback(upgraded)

    assert (ended.code, ended.document["outcome"]) == (0, "succeeded"), ended.err
    for name in upgraded.tenants:
        assert settings(upgraded, name)["batchSize"] == 200
        assert str(upgraded.flow(name)["timezone"]).startswith("America/")  # each its own
        assert upgraded.flow(name)["disabled"] is False


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (5, {"a": 2, "b": 3}),
        ({"a": 2, "b": 3}, 5),
        ([1], {"a": {"c": 1}}),
        (None, {"a": 1}),
        ({"a": 1}, {"a": {"c": 1}}),  # in which nothing but the place of the value differs
        ({"a": {"c": 1}}, {"a": 1}),
    ],
)
def test_a_setting_that_becomes_an_object_or_is_one_no_more_is_written_and_put_back(
    stage: Stage, before: object, after: object
) -> None:
    stage.tenants = {"acme": stage.tenants["acme"]}
    stage.manifest["flow"]["settings"] = {"limit": before}
    assert stage.apply().code == 0
    stage.manifest["flow"]["settings"] = {"limit": after}

    ended = stage.apply()

    assert (ended.code, settings(stage)) == (0, {"limit": after}), ended.err
    assert rollback(stage).code == 0
    assert settings(stage) == {"limit": before}


def test_what_the_api_took_of_a_put_is_put_back_too(stage: Stage) -> None:
    stage.tenants = {"acme": stage.tenants["acme"]}
    assert stage.apply().code == 0
    flow, before = stage.flow(), settings(stage)
    taken = {**flow, "settings": {**before, "batchSize": 300}, "lastModified": "2099-01-01T00:00:00.000Z"}
    stage.manifest["flow"]["settings"] |= {"batchSize": 300, "region": "eu-west"}
    stage.befall(Rule(action="garble", route="flows.put", id=flow["_id"], text=json.dumps(taken)))
    assert stage.apply().tenants["acme"]["error"]["code"] == "not_applied"
    stage.mend()
    stage.keep("acme", taken)
    again = stage.plan()["acme"]
    assert [change["path"] for change in again["changes"] if change["verdict"] == "update"] == ["settings.region"]

    assert rollback(stage).code == 0

    assert settings(stage) == before


def test_what_others_changed_since_stays(upgraded: Stage) -> None:
    upgraded.edit("acme", settings={**settings(upgraded), "theirs": 1}, skipRetries=True)

    assert rollback(upgraded).code == 0

    assert settings(upgraded) == {**settings(upgraded), "theirs": 1, "batchSize": 200}
    assert upgraded.flow()["skipRetries"] is True


@pytest.mark.parametrize(("choice", "zone"), [("--ours", "America/New_York"), ("--theirs", "Europe/Paris")])
def test_a_field_that_somebody_changed_since_waits_for_a_choice(upgraded: Stage, choice: str, zone: str) -> None:
    upgraded.edit("acme", timezone="Europe/Paris")

    shown = upgraded.run("rollback", "--plan")
    assert "choose --ours acme or --theirs acme" in shown.out
    assert upgraded.writes == []
    ended = rollback(upgraded, choice, "acme")

    assert ended.code == 0, ended.err
    assert upgraded.flow()["timezone"] == zone
    assert settings(upgraded)["batchSize"] == 200


def test_a_choice_about_nobody_is_an_error(upgraded: Stage) -> None:
    ended = rollback(upgraded, "--ours", "acmee")
    assert (ended.code, 'has no tenant "acmee"' in ended.err, upgraded.writes) == (2, True, []), ended.err


def test_a_choice_may_be_for_one_field_and_is_never_about_nothing(upgraded: Stage) -> None:
    upgraded.edit("acme", timezone="Europe/Paris")

    wrong = {word: rollback(upgraded, "--ours", word) for word in ("acme:timezon", "acmee:timezone", "globex:timezone")}
    untouched = list(upgraded.writes)
    ended = rollback(upgraded, "--theirs", "acme", "--ours", "acme:timezone")

    assert ({ended.code for ended in wrong.values()}, untouched) == ({2}, [])
    assert '"timezon" of acme has no conflict (did you mean "timezone"?)' in wrong["acme:timezon"].err
    assert 'has no tenant "acmee"' in wrong["acmee:timezone"].err
    assert '"timezone" of globex has no conflict' in wrong["globex:timezone"].err
    assert ended.code == 0, ended.err
    assert upgraded.flow()["timezone"] == "America/New_York"


def test_a_conflict_blocks_its_tenant_alone(upgraded: Stage) -> None:
    upgraded.edit("acme", timezone="Europe/Paris")

    ended = rollback(upgraded)

    assert ended.code == 3
    assert "by Robin Editor" in " ".join(ended.err.split())
    assert [tenant["outcome"] for tenant in ended.tenants.values()] == ["blocked", "done", "done"]
    assert settings(upgraded)["batchSize"] == 300


def test_flows_that_were_made_are_disabled_and_taken_up_again_by_the_next_apply(stage: Stage) -> None:
    stage.apply()

    ended = rollback(stage)

    assert ended.code == 0, ended.err
    assert [stage.flow(name)["disabled"] for name in stage.tenants] == [True, True, True]
    assert stage.apply("--allow", "many-updates").code == 0
    assert [stage.flow(name)["disabled"] for name in stage.tenants] == [False, False, False]
    assert len(stage.effects("clone")) == 3


def test_after_a_rollback_the_manifest_can_be_applied_again(upgraded: Stage) -> None:
    rollback(upgraded)

    ended = upgraded.apply()

    assert (ended.code, settings(upgraded)["batchSize"]) == (0, 300)
    assert upgraded.flow()["timezone"] == "Asia/Tokyo"


def test_a_half_done_rollout_is_ended_and_only_who_was_touched_is_restored(stage: Stage) -> None:
    many(stage, 4, sizes=[1])
    waves = stage.manifest.pop("waves")
    assert stage.apply().code == 0
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["waves"] = waves
    stage.refuse("tenant-01")
    assert stage.apply().code == 6
    assert [settings(stage, name)["batchSize"] for name in stage.tenants] == [300, 200, 200, 200]
    stage.mend()

    ended = rollback(stage)

    assert ended.code == 0, ended.err
    assert list(ended.tenants) == ["tenant-00"]
    assert [settings(stage, name)["batchSize"] for name in stage.tenants] == [200] * 4


def test_nothing_is_ended_before_somebody_agrees(stage: Stage) -> None:
    many(stage, 2, sizes=[1])
    stage.refuse("tenant-00")
    assert stage.apply().code == 6

    ended = stage.run("rollback", "--no-input")

    assert (ended.code, "deployer rollback --yes" in ended.err) == (2, True), ended.err
    assert stage.run("status", "--json").document["outcome"] == "halted"


def test_a_rollout_at_work_is_paused_ended_and_rolled_back(stage: Stage) -> None:
    stage.one_at_a_time(15)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.15})
    with stage.started("apply", "--yes") as working:
        stage.await_requests("flows.clone", 3)
        ended = rollback(stage)
        working.wait(SOON)

    assert (working.returncode, ended.code) == (5, 0), ended.err
    made = [flow for name in stage.tenants for flow in stage.flows(name)]
    assert 3 <= len(made) < 15
    assert all(flow["disabled"] for flow in made)


def test_the_last_wave_is_undone_first(stage: Stage) -> None:
    many(stage, 3, sizes=[1])
    assert stage.apply().code == 0
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    assert stage.apply().code == 0
    puts = len(stage.effects("put"))

    assert rollback(stage).code == 0

    ids = {stage.flow(name)["_id"]: name for name in stage.tenants}
    assert [ids[put["id"]] for put in stage.effects("put")[puts:]] == ["tenant-02", "tenant-01", "tenant-00"]


def test_a_rollback_that_was_cut_short_is_resumed_and_nothing_else_takes_its_place(stage: Stage) -> None:
    stage.one_at_a_time(10)
    stage.apply()
    stage.simulator.knobs = Knobs(latency={"flows.put": 0.2})
    cut = rollback(stage, "--timeout", "500ms")
    assert cut.code == 5

    refused = stage.apply()
    assert (refused.code, "differs in the command (rollback)" in refused.err) == (6, True), refused.err
    assert stage.run("rollback", "--yes").code == 6
    ended = stage.run("resume", "--json")

    assert (ended.code, len(outcomes(stage, "done"))) == (0, 10)
    assert all(stage.flow(name)["disabled"] for name in stage.tenants)


def test_a_flow_that_is_gone_leaves_nothing_to_undo(upgraded: Stage) -> None:
    upgraded.drop("acme")

    ended = rollback(upgraded)

    assert ended.code == 0
    assert [tenant["outcome"] for tenant in ended.tenants.values()] == ["no_change", "done", "done"]


def test_a_run_is_not_undone_and_the_plan_says_so(stage: Stage) -> None:
    stage.run_flows()
    stage.apply()
    runs = len(stage.effects("run"))

    shown = stage.run("rollback", "--plan")
    ended = rollback(stage)

    assert "its run is not undone" in shown.out
    assert (ended.code, len(stage.effects("run"))) == (0, runs)


def test_a_rollback_is_not_rolled_back(upgraded: Stage) -> None:
    rollback(upgraded)
    puts = len(upgraded.effects("put"))

    ended = upgraded.run("rollback", "--yes")

    assert (ended.code, len(upgraded.effects("put"))) == (6, puts), ended.err
    assert "is a rollback itself" in ended.err


@pytest.mark.parametrize("between", [("apply", "--yes"), ("run",)])
def test_rollouts_that_changed_nothing_are_passed_over(upgraded: Stage, between: tuple[str, ...]) -> None:
    upgraded.run(*between)
    upgraded.run(*between)

    assert rollback(upgraded).code == 0
    assert settings(upgraded)["batchSize"] == 200


def test_where_nothing_was_ever_changed_there_is_nothing_to_undo(stage: Stage) -> None:
    stage.manifest["accounts"]["acme-us"]["token"] = "env:NOBODY"
    stage.apply()
    ended = stage.run("rollback", "--yes")
    assert ended.code in {2, 4}


def test_an_older_rollout_is_undone_where_no_later_one_changed_its_tenants(upgraded: Stage) -> None:
    second = upgraded.run("status", "--json").document["rollout"]
    upgraded.tenants["hooli"] = Customer(US, 7)
    assert upgraded.apply().code == 0

    assert rollback(upgraded, "--rollout", second).code == 0

    assert settings(upgraded)["batchSize"] == 200
    assert upgraded.flow("hooli")["disabled"] is False


def test_an_older_rollout_is_not_undone_below_a_later_one(upgraded: Stage) -> None:
    second = upgraded.run("status", "--json").document["rollout"]
    upgraded.manifest["flow"]["settings"]["batchSize"] = 400
    assert upgraded.apply().code == 0

    ended = rollback(upgraded, "--rollout", second)

    assert ended.code == 6
    assert "which came later, changed the same tenants" in ended.err
    assert settings(upgraded)["batchSize"] == 400


def test_a_rollout_is_not_undone_below_a_later_one_that_found_a_tenant_under_another_name(upgraded: Stage) -> None:
    second = upgraded.run("status", "--json").document["rollout"]
    upgraded.tenants = {f"{name}-renamed": customer for name, customer in upgraded.tenants.items()}
    upgraded.manifest["flow"]["settings"]["batchSize"] = 400
    assert upgraded.apply().code == 0

    ended = rollback(upgraded, "--rollout", second)

    assert (ended.code, settings(upgraded, "acme-renamed")["batchSize"]) == (6, 400)


def test_a_rollout_is_not_undone_below_a_later_one_of_another_manifest(upgraded: Stage) -> None:
    upgraded.manifest["name"] = "other"
    upgraded.manifest["flow"]["settings"]["batchSize"] = 400
    assert upgraded.apply().code == 0
    upgraded.manifest["name"] = "order-sync"

    ended = rollback(upgraded)

    assert (ended.code, settings(upgraded)["batchSize"]) == (6, 400)
    assert "which came later, changed the same tenants" in ended.err


def test_a_rollout_that_is_not_there_is_an_error(upgraded: Stage) -> None:
    ended = rollback(upgraded, "--rollout", "nobody")
    assert ended.code == 2
    assert "there is no rollout nobody of order-sync" in ended.err


def test_flows_that_a_rollout_made_are_deleted_where_that_is_said(stage: Stage) -> None:
    stage.apply()
    stage.tenants["hooli"] = Customer(US, 7)
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    assert stage.apply().code == 0
    stage.forget_requests()

    ended = rollback(stage, "--delete")

    assert ended.code == 0, ended.err
    assert stage.flows("hooli") == []
    assert stage.writes.count("flows.delete") == 1
    assert settings(stage, "acme")["batchSize"] == 200
    assert stage.plan()["hooli"]["action"] == "create"


def test_where_nothing_was_rolled_out_there_is_nothing_to_roll_back(stage: Stage) -> None:
    ended = stage.run("rollback", "--yes")
    assert (ended.code, "there is no journal" in ended.err) == (1, True), ended.err
