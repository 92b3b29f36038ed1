"""What the API refuses: one tenant's own fault, the account's, or everybody's; and what only asks for patience."""

import pytest

from deployer.simulator import Customer, Knobs, Rule, token_of
from tests.engine.stage import EU, US, Stage, template


def refuse(
    stage: Stage, name: str, *, route: str = "flows.put", status: int = 422, code: str = "invalid_field"
) -> None:
    stage.befall(Rule(action="refuse", route=route, id=stage.integration(name), status=status, code=code))


def one_at_a_time(stage: Stage, tenants: int) -> None:
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(tenants)}
    stage.manifest["accounts"][US]["rate"] = {"in_flight": 1}


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 415, 422])
def test_a_refusal_of_one_tenant_is_its_failure_alone(stage: Stage, status: int) -> None:
    refuse(stage, "globex", route="flows.clone", status=status)

    ended = stage.apply()

    assert ended.code == 3
    assert {name: tenant["outcome"] for name, tenant in ended.tenants.items()} == {
        "acme": "done",
        "globex": "failed",
        "initech": "done",
    }
    error = ended.tenants["globex"]["error"]
    assert (error["code"], error["status"]) == ("invalid_field", status)
    assert "invalid_field by script" in error["message"]
    assert stage.flows("globex") == []


def test_a_failed_tenant_is_tried_again_only_where_asked(stage: Stage) -> None:
    refuse(stage, "globex")
    stage.apply()
    stage.mend()
    stage.forget_requests()

    left = stage.status()["globex"]["outcome"]
    ended = stage.apply("--failed")

    assert left == "failed"
    assert ended.code == 0, ended.err
    assert stage.writes == ["flows.put"]
    assert stage.flow("globex")["settings"]["batchSize"] == 200


def test_a_plain_apply_after_a_failure_plans_the_tenant_anew(stage: Stage) -> None:
    refuse(stage, "globex")
    stage.apply()
    stage.mend()

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert len(stage.flows("globex")) == 1
    assert stage.flow("globex")["settings"]["batchSize"] == 200


def test_where_nobody_succeeded_the_exit_code_is_1(stage: Stage) -> None:
    stage.tenants = {"acme": stage.tenants["acme"]}
    refuse(stage, "acme")

    assert stage.apply().code == 1


def test_three_alike_in_a_row_before_any_success_halt_the_account(stage: Stage) -> None:
    one_at_a_time(stage, 6)
    stage.befall(Rule(action="refuse", route="flows.clone", status=422, code="invalid_ref"))

    ended = stage.apply()

    assert ended.code == 6
    assert stage.sent("flows.clone") == 3
    assert ended.document["outcome"] == "halted"
    assert "invalid_ref" in ended.document["reason"]
    assert ended.document["counts"]["pending"] == 3


def test_what_halted_goes_on_when_it_is_mended(stage: Stage) -> None:
    one_at_a_time(stage, 6)
    stage.befall(Rule(action="refuse", route="flows.clone", status=422, code="invalid_ref"))
    stage.apply()
    stage.mend()

    ended = stage.apply("--failed")

    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 6


def test_failures_after_a_success_halt_nobody(stage: Stage) -> None:
    one_at_a_time(stage, 6)
    for number in range(1, 6):
        refuse(stage, f"tenant-{number}", route="flows.clone")

    ended = stage.apply()

    assert (ended.code, stage.sent("flows.clone")) == (3, 6)
    assert ended.document["counts"]["failed"] == 5


def test_a_token_refused_midway_stops_the_account_and_leaves_its_steps_ready(stage: Stage) -> None:
    one_at_a_time(stage, 4)
    stage.befall(Rule(action="refuse", route="flows.put", nth=2, status=401, code="unauthorized"))

    halted = stage.apply()
    stage.mend()  # as a new token does
    ended = stage.apply()

    assert halted.code == 6
    assert halted.document["counts"]["failed"] == halted.document["counts"]["unknown"] == 0
    assert "token" in halted.document["reason"]
    assert ended.code == 0, ended.err
    assert ended.document["rollout"] == halted.document["rollout"]
    assert stage.sent("flows.clone") == 4
    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 4


def test_an_entitlement_that_is_used_up_halts_the_account(stage: Stage) -> None:
    one_at_a_time(stage, 4)
    stage.simulator.knobs = Knobs(enabled_flows=3)  # the two templates are enabled

    halted = stage.apply()
    stage.simulator.knobs = Knobs()
    ended = stage.apply()

    assert halted.code == 6
    assert halted.document["counts"]["done"] == 1
    assert "entitlement_reached" in halted.document["reason"]
    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 4


def test_a_403_that_is_the_tenants_own_stops_nobody_else(stage: Stage) -> None:
    refuse(stage, "globex", route="flows.clone", status=403, code="access_restricted")

    ended = stage.apply()

    assert ended.code == 3
    assert ended.tenants["globex"]["error"]["status"] == 403
    assert ended.document["counts"]["done"] == 2


