"""What people say to a rollout: pause, resume, approve, exclude, abort; to a process at work, or to the journal."""

import json
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import pytest

from deployer.api import control
from deployer.api.places import journal_home
from deployer.domain.instructions import Verb
from deployer.engine.clock import SystemClock
from deployer.engine.control import instruction_of, post
from deployer.errors import GuardError, UsageError
from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import SOON, US, Stage
from tests.engine.test_waves import many, outcomes

pytestmark = pytest.mark.anywhere

SLOW = Knobs(latency={"flows.clone": 0.15})


@pytest.fixture
def slow(stage: Stage) -> Stage:
    """Return a stage with twenty tenants, one after the other, each of which takes its time."""
    stage.one_at_a_time(20)
    stage.simulator.knobs = SLOW
    return stage


def test_a_rollout_at_work_is_paused_within_a_second_and_stays_so_until_it_is_resumed(slow: Stage) -> None:
    with slow.started("apply", "--yes") as working:
        slow.await_requests("flows.clone", 3)
        began = time.monotonic()
        said = slow.run("pause")
        taken = time.monotonic() - began
        working.wait(SOON)
    assert (said.code, said.out) == (0, "paused; go on with: deployer resume rollout.yaml\n")
    assert taken < 1.5  # half a second of it is Python's
    assert working.returncode == 5
    cloned = len(slow.effects("clone"))
    assert 3 <= cloned < 20
    head = json.loads(slow.run("status", "--json").out)
    assert (head["outcome"], head["reason"].startswith("by ")) == ("paused", True)

    refused = slow.apply()
    assert (refused.code, "was paused by" in refused.err) == (6, True)
    assert len(slow.effects("clone")) == cloned

    slow.simulator.knobs = Knobs()
    ended = slow.run("resume", "--json")
    assert (ended.code, ended.document["outcome"]) == (0, "succeeded")
    assert len(slow.effects("clone")) == 20


def test_what_nobody_works_on_is_paused_too(stage: Stage) -> None:
    stage.refuse("acme")
    many(stage, 2, sizes=[1])
    stage.refuse("tenant-00")
    assert stage.apply().code == 6

    assert stage.run("pause").code == 0

    assert stage.run("status", "--json").document["outcome"] == "paused"
    assert stage.apply().code == 6


def test_a_tenant_that_is_excluded_is_left_out_by_the_process_at_work(slow: Stage) -> None:
    with slow.started("apply", "--yes") as working:
        slow.await_requests("flows.clone", 1)
        said = slow.run("exclude", "tenant-19")
        working.wait(SOON)
    assert (said.code, said.out) == (0, "tenant-19 excluded\n")
    assert working.returncode == 3
    assert outcomes(slow, "cancelled") == ["tenant-19"]
    assert slow.effects("clone", "tenant-19") == []
    assert len(slow.effects("clone")) == 19


def test_a_tenant_that_failed_no_longer_counts_once_it_is_excluded(stage: Stage) -> None:
    many(stage, 3, sizes=[1])
    stage.refuse("tenant-00")
    assert stage.apply().code == 6

    said = stage.run("exclude", "tenant-00")
    ended = stage.apply()

    assert (said.code, said.out) == (0, "tenant-00 excluded\n")
    assert ended.document["outcome"] == "succeeded"
    assert [tenant["outcome"] for tenant in ended.tenants.values()] == ["skipped", "done", "done"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("exclude", "nobody"), 'has no tenant "nobody"'),
        (("exclude", "tenant-01"), "tenant-01 is done: only who has not begun, or failed, can be excluded"),
        (("approve", "--plan", "0123456789"), "is not of plan 0123456789"),
        (("approve", "--plan", "{}", "--wave", "nothing"), 'no wave "nothing"'),
        (("approve", "--plan", "{}"), "no wave of rollout"),
    ],
)
def test_what_makes_no_sense_is_refused(stage: Stage, words: tuple[str, ...], said: str) -> None:
    many(stage, 3, sizes=[2])
    stage.refuse("tenant-00")
    plan = stage.apply().document["plan"]

    ended = stage.run(*(word.format(plan) for word in words))

    assert (ended.code, said in ended.err) == (2, True), ended.err


def test_where_no_rollout_is_unfinished_there_is_nothing_to_pause(stage: Stage) -> None:
    stage.apply()
    ended = stage.run("pause")
    said = "error: no rollout of order-sync is unfinished\n  see how the last one ended: deployer status\n"
    assert (ended.code, ended.err) == (2, said)


def test_a_wave_waits_for_the_approval_of_its_plan_and_then_the_next_begins(stage: Stage) -> None:
    many(stage, 3, sizes=[1], approve=True)

    first = stage.apply()
    assert (first.code, first.document["outcome"]) == (5, "waiting")
    assert first.document["reason"] == "wave 1 waits for approval"
    assert outcomes(stage, "pending") == ["tenant-01", "tenant-02"]
    assert stage.apply().code == 5  # it still waits

    said = stage.run("approve", "--plan", first.document["plan"][:12])
    assert (said.code, said.out) == (0, "wave 1 approved; go on with: deployer resume rollout.yaml\n")
    second = stage.run("resume", "--json")
    assert (second.code, second.document["outcome"]) == (5, "waiting")
    assert outcomes(stage, "pending") == ["tenant-02"]

    assert stage.run("approve", "--plan", first.document["plan"]).code == 0
    assert stage.run("resume").code == 0


