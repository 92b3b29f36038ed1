"""What ended long ago goes from the journal, and everything works on as before."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest

from deployer.api.places import journal_home
from deployer.domain.local_time import utc_text
from deployer.engine.plans import EXPIRY
from deployer.journal.home import Home
from tests.cli.terminal import terminal
from tests.engine.stage import Stage

anywhere = pytest.mark.anywhere


def home_of(stage: Stage) -> Home:
    return journal_home(stage.directory / "rollout.yaml", os.environ.get("DEPLOYER_JOURNAL"))


def history(stage: Stage) -> list[str]:
    return [each["rollout"] for each in stage.run("history", "--json").document["rollouts"]]


def saved_plans(stage: Stage) -> list[Path]:
    return sorted((stage.directory / ".deployer" / "plans").iterdir())


def let_pass(stage: Stage, days: int) -> None:
    """Let every rollout have ended, and every plan have been saved, so many days earlier."""
    age = timedelta(days=days)

    async def go() -> None:
        async with home_of(stage).open() as journal:
            for each in await journal.rollouts(limit=100):
                ended = each.ended_at and utc_text(datetime.fromisoformat(each.ended_at) - age)
                await journal.conclude(each.id, outcome=each.outcome, reason=each.reason, ended_at=ended)

    anyio.run(go)
    for file in saved_plans(stage):
        moment = file.stat().st_mtime - age.total_seconds()
        os.utime(file, (moment, moment))


def years(stage: Stage) -> list[str]:
    """Return the rollouts, newest first, of a stage with two old applies and two old nights, and one new night."""
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 500
    stage.apply()
    stage.run("run")
    stage.run("run")
    let_pass(stage, 100)
    stage.run("run")
    return history(stage)


@anywhere
def test_only_what_nobody_needs_goes_and_what_is_deployed_stays(stage: Stage) -> None:
    [new, night, other, second, first] = years(stage)

    ended = stage.run("prune", "--older-than", "90", "--yes")

    assert (ended.code, ended.out) == (0, "")
    assert "3 rollouts of order-sync ended before" in ended.err
    assert "and may go, with 2 saved plans; 1 more is still needed" in ended.err
    assert "deleted: 3 rollouts and 2 saved plans" in ended.err
    assert history(stage) == [new, second]
    assert not {night, other, first} & set(history(stage))
    assert {one["action"] for one in stage.plan().values()} == {"no_change"}
    assert stage.run("rollback", "--yes").code == 0
    assert all(flow["settings"]["batchSize"] == 200 for name in stage.tenants for flow in stage.flows(name))


@anywhere
def test_a_look_shows_what_would_go_and_changes_nothing(stage: Stage) -> None:
    [new, night, other, second, first] = years(stage)
    plans = saved_plans(stage)

    looked = stage.run("prune", "--older-than", "90", "--plan")
    listed = stage.run("prune", "--older-than", "90", "--plan", "--json")

    assert (looked.code, listed.code) == (0, 0)
    assert [line.split()[0] for line in looked.out.splitlines()[1:]] == [first, other, night]
    assert [each["rollout"] for each in listed.document["rollouts"]] == [first, other, night]
    assert "with 2 saved plans" in looked.err
    assert history(stage) == [new, night, other, second, first]
    assert saved_plans(stage) == plans


def test_what_ended_lately_stays(stage: Stage) -> None:
    rollouts = years(stage)

    ended = stage.run("prune", "--older-than", "101", "--yes")

    assert ended.code == 0
    assert "0 rollouts of order-sync" in ended.err
    assert "deleted" not in ended.err
    assert history(stage) == rollouts


def test_a_saved_plan_goes_only_once_it_cannot_be_applied(stage: Stage) -> None:
    stage.run("plan")
    [plan] = saved_plans(stage)
    let_pass(stage, EXPIRY.days)

    early = stage.run("prune", "--older-than", str(EXPIRY.days - 1), "--yes")
    kept = saved_plans(stage)
    late = stage.run("prune", "--older-than", str(EXPIRY.days), "--yes")

    assert (early.code, late.code) == (2, 0)
    assert kept == [plan]
    assert saved_plans(stage) == []


@anywhere
def test_a_person_is_asked_and_without_one_nothing_goes(stage: Stage) -> None:
    rollouts = years(stage)

    unasked = stage.run("prune", "--older-than", "90")
    with terminal(stage, "prune", "--older-than", "90", environment={}) as typed:
        typed.type("n\n")
        declined = typed.read()
    with terminal(stage, "prune", "--older-than", "90", environment={}) as typed:
        typed.type("y\n")
        agreed = typed.read()

    assert unasked.code == 2
    assert "deployer prune --older-than 90 --yes" in unasked.err
    assert "not confirmed: nothing was changed" in declined
    assert "deleted: 3 rollouts" in agreed
    assert history(stage) == [rollouts[0], rollouts[3]]


def test_who_works_on_the_journal_is_not_disturbed(stage: Stage) -> None:
    years(stage)
    before = history(stage)

    with home_of(stage).hold():
        ended = stage.run("prune", "--older-than", "90", "--yes")

    assert ended.code == 6
    assert "is in use" in ended.err
    assert history(stage) == before


def test_a_file_gives_its_room_back(stage: Stage) -> None:
    stage.apply()
    for _ in range(12):
        stage.run("run")
    let_pass(stage, 100)
    stage.run("run")
    file = stage.directory / ".deployer" / "journal.db"
    before = file.stat().st_size

    assert stage.run("prune", "--older-than", "90", "--yes").code == 0

    assert file.stat().st_size < 0.7 * before
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_anew_keeps_its_size_and_says_so(stage: Stage) -> None:
    """A disk on which there is no room for a second one."""
    years(stage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(home_of(stage)), "shrink", lambda _: "database or disk is full")
        ended = stage.run("prune", "--older-than", "90", "--yes")

    assert ended.code == 0
    assert "the file keeps its size: database or disk is full" in ended.err
    assert len(history(stage)) == 2


@pytest.mark.parametrize("words", [(), ("--older-than", "soon"), ("--older-than", "0")])
def test_a_wrong_age_is_refused(stage: Stage, words: tuple[str, ...]) -> None:
    ended = stage.run("prune", *words, "--yes")

    assert (ended.code, ended.out) == (2, "")
    assert "--older-than" in ended.err


@anywhere
def test_without_a_journal_there_is_nothing_to_do(stage: Stage) -> None:
    ended = stage.run("prune", "--older-than", "90", "--yes")

    assert (ended.code, ended.out) == (0, "")
    assert "0 rollouts of order-sync" in ended.err


def test_without_a_name_nothing_goes(stage: Stage) -> None:
    ended = stage.run("prune", "none.yaml", "--older-than", "90", "--yes")

    assert (ended.code, ended.out) == (2, "")
    assert "none.yaml" in ended.err
