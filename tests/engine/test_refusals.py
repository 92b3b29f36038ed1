"""What the API refuses: one tenant's own fault, the account's, or everybody's; and what only asks for patience."""

import pytest

from deployer.domain.documents import Document
from deployer.engine.desk import Case
from deployer.simulator import Rule
from tests.engine.stage import Stage, template


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 415, 422])
def test_a_refusal_of_one_tenant_is_its_failure_alone(stage: Stage, status: int) -> None:
    stage.refuse("globex", route="flows.clone", status=status)

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
    stage.refuse("globex")
    stage.apply()
    stage.mend()
    stage.forget_requests()

    left = stage.status()["globex"]["outcome"]
    ended = stage.apply("--failed")

    assert left == "failed"
    assert ended.code == 0, ended.err
    assert stage.writes == ["flows.put"]
    assert stage.flow("globex")["settings"]["batchSize"] == 200


def test_where_the_manifest_changed_since_the_failed_are_planned_anew(stage: Stage) -> None:
    stage.refuse("globex")
    stage.apply()
    stage.mend()
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    refused = stage.apply("--failed")
    ended = stage.apply()

    assert refused.code == 6
    assert "unfinished" not in refused.err
    assert "resume" not in refused.err
    assert ended.code == 0, ended.err
    assert stage.flow("globex")["settings"]["batchSize"] == 300


def test_a_plain_apply_after_a_failure_plans_the_tenant_anew(stage: Stage) -> None:
    stage.refuse("globex")
    stage.apply()
    stage.mend()

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert len(stage.flows("globex")) == 1
    assert stage.flow("globex")["settings"]["batchSize"] == 200


def test_where_nobody_succeeded_the_exit_code_is_1(stage: Stage) -> None:
    stage.tenants = {"acme": stage.tenants["acme"]}
    stage.refuse("acme")

    assert stage.apply().code == 1


def test_three_alike_in_a_row_before_any_success_halt_the_account(stage: Stage) -> None:
    stage.one_at_a_time(6)
    stage.befall(Rule(action="refuse", route="flows.clone", status=422, code="invalid_ref"))

    ended = stage.apply()

    assert ended.code == 6
    assert stage.sent("flows.clone") == 3
    assert ended.document["outcome"] == "halted"
    assert "invalid_ref" in ended.document["reason"]
    assert ended.document["counts"]["pending"] == 3


def test_what_halted_goes_on_when_it_is_mended(stage: Stage) -> None:
    stage.one_at_a_time(6)
    stage.befall(Rule(action="refuse", route="flows.clone", status=422, code="invalid_ref"))
    stage.apply()
    stage.mend()

    ended = stage.apply("--failed")

    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 6


def test_failures_after_a_success_halt_nobody(stage: Stage) -> None:
    stage.one_at_a_time(6)
    for number in range(1, 6):
        stage.refuse(f"tenant-{number}", route="flows.clone")

    ended = stage.apply()

    assert (ended.code, stage.sent("flows.clone")) == (3, 6)
    assert ended.document["counts"]["failed"] == 5


def test_a_403_that_is_the_tenants_own_stops_nobody_else(stage: Stage) -> None:
    stage.refuse("globex", route="flows.clone", status=403, code="access_restricted")

    ended = stage.apply()

    assert ended.code == 3
    assert ended.tenants["globex"]["error"]["status"] == 403
    assert ended.document["counts"]["done"] == 2


def test_a_storm_of_429_fails_nobody_and_counts_as_no_attempt(stage: Stage) -> None:
    stage.befall(Rule(action="refuse", route="flows.*", chance=0.5, times=30, status=429, headers={"Retry-After": "0"}))

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert [len(stage.effects("clone", name)) for name in stage.tenants] == [1, 1, 1]
    throttled = sum(arrival.status == 429 for arrival in stage.simulator.ledger.arrivals)
    assert throttled > 3
    told = stage.run("status", "--tenant", "acme").out.split()
    assert told.count("intend") == 2  # one each for the clone and the PUT


def test_an_answer_about_another_flow_stops_the_tenant_loudly(stage: Stage) -> None:
    text = f'{{"_id": "{template()}", "name": "x", "_integrationId": "{"0" * 24}", "lastModified": "x"}}'
    stage.befall(Rule(action="garble", route="flows.clone", id=stage.integration("acme"), nth=1, text=text))

    ended = stage.apply()

    assert ended.code == 3
    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert ended.tenants["acme"]["error"]["code"] == "contradiction"
    assert stage.sent("flows.clone") == 3
    assert ended.document["counts"]["done"] == 2


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


def test_a_machine_that_is_too_busy_to_send_in_time_is_not_said_to_be_cut_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def intended_long_ago(case: Case, facts: Document) -> float:
        await intend(case, facts)
        return 0.0

    intend = Case.intend
    monkeypatch.setattr(Case, "intend", intended_long_ago)

    ended = stage.apply()

    assert ended.document["outcome"] == "halted"
    assert "this machine is too busy to send within safety.intent: the intent had expired" in ended.err
    assert "cannot be reached" not in ended.err
    assert stage.writes == []