def test_a_wave_may_be_approved_before_it_waits(stage: Stage) -> None:
    many(stage, 2, sizes=[1], approve=True, bake={"min": "1s"})
    begun = stage.apply("--timeout", "300ms")
    assert begun.code == 5

    assert stage.run("approve", "--plan", begun.document["plan"], "--wave", "wave 1").code == 0

    assert stage.apply().code == 0


def test_an_abort_ends_what_is_at_work_and_cancels_the_rest(slow: Stage) -> None:
    with slow.started("apply", "--yes") as working:
        slow.await_requests("flows.clone", 2)
        ended = slow.run("abort", "--yes")
        working.wait(SOON)
    assert (ended.code, working.returncode) == (0, 5)
    status = slow.run("status", "--json").document
    assert status["outcome"] == "aborted"
    counts = status["counts"]
    assert counts["pending"] == counts["running"] == 0
    assert counts["cancelled"] + counts["done"] == 20
    assert all(flow["disabled"] is False for name in outcomes(slow, "done") for flow in slow.flows(name))

    slow.simulator.knobs = Knobs()
    assert slow.apply().document["outcome"] == "succeeded"  # planned anew
    assert len(slow.effects("clone")) == 20


def test_files_that_are_no_instructions_are_left_alone(stage: Stage) -> None:
    stage.tenants = {"acme": Customer(US, 0)}
    control = stage.directory / ".deployer" / "control"
    control.mkdir(parents=True)
    for name, text in {"a.json": "{", "b.json": '{"verb": "explode"}', "c.json": "[]", "d.draft": ""}.items():
        (control / name).write_text(text)

    assert stage.apply().code == 0

    assert sorted(path.name for path in control.iterdir()) == ["a.json", "b.json", "c.json", "d.draft"]


@pytest.mark.parametrize("waves", [{"sizes": [20], "concurrency": 1}, {"sizes": [20], "mode": "strict"}])
def test_a_wave_that_lets_few_begin_is_aborted_too(slow: Stage, waves: dict[str, object]) -> None:
    slow.manifest["waves"] = waves
    assert slow.apply("--timeout", "400ms").code == 5

    ended = slow.run("abort", "--yes")

    assert ended.code == 0, ended.err
    counts = slow.run("status", "--json").document["counts"]
    assert counts["cancelled"] > 0
    assert counts["pending"] == counts["running"] == 0


def test_what_nobody_took_before_its_rollout_ended_does_not_stay_for_ever(stage: Stage) -> None:
    ended = stage.apply().document["rollout"]
    folder = stage.directory / ".deployer" / "control"
    left = post(folder, instruction_of(SystemClock(), ended, Verb.PAUSE))
    strange = folder / "strange.json"
    strange.write_text("{}", "utf-8")

    assert stage.apply().code == 0

    assert not left.exists()
    assert strange.exists(), "what is no instruction is left alone"
    assert stage.status(), "and the rollout that ended stays as it was"


def test_a_pause_that_nobody_took_does_not_stop_a_later_retry(stage: Stage) -> None:
    stage.refuse("acme")
    ended = stage.apply().document["rollout"]
    post(stage.directory / ".deployer" / "control", instruction_of(SystemClock(), ended, Verb.PAUSE))
    stage.mend()

    assert stage.run("resume", "--failed").code == 0
    assert stage.status()["acme"]["outcome"] == "done"


def told(stage: Stage, verb: Callable[..., Awaitable[str]], **words: str) -> str:
    """Say something to the rollout as a program does, and return what came of it."""
    home = journal_home(stage.directory / "rollout.yaml", os.environ.get("DEPLOYER_JOURNAL"))
    return anyio.run(partial(verb, home, "order-sync", **words))


def test_a_rollout_is_ended_without_any_account_by_whoever_says_so(stage: Stage) -> None:
    many(stage, 2, sizes=[1], approve=True)
    assert stage.apply().code == 5
    sent = len(stage.ledger.arrivals)

    assert told(stage, control.abort, who="jo@phone") == "aborted"

    head = stage.run("status", "--json").document
    assert (head["outcome"], head["reason"]) == ("aborted", "by jo@phone")
    assert (head["counts"]["done"], head["counts"]["cancelled"]) == (1, 1)
    assert len(stage.ledger.arrivals) == sent


def test_a_rollout_with_a_call_in_doubt_is_not_ended_without_its_account(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_DRAINED", 0.1)
    stage.befall(Rule(action="kill", route="flows.clone", applied=True, nth=1))
    with stage.started("apply", "--yes") as working:
        stage.simulator.pid = working.pid
        working.wait(SOON)

    with pytest.raises(GuardError, match="cannot be known yet"):
        told(stage, control.abort)

    assert stage.run("status", "--json").document["outcome"] == "paused"
    assert stage.run("resume", "--json").document["outcome"] == "succeeded"


def test_a_pause_that_is_taken_back_lets_the_next_apply_go_on(stage: Stage) -> None:
    many(stage, 2, sizes=[1], approve=True)
    assert stage.apply().code == 5
    assert told(stage, control.pause, who="jo@phone") == "paused"
    assert stage.apply().code == 6

    assert told(stage, control.unpause) == "no longer paused"

    assert stage.apply().code == 5
    with pytest.raises(UsageError, match="is not paused"):
        told(stage, control.unpause)


def test_nothing_is_said_to_a_rollout_that_is_not_the_newest_of_its_name(stage: Stage) -> None:
    many(stage, 2, sizes=[1], approve=True)
    assert stage.apply().code == 5
    for verb in (control.pause, control.abort):
        with pytest.raises(UsageError, match="is not the newest of order-sync"):
            told(stage, verb, id_="order-sync-1")
    assert stage.run("status", "--json").document["outcome"] == "waiting"
