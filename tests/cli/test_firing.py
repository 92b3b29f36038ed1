"""What is due is fired once, whoever fires and whatever dies; each time is written with what became of it."""

import json
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM

import click
import pytest

from deployer.domain.firing import Cause, Firing, State
from deployer.simulator import Knobs, Rule
from tests.cli.firing import came_into_force, firings, just_now, write, written
from tests.engine.stage import Stage, staged
from tests.postgres import Server

DUE = ("schedule", "run", "--due")
NOTHING = "nothing is due\n"


def runs(stage: Stage) -> int:
    return len(stage.effects("run"))


@pytest.mark.anywhere
def test_a_nightly_apply_deploys_what_the_manifest_says_now(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    stage.manifest["flow"]["settings"]["batchSize"] = 250

    ended = stage.run(*DUE)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].endswith("  nightly  done: succeeded (3 done)")
    assert {stage.flow(name)["settings"]["batchSize"] for name in stage.tenants} == {250}
    [firing] = firings(stage)
    assert (firing["outcome"], firing["code"], firing["counts"]) == ("done", 0, {"done": 3})
    assert firing["rollout"] == stage.run("status", "--json").document["rollout"]
    assert stage.run(*DUE).err == NOTHING
    assert len(firings(stage)) == 1


@pytest.mark.anywhere
def test_nightly_runs_are_followed_and_summed_up(stage: Stage) -> None:
    stage.run_flows()
    assert stage.apply().code == 0
    before = runs(stage)
    stage.manifest["schedules"] = {"runs": just_now(do="run")}
    came_into_force(stage)

    assert stage.run(*DUE).code == 0
    assert stage.run(*DUE).err == NOTHING

    assert runs(stage) == before + 3
    [firing] = firings(stage)
    assert (firing["outcome"], firing["counts"]) == ("done", {"done": 3})


def test_a_drift_check_only_reads_and_fails_where_something_was_changed(stage: Stage) -> None:
    assert stage.apply().code == 0
    stage.edit("acme", disabled=True)
    stage.forget_requests()
    stage.manifest["schedules"] = {"drift": just_now(do="drift")}
    came_into_force(stage)

    ended = stage.run(*DUE)

    assert (ended.code, stage.writes) == (3, [])
    [firing] = firings(stage)
    assert (firing["outcome"], firing["reason"]) == ("failed", "1 of 3 flows changed outside")
    assert firing["counts"] == {"drifted": 1, "compared": 3, "blocked": 0}


def test_a_failed_night_says_so_by_code_event_and_hook(stage: Stage, tmp_path: Path) -> None:
    stage.refuse("acme")
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    told, hook = tmp_path / "told.json", tmp_path / "hook.py"
    hook.write_text(f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())", "utf-8")

    ended = stage.run(*DUE, "--on-failure", f"{sys.executable} {hook}")

    assert ended.code == 3
    [line] = ended.err.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["schedule"], event["code"]) == (
        "schedule.failed",
        "error",
        "nightly",
        3,
    )
    document = json.loads(told.read_text("utf-8"))
    assert (document["outcome"], document["counts"]) == ("failed", {"done": 2, "failed": 1})
    assert document["local"] == firings(stage)[0]["local"]


def test_a_hook_that_cannot_be_called_is_said_and_spoils_nothing(stage: Stage) -> None:
    stage.refuse("acme")
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)

    ended = stage.run(*DUE, "--on-failure", "/no/such/program --loud")

    assert ended.code == 3
    assert "--on-failure /no/such/program --loud: [Errno 2] No such file" in ended.err
    assert firings(stage)[0]["outcome"] == "failed"


