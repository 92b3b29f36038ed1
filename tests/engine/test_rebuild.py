"""A journal that is lost or restored is noticed, and rebuilt from what is there: nothing doubled, nothing run twice."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import EU, SOON, US, Stage, staged


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    """Return a stage on which everything is deployed, with the ledger emptied."""
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def lose_journal(stage: Stage) -> None:
    shutil.rmtree(stage.directory / ".deployer")


def restored(stage: Stage) -> None:
    """Deploy, keep a copy of the journal, let it be worked on, and put the copy in its place."""
    copy = stage.directory.parent / "copy"
    stage.apply()
    shutil.copytree(stage.directory / ".deployer", copy)
    stage.manifest["flow"]["timezone"] = "Asia/Tokyo"
    stage.apply("--allow", "many-updates")
    lose_journal(stage)
    shutil.copytree(copy, stage.directory / ".deployer")
    stage.forget_requests()


def test_a_flow_that_is_found_again_is_upgraded_like_any_other(deployed: Stage) -> None:
    lose_journal(deployed)
    deployed.run("rebuild", "--yes")
    assert deployed.apply().code == 0
    account = deployed.simulator.world.accounts[US]
    template = account.documents["flows"][deployed.manifest["template"]["flow"]]
    account.keep("flows", {**template, "wizardState": "new", "lastModified": "2999-01-01T00:00:00.000Z"})
    assert deployed.apply().code == 0
    assert [deployed.flow(name)["wizardState"] for name in deployed.tenants] == ["new"] * 3


@pytest.mark.parametrize("words", [("apply", "--yes"), ("run",), ("resume",)])
def test_nothing_is_sent_for_a_journal_whose_predecessor_is_lost(deployed: Stage, words: tuple[str, ...]) -> None:
    lose_journal(deployed)
    ended = deployed.run(*words)
    assert (ended.code, deployed.writes) == (6, [])
    assert "when account acme-us was last worked on: it is lost\n" in ended.err
    assert ended.err.endswith("  find out first what is there: deployer rebuild rollout.yaml\n")


def test_nothing_is_sent_for_an_older_copy_of_the_journal(stage: Stage) -> None:
    restored(stage)
    ended = stage.apply()
    assert (ended.code, stage.writes) == (6, [])
    assert "is an older copy: account acme-us was worked on since" in ended.err


def test_whoever_only_reads_does_not_complain_of_a_lost_journal(deployed: Stage) -> None:
    lose_journal(deployed)
    assert deployed.run("plan").code == 0


def test_a_directory_that_was_moved_or_copied_goes_on(deployed: Stage) -> None:
    copied = deployed.directory.parent / "copied"
    shutil.copytree(deployed.directory, copied)
    assert deployed.apply().code == 0
    deployed.directory = copied
    assert deployed.apply().code == 0


def test_a_copy_does_not_go_on_with_what_was_gone_on_with_elsewhere(stage: Stage) -> None:
    stage.run_flows()
    stage.manifest["waves"] = {"sizes": [1], "approve": True}
    waiting = stage.apply()
    assert stage.run("approve", "--plan", waiting.document["plan"]).code == 0
    original, copied = stage.directory, stage.directory.parent / "copied"
    shutil.copytree(original, copied)
    stage.run("resume")
    assert len(stage.effects("run", "globex")) == 1
    stage.directory = copied

    ended = stage.run("resume")

    assert (ended.code, len(stage.effects("run", "globex"))) == (6, 1)
    assert f"account {US} was worked on since with {original}" in ended.err
    rebuild(stage)
    assert stage.apply().code == 0
    assert len(stage.effects("run", "globex")) == 1


def rebuild(stage: Stage, *options: str) -> Any:  # noqa: ANN401 - JSON
    """Rebuild the journal, and return what was printed."""
    ended = stage.run("rebuild", "--yes", "--json", *options)
    assert ended.code in {0, 3}, ended.err
    return ended.document


def findings(document: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    return {tenant["tenant"]: tenant["finding"] for tenant in document["tenants"]}


def test_a_lost_journal_is_rebuilt_from_the_markers_and_the_next_apply_changes_nothing(deployed: Stage) -> None:
    lose_journal(deployed)
    assert set(findings(rebuild(deployed)).values()) == {"found"}
    ended = deployed.apply()
    assert (ended.code, deployed.writes) == (0, [])
    assert {tenant["outcome"] for tenant in ended.tenants.values()} == {"no_change"}


def test_a_restored_journal_keeps_what_it_knows_rightly_and_goes_on(stage: Stage) -> None:
    restored(stage)
    assert set(findings(rebuild(stage)).values()) == {"kept"}
    ended = stage.apply()
    assert (ended.code, stage.writes) == (0, [])


def test_a_journal_that_was_rebuilt_is_another_from_then_on(stage: Stage) -> None:
    restored(stage)
    copy = stage.directory.parent / "copy"
    rebuild(stage)
    shutil.rmtree(stage.directory / ".deployer")
    shutil.copytree(copy, stage.directory / ".deployer")
    assert "it is lost" in stage.apply().err


def test_nothing_is_run_again_and_whose_run_cannot_be_known_is_told(stage: Stage) -> None:
    stage.run_flows()
    stage.befall(Rule(action="lose", route="flows.run", id=stage.integration("globex"), nth=1))
    stage.apply()
    ran = len(stage.effects("run"))
    stage.mend()
    lose_journal(stage)

    told = rebuild(stage)
    ended = stage.apply()

    assert {tenant["tenant"]: tenant["ran"] for tenant in told["tenants"]} == {
        "acme": True,
        "globex": False,
        "initech": True,
    }
    assert (ended.code, len(stage.effects("run"))) == (0, ran)


def test_a_flow_that_was_only_born_is_configured_and_run_by_the_next_apply(stage: Stage) -> None:
    stage.run_flows()
    stage.refuse("acme")
    stage.apply()
    stage.mend()
    lose_journal(stage)

    (acme,) = (tenant for tenant in rebuild(stage)["tenants"] if tenant["tenant"] == "acme")
    ended = stage.apply()

    assert (acme["finding"], acme["ran"]) == ("found", None)
    assert ended.tenants["acme"]["outcome"] == "done"
    assert len(stage.effects("run", "acme")) == 1


def test_a_run_that_a_restored_journal_still_owes_is_not_made(stage: Stage) -> None:
    """The copy is from before the run: all that it knows of is a run that was not made yet."""
    stage.run_flows()
    stage.refuse("acme", route="flows.run", status=401, code="unauthorized")
    stage.apply()
    copy = stage.directory.parent / "copy"
    shutil.copytree(stage.directory / ".deployer", copy)
    stage.mend()
    stage.apply()
    ran = len(stage.effects("run"))
    lose_journal(stage)
    shutil.copytree(copy, stage.directory / ".deployer")

    left = rebuild(stage)["left"]
    ended = stage.apply()

    assert (len(left), ran) == (1, 3)
    assert (ended.code, len(stage.effects("run"))) == (0, ran)


def test_what_nobody_could_read_before_is_looked_at_again(stage: Stage) -> None:
    stage.tenants = {"acme": stage.tenants["acme"]}
    unreadable = [Rule(action="refuse", route="integrations.flows", status=503, nth=number) for number in range(3, 60)]
    stage.befall(Rule(action="lose", route="flows.clone", applied=True, nth=1), *unreadable)
    assert stage.apply().tenants["acme"]["outcome"] == "unknown"

    too_soon = stage.run("rebuild", "--yes")
    stage.mend()
    found = findings(rebuild(stage))
    ended = stage.apply()

    assert "acme: what became of a call in rollout" in too_soon.err
    assert "run rebuild again once the API answers" in too_soon.err
    assert (found, ended.code, ended.tenants["acme"]["outcome"]) == ({"acme": "kept"}, 0, "done"), ended.err
    assert len(stage.effects("clone", "acme")) == 1


def test_a_flow_that_differs_waits_for_a_choice(deployed: Stage) -> None:
    deployed.edit("acme", timezone="Asia/Tokyo")
    lose_journal(deployed)
    rebuild(deployed)
    assert deployed.apply().tenants["acme"]["outcome"] == "blocked"
    assert deployed.apply("--ours", "acme").code == 0
    assert deployed.flow("acme")["timezone"] == "America/New_York"


def test_flows_of_integrations_that_the_manifest_does_not_name_are_remembered_too(deployed: Stage) -> None:
    integration = deployed.integration("acme")
    del deployed.tenants["acme"]
    deployed.tenants["hooli"] = Customer(US, 7)
    lose_journal(deployed)

    found = findings(rebuild(deployed))

    assert found == {integration: "stranger", "hooli": "absent", "globex": "found", "initech": "found"}
    assert f"1 not in manifest, left alone: {integration}" in deployed.run("plan").out


def test_surplus_copies_are_told(deployed: Stage) -> None:
    deployed.keep("acme", {**deployed.flow("acme"), "_id": "f" * 24, "createdAt": "2099-01-01T00:00:00.000Z"})
    lose_journal(deployed)
    assert "surplus copies: acme: flow ffffffffffffffffffffffff" in deployed.run("rebuild", "--yes").out


@pytest.mark.parametrize("settled", [True, False])
def test_rebuilding_waits_unless_every_deployer_here_was_sure_of_all_it_sent(stage: Stage, settled: bool) -> None:
    if settled:
        stage.apply()
    else:
        stage.befall(Rule(action="kill", route="flows.clone", nth=1))
        with stage.started("apply", "--yes") as dying:
            stage.simulator.pid = dying.pid
            dying.wait(SOON)
        stage.mend()
    lose_journal(stage)
    waited = rebuild(stage)["waited"]
    assert waited <= 0.1 if settled else waited == 1.9


def test_what_was_made_just_before_a_journal_was_lost_is_waited_for_until_lists_show_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged(tmp_path, monkeypatch, Knobs(list_lag=1.0)) as stage:
        stage.manifest["safety"]["lag"] = "1500ms"
        stage.apply()
        lose_journal(stage)

        found = rebuild(stage)

        assert set(findings(found).values()) == {"found"}
        assert stage.apply().code == 0
        assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]


def test_what_lands_while_the_journal_is_rebuilt_is_found(stage: Stage) -> None:
    stage.tenants = {"acme": stage.tenants["acme"]}
    stage.manifest["safety"]["settle"] = "2s"
    stage.befall(Rule(action="late", route="flows.clone", seconds=2.0, nth=1))
    with stage.started("apply", "--yes") as dying:
        stage.await_requests("flows.clone")
        dying.kill()
        dying.wait(SOON)
    lose_journal(stage)
    assert findings(rebuild(stage)) == {"acme": "found"}
    assert (stage.apply().code, len(stage.flows())) == (0, 1)


def test_an_account_that_does_not_answer_is_not_rebuilt_and_still_refuses(
    deployed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.add_account()
    deployed.tenants["euro"] = Customer(EU, 0)
    deployed.apply()
    lose_journal(deployed)

    with monkeypatch.context() as expired:
        expired.setenv("EU_TOKEN", "expired")
        ended = deployed.run("rebuild", "--yes")

    assert (ended.code, "not rebuilt: account acme-eu" in ended.out) == (3, True)
    assert "when account acme-eu was last worked on: it is lost" in deployed.apply().err
    rebuild(deployed)
    assert deployed.apply().code == 0


def test_nothing_is_rebuilt_where_nobody_confirms(deployed: Stage) -> None:
    lose_journal(deployed)
    ended = deployed.run("rebuild")
    assert (ended.code, "deployer rebuild --yes" in ended.err) == (2, True)
    assert deployed.apply().code == 6