def test_a_template_that_is_gone_halts_the_account(stage: Stage) -> None:
    one_at_a_time(stage, 3)
    stage.befall(Rule(action="remove", route="flows.clone", nth=2, flow=template()))

    ended = stage.apply()

    assert ended.code == 6
    assert template() in ended.document["reason"]
    assert ended.document["counts"]["failed"] == 0


def test_a_template_that_is_gone_before_the_plan_is_said_in_a_sentence(stage: Stage) -> None:
    stage.simulator.world.accounts[US].drop("flows", template())

    ended = stage.apply()

    assert ended.code == 4
    assert f"template flow {template()} was not found" in ended.err


def test_the_second_account_goes_on_when_the_first_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.add_account()
    stage.tenants["berlin"] = Customer(EU, 0)
    monkeypatch.setenv("US_TOKEN", "wrong")

    ended = stage.apply()

    assert ended.code == 3
    assert len(stage.flows("berlin")) == 1
    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "token" in ended.tenants["acme"]["error"]["message"]


def test_an_account_that_halts_midway_stops_no_other(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["berlin"] = Customer(EU, 0)
    for name in ("acme", "globex", "initech"):
        refuse(stage, name, route="flows.clone", status=401, code="unauthorized")

    ended = stage.apply()

    assert ended.code == 6
    assert ended.tenants["berlin"]["outcome"] == "done"
    assert ended.document["counts"]["pending"] == 3


def test_no_account_that_works_is_exit_code_4(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("US_TOKEN", "wrong")

    ended = stage.apply()

    assert (ended.code, stage.writes) == (4, [])
    assert "does not accept the token" in ended.err


def test_no_account_that_works_is_exit_code_4_on_the_way_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    stage.apply()
    monkeypatch.setenv("US_TOKEN", "wrong")

    ended = stage.apply()

    assert ended.code == 4


def test_an_api_that_cannot_be_reached_is_exit_code_4(stage: Stage) -> None:
    stage.manifest["accounts"][US]["url"] = "http://127.0.0.1:9"

    ended = stage.apply()

    assert ended.code == 4
    assert "cannot be reached" in ended.err


def test_a_storm_of_429_fails_nobody_and_counts_as_no_attempt(stage: Stage) -> None:
    stage.befall(Rule(action="refuse", route="flows.*", chance=0.5, times=30, status=429, headers={"Retry-After": "0"}))

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert [len(stage.effects("clone", name)) for name in stage.tenants] == [1, 1, 1]
    throttled = sum(arrival.status == 429 for arrival in stage.simulator.ledger.arrivals)
    assert throttled > 3
    told = stage.run("status", "--tenant", "acme").out.split()
    assert told.count("intend") == 2  # one each for the clone and the PUT


def test_a_redirect_is_not_followed_and_stops_the_account(stage: Stage) -> None:
    elsewhere = {"Location": "http://localhost:1/v1/flows"}
    stage.befall(Rule(action="refuse", route="flows.clone", status=307, headers=elsewhere))

    ended = stage.apply()

    assert ended.code == 6
    assert "redirect" in ended.document["reason"]


def test_an_answer_about_another_flow_stops_the_tenant_loudly(stage: Stage) -> None:
    text = f'{{"_id": "{template()}", "name": "x", "_integrationId": "{"0" * 24}", "lastModified": "x"}}'
    stage.befall(Rule(action="garble", route="flows.clone", id=stage.integration("acme"), nth=1, text=text))

    ended = stage.apply()

    assert ended.code == 3
    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert ended.tenants["acme"]["error"]["code"] == "contradiction"
    assert stage.sent("flows.clone") == 3
    assert ended.document["counts"]["done"] == 2


def test_a_token_of_another_account_writes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    digest = stage.run("plan", "--json").document["plan"]
    stage.forget_requests()
    monkeypatch.setenv("US_TOKEN", token_of(EU))

    ended = stage.apply("--plan", digest)

    assert ended.code in {4, 6}
    assert stage.writes == []


def test_two_names_for_one_account_share_it(stage: Stage) -> None:
    stage.manifest["accounts"]["also"] = dict(stage.manifest["accounts"][US])
    stage.columns["globex"] = {"account": "also"}

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]


def test_a_flow_deleted_under_our_hands_is_never_cloned_again_unasked(stage: Stage) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    flow = stage.flow("acme")["_id"]
    stage.befall(Rule(action="remove", route="flows.put", id=flow, nth=1))
    stage.forget_requests()

    ended = stage.apply()
    again = stage.apply("--failed")
    anew = stage.apply()

    assert ended.tenants["acme"]["error"]["status"] == 404
    assert again.tenants["acme"]["outcome"] == "failed"
    assert anew.tenants["acme"]["outcome"] == "blocked"
    assert stage.sent("flows.clone") == 0