def test_what_cannot_begin_is_written_as_failed_with_its_reason(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    stage.manifest["flow"]["disabeld"] = True
    (stage.directory / "rollout.yaml").write_text(json.dumps(stage.manifest), "utf-8")
    assert stage.run(*DUE).code == 2  # the manifest itself cannot be read
    del stage.manifest["flow"]["disabeld"]
    stage.manifest["accounts"]["acme-us"]["token"] = "env:NOBODY"

    ended = stage.run(*DUE)

    assert ended.code == 4
    [firing] = firings(stage)
    assert (firing["outcome"], firing["code"]) == ("failed", 4)
    assert "NOBODY" in firing["reason"]


def test_in_a_freeze_nothing_is_begun_but_looked_at(stage: Stage) -> None:
    assert stage.apply().code == 0
    stage.forget_requests()
    today = datetime.now(UTC)
    stage.manifest["freeze"] = [
        {
            "timezone": "UTC",
            "start": f"{today - timedelta(days=2):%Y-%m-%d}",
            "end": f"{today + timedelta(days=2):%Y-%m-%d}",
            "why": "year end",
        }
    ]
    stage.manifest["schedules"] = {
        "nightly": just_now(do="apply"),
        "runs": just_now(do="run"),
        "drift": just_now(do="drift"),
    }
    came_into_force(stage)

    assert stage.run(*DUE).code == 0

    assert stage.writes == []
    found = {each["schedule"]: each for each in firings(stage)}
    assert found["drift"]["outcome"] == "done"
    for name in ("nightly", "runs"):
        assert (found[name]["outcome"], found[name]["cause"]) == ("skipped", "frozen")
        assert found[name]["reason"].endswith("UTC: year end")


def test_a_time_that_nobody_fired_in_its_window_is_a_failed_night(stage: Stage) -> None:
    past = datetime.now(UTC) - timedelta(minutes=30)
    stage.manifest["schedules"] = {
        "nightly": {"do": "apply", "cron": f"{past.minute} {past.hour} * * *", "timezone": "UTC", "catch_up": "10m"}
    }
    came_into_force(stage)

    ended = stage.run(*DUE)

    assert ended.code == 1
    [firing] = firings(stage)
    assert (firing["outcome"], firing["reason"]) == ("missed", "nobody could fire it within 10 min")
    assert not stage.writes


def test_two_that_fire_at_once_fire_it_once(stage: Stage) -> None:
    stage.run_flows()
    assert stage.apply().code == 0
    before = runs(stage)
    stage.manifest["schedules"] = {"runs": just_now(do="run")}
    came_into_force(stage)

    with stage.started(*DUE) as one, stage.started(*DUE) as other:
        codes = {one.wait(30), other.wait(30)}

    assert codes == {0}
    assert runs(stage) == before + 3
    assert [each["outcome"] for each in firings(stage)] == ["done"]


@pytest.mark.anywhere
def test_who_is_killed_is_followed_by_one_who_runs_nothing_a_second_time(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(latency={"flows.run": 0.3}, job_duration=0.5)
    stage.run_flows()
    stage.one_at_a_time(5)
    assert stage.apply().code == 0
    before, sent = runs(stage), stage.sent("flows.run")
    stage.manifest["schedules"] = {"runs": just_now(do="run")}
    came_into_force(stage)

    with stage.started("schedule", "run") as process:
        stage.await_requests("flows.run", sent + 2)
        process.send_signal(SIGKILL)
        process.wait()
    [open_] = written(stage)
    assert open_.state is State.RUNNING
    ended = stage.run(*DUE)

    assert ended.code in {0, 3}, ended.err  # the call in flight may be one that a person has to decide about
    assert runs(stage) <= before + 5
    [firing] = firings(stage)
    assert firing["rollout"] == open_.rollout
    assert sum(firing["counts"].values()) == 5
    assert firing["counts"].get("done", 0) >= 4


@pytest.mark.anywhere
def test_who_dies_before_the_end_is_written_has_it_written_and_nothing_done_again(stage: Stage) -> None:
    stage.run_flows()
    assert stage.apply().code == 0
    stage.manifest["schedules"] = {"runs": just_now(do="run")}
    came_into_force(stage)
    assert stage.run(*DUE).code == 0
    [ended] = written(stage)
    write(stage, ended, replace(ended, state=State.RUNNING, ended_at=None, code=None, counts={}, reason=""))
    before = runs(stage)

    assert stage.run(*DUE).code == 0

    assert runs(stage) == before
    [again] = written(stage)
    assert (again.state, again.code, again.counts, again.rollout) == (State.ENDED, 0, {"done": 3}, ended.rollout)


def died_before_it_began(stage: Stage) -> Firing:
    """Let a nightly apply be fired, and whoever fired it die before anything began."""
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    stage.manifest["accounts"]["acme-us"]["token"] = "env:NOBODY"
    assert stage.run(*DUE).code == 4
    [failed] = written(stage)
    write(stage, failed, replace(failed, state=State.RUNNING, ended_at=None, code=None, reason=""))
    stage.manifest["accounts"]["acme-us"]["token"] = "env:US_TOKEN"
    return failed


def test_who_dies_before_anything_began_has_it_begun_under_the_id_that_was_written(stage: Stage) -> None:
    failed = died_before_it_began(stage)

    assert stage.run(*DUE).code == 0
    assert stage.run("status", "--json").document["rollout"] == failed.rollout


def test_who_died_before_anything_began_has_nothing_begun_once_its_window_is_over(stage: Stage) -> None:
    died_before_it_began(stage)
    stage.manifest["schedules"]["nightly"]["catch_up"] = "1s"
    came_into_force(stage)

    stage.run(*DUE)

    [missed] = written(stage)
    assert (missed.state, missed.cause) == (State.SKIPPED, Cause.MISSED)
    assert stage.flows() == []


def test_an_unfinished_apply_is_gone_on_with_and_none_begun_beside_it(stage: Stage) -> None:
    stage.one_at_a_time(4)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.3})
    with stage.started("apply", "--yes") as process:
        stage.await_requests("flows.clone", 2)
        process.send_signal(SIGKILL)
        process.wait()
    unfinished = stage.run("status", "--json").document["rollout"]
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}  # which is no part of what is rolled out
    came_into_force(stage)

    assert stage.run(*DUE).code == 0

    [firing] = firings(stage)
    assert firing["rollout"] == unfinished
    assert firing["counts"] == {"done": 4}
    assert all(len(stage.flows(name)) == 1 for name in stage.tenants)


