"""Stopping in the middle, by signal or by time, and going on; and two at once."""

import socket
from dataclasses import replace
from signal import SIGINT, SIGTERM

import pytest

from deployer.simulator import Customer, Knobs, Rule
from tests.cli.terminal import screen, terminal
from tests.engine.stage import SOON, US, Stage, template


@pytest.fixture
def slow(stage: Stage) -> Stage:
    """Return a stage that takes its four tenants one after the other, a clone taking its time."""
    stage.one_at_a_time(4)
    stage.manifest["safety"] |= {"clone_timeout": "30s"}
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.3}, job_duration=0.0)
    return stage


def everybody_has_one(stage: Stage) -> bool:
    flows = [stage.flows(name) for name in stage.tenants]
    return all(len(each) == 1 and each[0].get("settings", {}).get("batchSize") == 200 for each in flows)


@pytest.mark.parametrize(("signal", "code"), [(SIGINT, 130), (SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_the_first_signal_finishes_what_is_in_flight_and_the_rest_can_be_resumed(
    slow: Stage, signal: int, code: int
) -> None:
    with slow.started("apply", "--yes", "--json") as process:
        slow.await_requests("flows.clone", 2)
        process.send_signal(signal)
        out, err = process.communicate(timeout=SOON)
    cloned = len(slow.effects("clone"))

    ended = slow.apply()

    assert process.returncode == code
    assert "stopping: nothing new is started" in err
    assert '"outcome": "running"' in out
    assert slow.sent("flows.clone") == 4
    assert cloned == 2  # the second was in flight, and its answer was waited for
    assert ended.code == 0, ended.err
    assert everybody_has_one(slow)


def test_what_a_signal_does_stays_on_the_terminal_above_the_live_view(slow: Stage) -> None:
    with terminal(slow, "apply", "--yes", environment={"COLUMNS": "120"}) as typed:
        slow.await_requests("flows.clone", 2)
        typed.process.send_signal(SIGINT)
        shown = screen(typed.read())

    assert "stopping: nothing new is started" in shown
    assert "Rollout order-sync unfinished: " in shown


def test_the_second_signal_leaves_at_once_and_the_rest_can_be_resumed(slow: Stage) -> None:
    slow.manifest["safety"] |= {"clone_timeout": "4s"}
    slow.befall(Rule(action="stall", route="flows.clone", seconds=SOON, nth=1))
    with slow.started("apply", "--yes") as process:
        slow.await_requests("flows.clone")
        process.send_signal(SIGINT)
        assert process.stderr
        while not process.stderr.readline().startswith("stopping"):
            pass
        process.send_signal(SIGINT)
        process.wait(timeout=2)

    ended = slow.apply()

    assert process.returncode == 130
    assert ended.code == 0, ended.err
    assert everybody_has_one(slow)


def test_a_timeout_ends_with_5_and_the_same_apply_goes_on(slow: Stage) -> None:
    first = slow.apply("--timeout", "200ms")
    ended = slow.apply()

    assert first.code == 5
    assert first.document["outcome"] == "running"
    assert 0 < first.document["counts"]["pending"] < 4
    assert ended.document["rollout"] == first.document["rollout"]
    assert ended.code == 0, ended.err
    assert everybody_has_one(slow)


def test_status_tells_of_a_rollout_that_another_process_carries_out(slow: Stage) -> None:
    with slow.started("apply", "--yes"):
        slow.await_requests("flows.clone", 2)
        ended = slow.run("status", "--json")

    assert ended.code == 5
    assert ended.document["outcome"] == "running"


def test_a_second_apply_is_refused_with_who_holds_the_journal(slow: Stage) -> None:
    with slow.started("apply", "--yes") as process:
        slow.await_requests("flows.clone")
        ended = slow.apply()

    assert ended.code == 6
    assert f"process {process.pid} on {socket.gethostname()} since 20" in ended.err
    assert "journal" in ended.err


def test_an_apply_from_another_directory_is_refused_with_who_holds_the_account(slow: Stage) -> None:
    elsewhere = replace(slow, directory=slow.directory.with_name("elsewhere"))
    with slow.started("apply", "--yes") as process:
        slow.await_requests("flows.clone")
        before = slow.sent("flows.clone")
        ended = elsewhere.apply()
        assert elsewhere.sent("flows.clone") - before <= 1  # the first process' own

    assert ended.code == 6
    assert f"account {US} is in use by process {process.pid}" in ended.err


def test_a_plan_may_be_made_while_another_process_applies(slow: Stage) -> None:
    with slow.started("apply", "--yes"):
        slow.await_requests("flows.clone")
        ended = slow.run("plan")

    assert ended.code in {0, 3}, ended.err  # 3: who has a call in flight is blocked


def test_a_lock_whose_holder_was_killed_is_free(slow: Stage) -> None:
    with slow.started("apply", "--yes") as process:
        slow.await_requests("flows.put")
        process.kill()
        process.wait(timeout=SOON)
    slow.simulator.knobs = Knobs()

    assert slow.run("status").code == 5
    assert slow.run("plan").code == 3  # who had a call in flight is blocked
    assert slow.apply("--timeout", "1ms").code == 5


def _interrupted(stage: Stage) -> str:
    """Leave a rollout with a clone in doubt, which did happen; return the rollout's id."""
    stage.manifest["safety"] |= {"settle": "1s"}
    stage.befall(
        Rule(action="lose", route="flows.clone", id=stage.integration("acme"), applied=True, nth=1),
        Rule(action="lag", route="integrations.flows", seconds=0.5),
    )
    ended = stage.apply("--timeout", "100ms")
    assert ended.code == 5, ended.err
    assert len(stage.flows("acme")) == 1
    return str(ended.document["rollout"])


def test_a_changed_manifest_with_an_unfinished_rollout_is_refused_with_the_ways_out(stage: Stage) -> None:
    _interrupted(stage)
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    ended = stage.apply()

    assert ended.code == 6
    assert "the manifest" in ended.err
    assert "deployer resume rollout.yaml" in ended.err
    assert "--supersede" in ended.err


def test_resume_goes_on_as_planned_whatever_was_edited_since(stage: Stage) -> None:
    rollout = _interrupted(stage)
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.tenants["umbrella"] = Customer(US, 9)

    ended = stage.run("resume", "--json")

    assert ended.code == 0, ended.err
    assert ended.document["rollout"] == rollout
    assert stage.flow("acme")["settings"]["batchSize"] == 200
    assert stage.flows("umbrella") == []


def test_supersede_settles_what_is_in_doubt_before_it_starts_anew(stage: Stage) -> None:
    rollout = _interrupted(stage)
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    ended = stage.apply("--supersede")

    assert ended.code == 0, ended.err
    assert ended.document["rollout"] != rollout
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]
    assert [stage.flow(name)["settings"]["batchSize"] for name in stage.tenants] == [300] * 3
    assert stage.sent("flows.clone") == 3


def test_resume_without_anything_unfinished_says_so(stage: Stage) -> None:
    stage.apply()

    ended = stage.run("resume")

    assert ended.code == 2
    assert "no rollout of order-sync is unfinished" in ended.err


def test_the_journal_and_its_plans_are_their_owners_alone(stage: Stage) -> None:
    stage.apply()

    modes = {
        str(path.relative_to(stage.directory)): oct(path.stat().st_mode & 0o077)
        for path in (stage.directory / ".deployer").rglob("*")
    }

    assert set(modes.values()) == {"0o0"}, modes
    assert (stage.directory / ".deployer").stat().st_mode & 0o077 == 0


def test_a_template_that_changed_is_not_mixed_into_an_unfinished_rollout(slow: Stage) -> None:
    assert slow.apply("--timeout", "200ms").code == 5
    account = slow.simulator.world.accounts[US]
    account.keep("flows", {**account.find("flows", template()), "pageProcessors": []})
    before = slow.sent("flows.clone")

    applied, resumed = slow.apply(), slow.run("resume")

    assert (applied.code, resumed.code) == (6, 6)
    assert slow.sent("flows.clone") == before
    assert "--supersede" in resumed.err


def test_a_signal_while_planning_ends_without_a_traceback(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(latency={"integrations.list": SOON})
    with stage.started("apply", "--yes") as process:
        stage.await_requests("integrations.list")
        process.send_signal(SIGINT)
        _, err = process.communicate(timeout=5)

    assert process.returncode == 130
    assert "Traceback" not in err


def test_supersede_does_not_wait_for_jobs_that_are_only_followed(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(job_duration=3600.0)
    stage.run_flows(timeout="2s")
    assert stage.apply("--timeout", "300ms").code == 5
    looks = stage.sent("flows.latest")
    del stage.manifest["run"]

    ended = stage.apply("--supersede")

    assert ended.code == 0, ended.err
    assert stage.sent("flows.latest") == looks
