"""Rollouts that workers carry out: spread over them, gone on with whatever becomes of one, never twice."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import anyio
import psycopg
import pytest
from jsonschema import Draft202012Validator

from deployer.api import control
from deployer.domain.instructions import Instruction, Verb
from deployer.engine.control import Control
from deployer.journal.postgres import PostgresHome
from deployer.report.shapes import schema
from deployer.simulator import Customer, Knobs
from tests.engine.stage import EU, US, Stage, staged
from tests.postgres import Server

SOON = 20
TAKEN_OVER = 45  # seconds in which others have what a worker that died had


@pytest.fixture
def stage(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("DEPLOYER_JOURNAL", database.new_database())
    with staged(tmp_path, monkeypatch, Knobs(latency={"flows.clone": 0.2}, job_duration=0.0)) as ready:
        ready.manifest["safety"] |= {"clone_timeout": "30s"}
        yield ready


@contextmanager
def workers(stage: Stage, count: int = 1, *, concurrency: int = 2) -> Iterator[list[subprocess.Popen[str]]]:
    """Start workers, and wait until all are alive."""
    command = ("worker", "--concurrency", str(concurrency))
    with ExitStack() as stack:
        started = [stack.enter_context(stage.started(*command)) for _ in range(count)]
        try:
            wait_until(lambda: alive() >= 2 * count)
            yield started
        except BaseException:
            for one in started:  # what they said is all there is to find out why
                one.kill()
                sys.stderr.write(one.communicate()[1])
            raise


def alive() -> int:
    with psycopg.connect(os.environ["DEPLOYER_JOURNAL"]) as connection:
        if connection.execute("SELECT to_regclass('deployer.procrastinate_workers')").fetchone() == (None,):
            return 0
        [(count,)] = connection.execute("SELECT count(*) FROM deployer.procrastinate_workers").fetchall()
        return int(count)


def holders(account: str) -> set[int]:
    """Return the processes that have an account now."""
    with psycopg.connect(os.environ["DEPLOYER_JOURNAL"]) as connection:
        found = connection.execute("SELECT pid FROM deployer.claim WHERE holder <> '' AND account = %s", (account,))
        return {pid for (pid,) in found}


def wait_until(condition: Callable[[], object], seconds: float = SOON) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def many(stage: Stage, tenants: int = 12, in_flight: int = 1) -> None:
    """Let so many tenants be rolled out in each of two accounts, some at a time."""
    stage.add_account()
    for account in (US, EU):
        stage.manifest["accounts"][account]["rate"] = {"in_flight": in_flight}
    stage.tenants = {
        f"{account}-{number}": Customer(account, number) for account in (US, EU) for number in range(tenants)
    }


def everybody_has_one(stage: Stage) -> bool:
    return all(stage.flow(name)["settings"]["batchSize"] == 200 for name in stage.tenants)


def sampled() -> int:
    """Return how many requests the samples in the journal tell of."""
    with psycopg.connect(os.environ["DEPLOYER_JOURNAL"]) as connection:
        return sum(json.loads(body)["requests"] for (body,) in connection.execute("SELECT body FROM deployer.sample"))


def test_an_apply_is_left_to_the_workers_and_watched(stage: Stage) -> None:
    many(stage, 4)
    with workers(stage, 2):
        ended = stage.run("apply", "--yes")
        assert (ended.code, stage.sent("flows.clone")) == (0, 8), ended.err
    assert everybody_has_one(stage)
    assert sampled() == 8 * 3  # a listing, a clone and a PUT each
    assert sum(line.startswith("done ") for line in ended.err.splitlines()) == 8
    assert ended.out.endswith("succeeded: 8 done\n")
    assert stage.apply("--local").code == 0  # and the journal is free again


def test_runs_are_left_to_the_workers_too(stage: Stage) -> None:
    stage.run_flows()
    assert stage.apply("--local").code == 0
    before = len(stage.effects("run"))
    with workers(stage):
        ended = stage.run("run", "--json")
    assert (ended.code, ended.document["counts"]["done"]) == (0, 3)
    assert "no worker is alive" not in ended.err
    assert len(stage.effects("run")) == before + 3
    assert stage.run("history", "-o", "csv").out.count(",run,") == 1


def test_without_a_worker_the_work_is_done_here_and_that_is_said(stage: Stage) -> None:
    ended = stage.run("apply", "--yes")
    assert ended.code == 0
    assert "no worker is alive: the work is done here" in ended.err
    assert everybody_has_one(stage)


def test_what_was_detached_is_done_by_workers_that_come_later(stage: Stage) -> None:
    ended = stage.run("apply", "--yes", "--detach")
    assert (ended.code, stage.writes) == (0, []), ended.err
    assert "none is alive now" in ended.err
    with workers(stage):
        wait_until(lambda: stage.run("status", "--json").document["outcome"] == "succeeded")
    assert everybody_has_one(stage)


def test_a_worker_that_is_told_to_stop_finishes_its_calls_and_another_goes_on_at_once(stage: Stage) -> None:
    many(stage)
    with workers(stage, 2) as (first, _), stage.started("apply", "--yes", "--json") as apply:
        stage.await_requests("flows.clone", 4)
        first.send_signal(SIGTERM)
        first.communicate(timeout=SOON)
        assert first.returncode == 0
        apply.communicate(timeout=SOON)
        assert apply.returncode == 0
    assert everybody_has_one(stage)
    assert stage.sent("flows.clone") == len(stage.tenants)


@pytest.mark.timeout(150)
def test_what_dead_and_stopped_workers_had_is_taken_over_and_they_send_nothing_more(stage: Stage) -> None:
    many(stage, 24)
    with workers(stage, 3, concurrency=1), stage.started("apply", "--yes", "--json") as apply:
        stage.await_requests("flows.clone", 6)
        [us, eu] = (next(iter(holders(account))) for account in accounts())
        assert us != eu
        os.kill(us, SIGKILL)
        os.kill(eu, SIGSTOP)
        seen: set[str] = set()  # one after the other: there is one worker left
        wait_until(lambda: taken_over(seen, dead={us, eu}) == set(accounts()), TAKEN_OVER)
        apply.communicate(timeout=SOON)
        arrived = len(stage.ledger.arrivals)
        os.kill(eu, SIGCONT)
        time.sleep(3)  # in which it would send what it was about to
        assert apply.returncode == 0
        assert len(stage.ledger.arrivals) == arrived
    assert everybody_has_one(stage)
    assert len(stage.effects("clone")) == len(stage.tenants)


def taken_over(seen: set[str], *, dead: set[int]) -> set[str]:
    """Add the accounts that others have now to those that were seen."""
    seen |= {account for account in accounts() if holders(account) - dead}
    return seen


def accounts() -> list[str]:
    """Return the accounts that were claimed so far."""
    with psycopg.connect(os.environ["DEPLOYER_JOURNAL"]) as connection:
        found = connection.execute("SELECT account FROM deployer.claim WHERE account LIKE '%@%' ORDER BY account")
        return [account for (account,) in found]


def test_status_tells_who_has_which_account_and_what_waits(stage: Stage) -> None:
    many(stage, 8)
    assert stage.run("apply", "--yes", "--detach").code == 0
    assert stage.run("status").out.endswith("no workers are alive: start one with deployer worker\n")
    with workers(stage, concurrency=1) as [worker]:
        stage.await_requests("flows.clone", 2)
        said = stage.run("status").out
        document = stage.run("status", "--json").document
    assert "\n1 worker is alive\n" in said
    assert f": process {worker.pid} on " in said
    assert said.endswith(": 1. in the queue\n")
    Draft202012Validator(schema("status")).validate(document)
    begun, waiting = document["workers"]["accounts"]
    assert document["workers"]["alive"] == 1
    assert (begun["place"], waiting["place"]) == (None, 1)
    assert begun["worker"].startswith(f"process {worker.pid} on ")
    assert begun["silent_seconds"] < 15


def test_a_pause_stops_the_workers_and_a_resume_lets_them_go_on(stage: Stage) -> None:
    many(stage)
    with workers(stage, 2), stage.started("apply", "--yes", "--json") as apply:
        stage.await_requests("flows.clone", 4)
        assert stage.run("pause").code == 0
        apply.communicate(timeout=SOON)
        assert apply.returncode == 5
        cloned = stage.sent("flows.clone")
        assert cloned < len(stage.tenants)
        assert stage.run("resume").code == 0
    assert everybody_has_one(stage)


@pytest.mark.timeout(150)
def test_a_pause_that_is_taken_back_lets_the_workers_go_on_by_themselves(stage: Stage) -> None:
    many(stage)
    home = PostgresHome(os.environ["DEPLOYER_JOURNAL"], stage.directory)
    with workers(stage, 2):
        assert stage.run("apply", "--yes", "--detach").code == 0
        stage.await_requests("flows.clone", 2)
        assert anyio.run(partial(control.pause, home, "order-sync", who="jo@phone")) == "paused"
        wait_until(lambda: stage.run("status", "--json").document["reason"] == "by jo@phone")
        assert anyio.run(partial(control.unpause, home, "order-sync")) == "no longer paused"
        wait_until(lambda: stage.run("status", "--json").document["outcome"] == "succeeded", 3 * SOON)
    assert everybody_has_one(stage)


def test_whoever_hears_late_of_a_pause_that_was_taken_back_leaves_the_rollout_going(stage: Stage) -> None:
    many(stage)
    home = PostgresHome(os.environ["DEPLOYER_JOURNAL"], stage.directory)
    assert stage.run("apply", "--yes", "--detach").code == 0
    anyio.run(partial(control.pause, home, "order-sync"))
    anyio.run(partial(control.unpause, home, "order-sync"))

    async def hear() -> tuple[list[Verb], str]:
        heard: list[Instruction] = []
        async with home.open(alone=False) as book:
            [rollout] = await book.rollouts(limit=1)
            await Control(home.folder, book, rollout.id, heard.append).take()
            [rollout] = await book.rollouts(limit=1)
            return [each.verb for each in heard], rollout.outcome

    assert anyio.run(hear) == ([Verb.PAUSE, Verb.RESUME], "running")


def test_a_freeze_that_begins_stops_the_workers_and_a_reason_lets_them_go_on(stage: Stage) -> None:
    many(stage)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 1.0}, job_duration=0.0)  # they are at it when it begins
    with workers(stage, 2):
        begins = datetime.now(UTC) + timedelta(seconds=5)
        window = {"start": f"{begins:%Y-%m-%dT%H:%M:%S}", "end": f"{begins + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"}
        stage.manifest["freeze"] = [{"timezone": "UTC", **window, "why": "year end"}]
        assert stage.run("apply", "--yes", "--detach").code == 0
        wait_until(lambda: stage.run("status", "--json").document["outcome"] == "paused", 2 * SOON)
        document = stage.run("status", "--json").document
        assert "year end" in document["reason"]
        assert document["counts"]["pending"] > 0
        assert stage.run("resume").code == 6
        ended = stage.run("resume", "--json", "--despite-freeze", "the customer asked")
        assert (ended.code, ended.document["outcome"]) == (0, "succeeded"), ended.err
    assert everybody_has_one(stage)


def test_waves_wait_for_approval_and_the_workers_go_on_once_it_is_given(stage: Stage) -> None:
    stage.manifest["waves"] = {"sizes": [1, 2], "approve": True}
    with workers(stage, 2):
        ended = stage.apply()
        assert (ended.document["outcome"], stage.sent("flows.clone")) == ("waiting", 1)
        stage.run("approve", "--plan", ended.document["plan"])
        wait_until(lambda: stage.run("status", "--json").document["outcome"] == "succeeded")
    assert everybody_has_one(stage)


def test_a_journal_that_cannot_be_reached_is_no_reason_to_halt_an_account(stage: Stage, database: Server) -> None:
    many(stage)
    with workers(stage, 2):
        assert stage.run("apply", "--yes", "--detach").code == 0
        for cloned in (2, 4, 6, 8):
            stage.await_requests("flows.clone", cloned)
            database.cut(os.environ["DEPLOYER_JOURNAL"])
        wait_until(lambda: stage.run("status", "--json").document["outcome"] != "running", 60)
    assert stage.run("status", "--json").document["outcome"] == "succeeded"
    assert everybody_has_one(stage)


def test_what_a_living_worker_was_given_without_hearing_of_it_is_brought_back(stage: Stage) -> None:
    """As where the answer is lost with which the queue gives a job."""
    with workers(stage):
        with psycopg.connect(os.environ["DEPLOYER_JOURNAL"]) as connection:
            connection.execute("""
                SET search_path TO deployer;
                CREATE FUNCTION unheard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    NEW.status := 'doing'; NEW.worker_id := (SELECT max(id) FROM deployer.procrastinate_workers);
                    RETURN NEW;
                END $$;
                CREATE TRIGGER unheard BEFORE INSERT ON procrastinate_jobs FOR EACH ROW
                    WHEN (NEW.task_name LIKE 'deployer:c%') EXECUTE FUNCTION unheard();
            """)
        assert stage.run("apply", "--yes", "--detach").code == 0
        wait_until(lambda: stage.run("status", "--json").document["outcome"] == "succeeded", TAKEN_OVER)
    assert everybody_has_one(stage)


def test_a_worker_without_a_token_halts_the_account_and_says_why(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "environment", {**stage.environment, "US_TOKEN": ""})
    with workers(stage):
        ended = stage.apply()
    assert (ended.code, ended.document["outcome"]) == (6, "halted")
    assert ended.document["reason"].startswith("acme-us: the token is empty")


def test_an_account_that_stops_in_a_wave_lets_nobody_begin_in_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(stage)
    stage.manifest["waves"] = {"sizes": [24], "tolerance": 20}
    monkeypatch.setattr(stage, "environment", {**stage.environment, "US_TOKEN": ""})
    with workers(stage):
        ended = stage.apply()
    assert (ended.code, ended.document["outcome"]) == (6, "halted")
    counts = ended.document["counts"]
    assert counts["pending"] >= 12 + 6
    assert counts["running"] == 0


def test_after_the_database_died_the_workers_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_database: Server
) -> None:
    monkeypatch.setenv("DEPLOYER_JOURNAL", own_database.new_database())
    with staged(tmp_path, monkeypatch, Knobs(latency={"flows.clone": 0.2}, job_duration=0.0)) as stage:
        many(stage)
        stage.manifest["safety"] |= {"clone_timeout": "30s"}
        with workers(stage, 2):
            stage.run("apply", "--yes", "--detach")
            stage.await_requests("flows.clone", 4)
            own_database.crash()
            time.sleep(1)
            own_database.restart()
            wait_until(lambda: stage.run("status", "--json").document["outcome"] == "succeeded", 60)
        assert everybody_has_one(stage)