def test_who_works_on_the_journal_is_waited_for(stage: Stage) -> None:
    stage.one_at_a_time(4)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.4})
    with stage.started("apply", "--yes") as process:
        stage.await_requests("flows.clone", 1)
        stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
        came_into_force(stage)
        assert stage.run(*DUE).code == 0
        assert process.wait(30) == 0
    [firing] = firings(stage)
    assert (firing["outcome"], firing["counts"]) == ("done", {"no_change": 4})


def test_a_process_that_fires_ends_when_it_is_told_to_and_the_next_goes_on(stage: Stage) -> None:
    stage.one_at_a_time(4)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.4})
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    with stage.started("schedule", "run") as process:
        stage.await_requests("flows.clone", 1)
        process.send_signal(SIGTERM)
        said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "firing nightly of order-sync" in said[1]
    assert written(stage)[0].state is State.RUNNING

    assert stage.run(*DUE).code == 0
    assert firings(stage)[0]["counts"] == {"done": 4}
    assert stage.sent("flows.clone") == 4


def test_beside_one_that_fires_another_stands_by(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    stage.befall(Rule(action="late", route="flows.clone", seconds=1.0))
    came_into_force(stage)
    with stage.started("schedule", "run") as first:
        stage.await_requests("flows.clone", 1)
        beside = stage.run(*DUE)
        first.send_signal(SIGTERM)
        first.wait(30)
    assert beside.code == 0
    assert "what is due is left to another process: the schedules of order-sync" in beside.err


def test_after_its_database_died_a_process_goes_on_firing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_database: Server
) -> None:
    monkeypatch.setenv("DEPLOYER_JOURNAL", own_database.new_database())
    with staged(tmp_path, monkeypatch) as stage:
        stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
        came_into_force(stage, hours=0)
        with stage.started("schedule", "run") as process:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("firing nightly")
            own_database.crash()
            assert process.stderr.readline().startswith("standing by: the journal")
            own_database.restart()
            came_into_force(stage)
            until = time.monotonic() + 30
            while not (found := written(stage)) or found[0].state is not State.ENDED:
                assert time.monotonic() < until
                time.sleep(0.2)
            process.send_signal(SIGTERM)
            assert process.wait(30) == 0
        assert [each["counts"] for each in firings(stage)] == [{"done": 3}]


def test_a_signal_is_heeded_as_soon_as_it_is_said_how_to_stop(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.manifest["schedules"] = {"nightly": {"do": "drift", "cron": "0 2 * * *", "timezone": "UTC"}}
    say = click.echo

    def say_and_stop(text: str, *, err: bool = False) -> None:
        say(text, err=err)
        if "Ctrl-C stops" in text:
            os.kill(os.getpid(), SIGINT)

    monkeypatch.setattr(click, "echo", say_and_stop)
    ended = stage.run("schedule", "run")

    assert (ended.code, ended.err.splitlines()[-1].partition(":")[0]) == (0, "stopping")
