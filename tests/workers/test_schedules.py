"""Schedules where there are workers: each time is fired by one of them, and its night goes on whoever dies."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import psycopg
import pytest

from deployer.domain.firing import State
from deployer.simulator import Knobs
from tests.cli.firing import came_into_force, firings, just_now, written
from tests.engine.stage import Stage, staged
from tests.postgres import Server
from tests.workers.test_workers import SOON, TAKEN_OVER, wait_until, workers

FIRES = "SELECT holder <> '', pid FROM deployer.claim WHERE account = 'schedules of order-sync'"


@pytest.fixture
def stage(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("DEPLOYER_JOURNAL", database.new_database())
    with staged(tmp_path, monkeypatch, Knobs(job_duration=0.0)) as ready:
        ready.run_flows()
        yield ready


def who_fires() -> int | None:
    with psycopg.connect(os.environ["DEPLOYER_JOURNAL"]) as connection:
        found = connection.execute(FIRES).fetchone()
        return int(found[1]) if found and found[0] else None


def all_ended(stage: Stage) -> bool:
    found = written(stage)
    return bool(found) and all(each.state is State.ENDED for each in found)


def test_of_many_workers_one_fires_and_all_carry_it_out(stage: Stage) -> None:
    assert stage.apply("--local").code == 0
    before = len(stage.effects("run"))
    stage.manifest["schedules"] = {
        "nightly": just_now(do="apply"),
        "runs": just_now(do="run"),
        "drift": just_now(do="drift"),
    }
    came_into_force(stage)

    with workers(stage, 2):
        wait_until(lambda: len(written(stage)) == 3 and all_ended(stage), 2 * SOON)

    found = {each["schedule"]: each for each in firings(stage)}
    assert {name: each["counts"] for name, each in found.items()} == {
        "nightly": {"no_change": 3},
        "runs": {"done": 3},
        "drift": {"drifted": 0, "compared": 3, "blocked": 0},
    }
    assert len(stage.effects("run")) == before + 3


def test_the_night_of_a_worker_that_was_killed_goes_on_and_runs_nothing_twice(stage: Stage) -> None:
    assert stage.apply("--local").code == 0
    before, sent = len(stage.effects("run")), stage.sent("flows.run")
    stage.simulator.knobs = Knobs(job_duration=8.0)
    stage.manifest["schedules"] = {"runs": just_now(do="run")}
    came_into_force(stage)

    with workers(stage, 2) as started:
        stage.await_requests("flows.run", sent + 3)
        wait_until(lambda: all(each["jobs"] for each in stage.run("status", "--json").document["tenants"]))  # known
        victim = next(one for one in started if one.pid == who_fires())
        victim.send_signal(SIGKILL)
        wait_until(lambda: all_ended(stage), 2 * TAKEN_OVER)

    [firing] = firings(stage)
    assert (firing["outcome"], firing["counts"]) == ("done", {"done": 3})
    assert len(stage.effects("run")) == before + 3


def test_a_failed_night_calls_the_hook_of_the_worker_that_fired(stage: Stage, tmp_path: Path) -> None:
    stage.refuse("acme")
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    told, hook = tmp_path / "told.json", tmp_path / "hook.py"
    hook.write_text(f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read() + '\\n')", "utf-8")

    with stage.started("worker", "--on-failure", f"{sys.executable} {hook}"):
        wait_until(told.exists, 2 * SOON)
        wait_until(lambda: all_ended(stage))

    [line] = told.read_text("utf-8").splitlines()
    assert json.loads(line)["counts"] == {"done": 2, "failed": 1}


def test_a_manifest_that_is_not_where_the_worker_is_fails_the_night_and_says_so(stage: Stage, tmp_path: Path) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    with stage.started("worker", "--directory", str(elsewhere)):
        wait_until(lambda: all_ended(stage), 2 * SOON)

    [firing] = firings(stage)
    assert firing["code"] == 2
    assert "elsewhere/rollout.yaml" in firing["reason"]
