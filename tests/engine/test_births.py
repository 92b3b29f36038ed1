"""What a new flow is made of, whatever the platform turns out to answer."""

from pathlib import Path

import pytest

from deployer.simulator import Knobs, stable_id
from tests.engine.stage import US, Stage, staged


@pytest.mark.parametrize(
    "knobs",
    [
        Knobs(clone_answer="list"),
        Knobs(clone_disabled=False),
        Knobs(name_strip=True),
        Knobs(page_size=1),
        Knobs(list_lag=0.05),
        Knobs(rate_headers=True, latency={"*": 0.005}),
    ],
    ids=["list-answered", "born-enabled", "names-stripped", "tiny-pages", "lagging-lists", "slow"],
)
def test_however_the_platform_behaves_each_tenant_gets_one_flow_and_a_second_apply_only_reads(
    stage: Stage, knobs: Knobs
) -> None:
    stage.simulator.knobs = knobs

    ended = stage.apply()
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    assert [stage.flow(name)["settings"]["batchSize"] for name in stage.tenants] == [200] * 3
    assert (again.code, stage.writes) == (0, [])


def test_a_flow_is_born_disabled_and_without_a_schedule(stage: Stage) -> None:
    stage.apply()

    [clone], [put] = stage.effects("clone", "acme"), stage.effects("put", "acme")
    assert clone["n"] < put["n"]
    assert "schedule" not in clone["body"]
    assert put["body"]["disabled"] is False


def test_a_connection_may_be_kept(stage: Stage) -> None:
    slack = stable_id(US, "connections", "Templates Slack")
    stage.manifest["accounts"][US]["connections"][slack] = "keep"

    ended = stage.apply()

    assert ended.code == 0, ended.err
    account = stage.simulator.world.accounts[US]
    assert account.documents["imports"][stage.flow()["_importId"]]["_connectionId"] == slack


def test_a_connection_may_be_named_instead_of_its_id(stage: Stage) -> None:
    for name, who in stage.tenants.items():
        stage.columns[name] = {"slack": f"{who.name} Slack"}

    ended = stage.apply()

    assert ended.code == 0, ended.err
    account = stage.simulator.world.accounts[US]
    own = stage.tenants["acme"].id("connections", "Slack")
    assert account.documents["imports"][stage.flow("acme")["_importId"]]["_connectionId"] == own


def test_a_connection_that_nobody_mapped_blocks(stage: Stage) -> None:
    slack = stable_id(US, "connections", "Templates Slack")
    del stage.manifest["accounts"][US]["connections"][slack]

    planned = stage.plan()

    assert {tenant["action"] for tenant in planned.values()} == {"blocked"}
    assert slack in planned["acme"]["reason"]


def test_a_flow_that_another_rollout_made_since_the_plan_is_taken_though_no_list_shows_it_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged(tmp_path, monkeypatch, Knobs(list_lag=3.0)) as stage:
        alone = stage.run("plan", "--json", "--tenant", "acme").document["plan"]
        assert stage.apply().code == 0

        ended = stage.apply("--plan", alone, "--tenant", "acme")

        assert (ended.code, len(stage.flows("acme"))) == (0, 1), ended.err
