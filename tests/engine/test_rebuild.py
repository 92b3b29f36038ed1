"""A journal that is lost or restored is noticed, and rebuilt from what is there: nothing doubled, nothing run twice."""

import shutil

import pytest

from tests.engine.stage import Stage


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
