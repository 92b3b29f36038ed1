"""Secrets that read back masked: written once, never sent back as asterisks."""

import pytest

from deployer.simulator import Knobs, Rule
from tests.engine.stage import Stage

MASK = "******"


@pytest.fixture
def masking(stage: Stage) -> Stage:
    """Return a stage whose server masks a setting of ours, with everything deployed and the ledger emptied."""
    stage.simulator.knobs = Knobs(masked_setting="apiKey")
    stage.manifest["flow"]["settings"] = {"apiKey": "first", "batchSize": 200}
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def kept(stage: Stage, name: str = "acme") -> str:
    return str(stage.flow(name)["settings"]["apiKey"])


def test_a_secret_of_ours_is_written_once_and_is_no_drift(masking: Stage) -> None:
    ended, drift = masking.apply(), masking.run("drift")

    assert kept(masking) == "first"
    assert (ended.code, drift.code, masking.writes) == (0, 0, [])
    assert ended.document["counts"]["no_change"] == 3


def test_an_update_of_another_field_sends_our_secret_and_not_its_mask(masking: Stage) -> None:
    masking.manifest["flow"]["settings"]["batchSize"] = 300

    ended = masking.apply()

    assert ended.code == 0, ended.err
    assert masking.flow()["settings"] == {"apiKey": "first", "batchSize": 300}


def test_another_secret_is_written(masking: Stage) -> None:
    masking.manifest["flow"]["settings"]["apiKey"] = "second"

    ended = masking.apply()

    assert (ended.code, kept(masking), masking.writes) == (0, "second", ["flows.put"] * 3)
    assert masking.plan()["acme"]["action"] == "no_change"


def test_a_lost_answer_does_not_lose_the_secret(masking: Stage) -> None:
    masking.manifest["flow"]["settings"]["apiKey"] = "second"
    masking.befall(Rule(action="lose", route="flows.put", id=masking.flow()["_id"], nth=1))

    ended = masking.apply()

    assert (ended.code, kept(masking)) == (0, "second"), ended.err


def test_a_secret_of_somebody_else_blocks_its_tenant_before_anything_is_sent(stage: Stage) -> None:
    stage.apply()
    stage.edit("acme", settings={"region": "us-east", "batchSize": 200, "apiKey": MASK})
    stage.forget_requests()
    unchanged = stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    planned = stage.plan()["acme"]
    ended = stage.apply()

    reason = "settings.apiKey reads back masked: a PUT of the whole document would overwrite the secret"
    assert unchanged.document["counts"]["no_change"] == 3
    assert planned["action"] == "blocked"
    assert planned["reason"].startswith(reason)
    assert (ended.code, ended.tenants["acme"]["outcome"], stage.writes) == (3, "blocked", ["flows.put"] * 2)


def test_a_secret_that_appears_after_the_plan_fails_its_tenant_before_anything_is_sent(stage: Stage) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    flow = stage.flow()["_id"]
    theirs = {"settings": {"region": "us-east", "batchSize": 200, "apiKey": MASK}}
    stage.befall(Rule(action="edit", route="flows.get", id=flow, nth=1, fields=theirs))  # after the plan
    stage.forget_requests()

    ended = stage.apply()

    error = ended.tenants["acme"]["error"]
    assert (ended.tenants["acme"]["outcome"], error["code"], error["field"]) == ("failed", "masked", "settings.apiKey")
    assert "reads back masked" in error["message"]
    assert stage.flow()["settings"]["batchSize"] == 200
    assert stage.writes == ["flows.put"] * 2


def test_a_secret_in_the_template_is_named_before_anything_is_cloned(stage: Stage) -> None:
    account = stage.simulator.world.accounts["acme-us"]
    template = account.documents["flows"][stage.manifest["template"]["flow"]]
    account.keep("flows", {**template, "settings": {"apiKey": MASK}})

    ended = stage.apply()
    owned = stage.manifest["flow"]["settings"]
    owned["apiKey"] = "ours"
    mended = stage.apply()

    assert (ended.code, stage.sent("flows.clone")) == (1, 3)  # all of them of the second apply
    assert "in the template, settings.apiKey reads back masked" in ended.tenants["acme"]["error"]["message"]
    assert mended.code == 0, mended.err
    assert stage.flow()["settings"]["apiKey"] == "ours"


def test_a_rollback_never_puts_a_mask_where_a_secret_stood_and_says_what_stays(masking: Stage) -> None:
    masking.manifest["flow"]["settings"] = {"apiKey": "second", "batchSize": 300}
    masking.apply()
    masking.edit("globex", settings={"apiKey": "second", "batchSize": 300, "note": MASK})

    shown = masking.run("rollback", "--plan").out
    ended = masking.run("rollback", "--yes", "--json")

    assert "settings.apiKey stays: what stood there before reads back masked" in shown
    assert masking.flow()["settings"] == {"apiKey": "second", "batchSize": 200}
    assert (ended.code, ended.tenants["globex"]["outcome"]) == (3, "blocked")
    assert "settings.note reads back masked" in ended.tenants["globex"]["error"]["message"]


def test_a_secret_that_we_never_wrote_is_taken_over_only_with_ours(masking: Stage) -> None:
    masking.manifest["flow"]["settings"]["other"] = "ours"
    masking.edit("acme", settings={"apiKey": "first", "batchSize": 200, "other": MASK})

    blocked = masking.apply("--theirs", "acme")
    ended = masking.apply("--ours", "acme")

    assert blocked.tenants["acme"]["outcome"] == "blocked"
    assert "choose --ours acme, or take it out of the manifest" in blocked.tenants["acme"]["error"]["message"]
    assert ended.code == 0, ended.err
    assert masking.flow()["settings"]["other"] == "ours"
