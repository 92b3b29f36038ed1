"""A call that is refused, lost or answered strangely may still take effect: what follows it does so safely."""

import json
import time

import pytest

from deployer.domain.identity import InstanceKey
from deployer.simulator import Customer, Rule
from tests.engine.stage import EU, US, Stage, template

LATE = 0.6  # seconds after which a call takes effect, well within `settle`


@pytest.fixture
def alone(stage: Stage) -> Stage:
    """Return a stage with one tenant."""
    stage.tenants = {"acme": Customer(US, 0)}
    stage.manifest["safety"]["settle"] = "1s"
    return stage


def _strange(stage: Stage, **fields: object) -> str:
    """Let a person have made a flow, for acme unless told otherwise, that is none of ours; return its id."""
    account, flow = stage.simulator.world.accounts[US], "a" * 24
    model = {key: value for key, value in account.find("flows", template()).items() if key != "_sourceId"}
    where = {"_integrationId": stage.integration()}
    account.keep("flows", {**model, **where, "_id": flow, "name": "Payroll", **fields})
    return flow


def _late(stage: Stage) -> str:
    """Let acme's clone land late, and a person clone by hand meanwhile, so that ours is unknown; return theirs."""
    theirs = _strange(stage, _integrationId="b" * 24)
    cloned_by_hand = {"_integrationId": stage.integration(), "_sourceId": template()}
    stage.befall(
        Rule(action="late", route="flows.clone", seconds=LATE, nth=1),
        Rule(action="edit", route="flows.clone", nth=1, flow=theirs, fields=cloned_by_hand),
    )
    doubted = stage.apply()
    assert doubted.tenants["acme"]["outcome"] == "unknown"
    return theirs


def test_a_clone_repeated_at_a_persons_word_waits_for_the_first_to_land(alone: Stage) -> None:
    _late(alone)

    alone.run("resolve", "acme", "--retry")
    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert alone.sent("flows.clone") == 1
    assert len(alone.flows()) == 2


@pytest.mark.parametrize("newer", [False, True], ids=["superseded", "after-a-newer-rollout"])
def test_a_clone_repeated_by_another_plan_waits_for_the_first_to_land(alone: Stage, newer: bool) -> None:
    theirs = _late(alone)
    if newer:
        alone.tenants["globex"] = Customer(US, 1)
        alone.apply()
    alone.run("resolve", "acme", "--retry")
    alone.simulator.world.accounts[US].drop("flows", theirs)
    alone.manifest["flow"]["settings"]["batchSize"] = 300

    alone.apply("--supersede", "--allow", "many-updates")

    assert alone.sent("flows.clone") == len(alone.tenants)


def test_a_clone_given_up_after_a_sleep_may_land_as_late_as_any_other(
    alone: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.clock_gettime
    monkeypatch.setattr(time, "clock_gettime", lambda clock: real(clock) + 3600 * bool(alone.sent("flows.clone")))
    alone.befall(Rule(action="late", route="flows.clone", seconds=LATE, nth=1))

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert len(alone.flows()) == alone.sent("flows.clone") == 1


def test_a_listing_refused_while_a_clone_is_in_doubt_is_asked_for_again(alone: Stage) -> None:
    alone.befall(
        Rule(action="lose", route="flows.clone", applied=True, nth=1),
        Rule(action="refuse", route="integrations.flows", status=403, code="access_restricted", nth=3),
    )

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert alone.sent("flows.clone") == 1


def test_a_late_put_never_overwrites_a_newer_one(alone: Stage) -> None:
    alone.apply()
    alone.manifest["flow"]["settings"]["batchSize"] = 300
    alone.befall(
        Rule(action="late", route="flows.put", seconds=LATE, nth=1),
        Rule(action="refuse", route="flows.put", status=401, code="unauthorized", nth=2),
    )
    alone.apply()
    alone.mend()
    alone.manifest["flow"]["settings"]["batchSize"] = 400

    ended = alone.apply("--supersede")

    assert ended.code == 0, ended.err
    assert len(alone.effects("put", "acme")) == 3  # the first, the late one, and the newer
    assert alone.flow()["settings"]["batchSize"] == 400


def test_theirs_stays_theirs_though_the_puts_answer_is_lost(alone: Stage) -> None:
    alone.apply()
    alone.edit("acme", timezone="Asia/Tokyo")
    alone.columns["acme"] = {"timezone": "Europe/Rome"}
    alone.manifest["flow"]["settings"]["batchSize"] = 500
    alone.befall(Rule(action="lose", route="flows.put", nth=1))

    ended = alone.apply("--theirs", "acme")

    assert ended.code == 0, ended.err
    assert (alone.flow()["timezone"], alone.flow()["settings"]["batchSize"]) == ("Asia/Tokyo", 500)


def test_a_clone_answered_with_a_flow_that_was_there_before_leaves_it_alone(alone: Stage) -> None:
    theirs = _strange(alone)
    before = alone.flow()
    alone.befall(Rule(action="garble", route="flows.clone", text=json.dumps({"_id": theirs})))

    ended = alone.apply()

    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert before in alone.flows()
    assert "flows.put" not in alone.writes


@pytest.mark.parametrize("strange", ["", "../flows"])
def test_a_listing_of_what_are_no_ids_is_unreadable_and_asked_for_again(alone: Stage, strange: str) -> None:
    theirs = _strange(alone)
    marker = InstanceKey(template(), alone.integration()).marker
    listing = json.dumps([{"_id": strange, "name": f"x {marker}", "_integrationId": alone.integration()}])
    alone.befall(Rule(action="garble", route="integrations.flows", nth=2, text=listing))

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert [flow["_id"] for flow in alone.flows()] == [theirs, ended.tenants["acme"]["flow"]]


def _left_in_doubt(stage: Stage) -> None:
    """Let euro's clone be lost, and its account's token be revoked before it is found."""
    stage.add_account()
    stage.tenants["euro"] = Customer(EU, 0)
    stage.befall(
        Rule(action="lose", route="flows.clone", id=stage.integration("euro"), applied=True),
        Rule(action="refuse", route="integrations.flows", id=stage.integration("euro"), status=401, nth=3),
    )
    stage.apply()
    stage.mend()


def test_a_call_in_doubt_where_the_token_is_revoked_holds_up_no_other_account(
    alone: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _left_in_doubt(alone)
    monkeypatch.delenv("EU_TOKEN")
    alone.manifest["flow"]["settings"]["batchSize"] = 300

    ended = alone.apply("--supersede")

    assert ended.tenants["acme"]["outcome"] == "done"
    assert alone.flow("acme")["settings"]["batchSize"] == 300
    assert "deployer resolve euro" in ended.tenants["euro"]["error"]["message"]


def test_what_was_left_in_doubt_by_a_revoked_token_is_resolved_and_found(
    alone: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _left_in_doubt(alone)
    monkeypatch.delenv("EU_TOKEN")
    alone.apply("--supersede")
    monkeypatch.setenv("EU_TOKEN", alone.environment["EU_TOKEN"])

    waiting = alone.plan()["euro"]
    said = alone.run("resolve", "euro", "--retry")
    ended = alone.apply()

    assert "deployer resolve euro" in waiting["reason"]
    assert (said.code, ended.code) == (0, 0), ended.err
    assert len(alone.effects("clone", "euro")) == len(alone.flows("euro")) == 1
