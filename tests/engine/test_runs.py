"""Running what was deployed: at most once, followed to the end, and a person's word where nobody can know."""

import pytest

from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import CUSTOMERS, US, Stage


@pytest.fixture
def alone(stage: Stage) -> Stage:
    """Return a stage with one tenant whose flow is run and followed."""
    stage.tenants = {"acme": Customer(US, 0)}
    stage.run_flows()
    return stage


def test_each_flow_is_run_once_and_its_jobs_are_named(stage: Stage) -> None:
    stage.run_flows()

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert [len(stage.effects("run", name)) for name in stage.tenants] == [1, 1, 1]
    [effect] = stage.effects("run", "acme")
    assert ended.tenants["acme"]["jobs"] == effect["jobs"]


def test_a_run_comes_after_the_flow_is_as_wanted(stage: Stage) -> None:
    stage.run_flows()

    stage.apply()

    for name in stage.tenants:
        [put], [run] = stage.effects("put", name), stage.effects("run", name)
        assert put["n"] < run["n"]


def test_a_flow_with_two_page_generators_has_two_jobs_that_are_followed(alone: Stage) -> None:
    alone.use_orchestrated()
    alone.manifest["run"]["follow"] = True

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert len(ended.tenants["acme"]["jobs"]) == 2


def test_an_update_runs_the_flow_again_and_no_change_does_not(alone: Stage) -> None:
    alone.apply()
    alone.apply()
    assert len(alone.effects("run")) == 1
    alone.manifest["flow"]["settings"]["batchSize"] = 300

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert len(alone.effects("run")) == 2


def test_how_long_a_flow_ran_last_time_tells_when_to_look_at_it_again(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=2.0)
    alone.apply()
    before = alone.sent("flows.latest")

    ended = alone.run("run", "rollout.yaml")

    assert ended.code == 0, ended.err
    assert before >= 5  # which is the look before the start, and those in growing steps
    assert alone.sent("flows.latest") - before <= 3


@pytest.mark.parametrize("orchestrated", [False, True], ids=["one-generator", "two-generators"])
def test_a_run_of_a_fresh_flow_whose_answer_is_lost_is_found_by_its_jobs(alone: Stage, orchestrated: bool) -> None:
    if orchestrated:
        alone.use_orchestrated()
    alone.befall(Rule(action="lose", route="flows.run", applied=True))

    ended = alone.apply()

    assert ended.code == 0, ended.err
    [effect] = alone.effects("run")
    assert sorted(ended.tenants["acme"]["jobs"]) == sorted(effect["jobs"])


def test_a_run_that_may_not_have_started_waits_for_a_person(alone: Stage) -> None:
    alone.befall(Rule(action="lose", route="flows.run", nth=1))

    ended = alone.apply()

    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert "deployer resolve acme" in ended.tenants["acme"]["error"]["remedy"]
    assert alone.sent("flows.run") == 1


def test_nothing_starts_a_run_in_doubt_but_a_person(alone: Stage) -> None:
    alone.befall(Rule(action="lose", route="flows.run", nth=1))
    alone.apply()

    again = alone.apply()

    assert again.code != 0
    assert alone.sent("flows.run") == 1


def test_a_run_that_did_not_start_is_sent_again_where_the_manifest_says_reconcile(alone: Stage) -> None:
    alone.manifest["run"]["mode"] = "reconcile"
    alone.befall(Rule(action="lose", route="flows.run", nth=1))

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert (alone.sent("flows.run"), len(alone.effects("run"))) == (2, 1)


@pytest.mark.parametrize("mode", ["at-most-once", "reconcile"])
def test_a_lost_run_of_a_scheduled_flow_is_unknown_where_a_job_appears(alone: Stage, mode: str) -> None:
    alone.manifest["flow"]["schedule"] = "5 * * * *"
    alone.manifest["run"]["mode"] = mode
    alone.befall(
        Rule(action="lose", route="flows.run", nth=1),
        Rule(action="start", route="flows.run", nth=1),  # the platform's scheduler
    )

    ended = alone.apply()

    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert "deployer resolve acme --took" in ended.tenants["acme"]["error"]["remedy"]
    assert (alone.sent("flows.run"), len(alone.effects("run"))) == (1, 0)


def test_a_job_that_ends_with_errors_is_a_failure_and_the_flow_stays(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=0.0, job_outcome={"*": 3})

    ended = alone.apply()

    assert ended.code == 1
    assert ended.tenants["acme"]["outcome"] == "failed"
    assert "3 errors" in ended.tenants["acme"]["error"]["message"]
    assert alone.flow()["settings"]["batchSize"] == 200


def test_as_many_errors_as_are_allowed_are_no_failure(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=0.0, job_outcome={"*": 3})
    alone.manifest["run"]["max_errors"] = 3

    assert alone.apply().code == 0


def test_a_job_that_fails_is_a_failure_however_many_errors_are_allowed(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=0.0, job_outcome={"*": "failed"})
    alone.manifest["run"]["max_errors"] = 1000

    assert alone.apply().tenants["acme"]["outcome"] == "failed"


def test_a_run_that_takes_longer_than_its_timeout_is_a_failure_and_can_be_followed_on(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=2.0)
    alone.manifest["run"]["timeout"] = "400ms"

    ended = alone.apply()
    alone.simulator._clock = lambda: 4_000_000_000.0  # noqa: SLF001 - the job's end
    again = alone.apply("--failed")

    assert ended.tenants["acme"]["error"]["code"] == "run_timeout"
    assert again.code == 0, again.err
    assert alone.sent("flows.run") == 1


def test_following_goes_on_over_answers_that_cannot_be_read(alone: Stage) -> None:
    alone.befall(Rule(action="html", route="flows.latest", nth=2), Rule(action="cut", route="flows.latest", nth=3))

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert alone.sent("flows.run") == 1


def test_run_blocks_a_tenant_that_has_no_flow_yet(alone: Stage) -> None:
    ended = alone.run("run", "--json")

    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert alone.writes == []


def test_a_run_that_is_not_followed_is_done_when_it_has_started(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=3600.0)
    alone.manifest["run"]["follow"] = False

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert len(ended.tenants["acme"]["jobs"]) == 1


def test_a_run_that_was_interrupted_is_followed_on_and_not_started_again(alone: Stage) -> None:
    alone.apply()
    alone.simulator.knobs = Knobs(job_duration=60.0)
    first = alone.run("run", "--json", "--timeout", "200ms")
    alone.simulator._clock = lambda: 4_000_000_000.0  # noqa: SLF001 - the job's end

    ended = alone.run("run", "--json")

    assert first.code == 5
    assert ended.code == 0, ended.err
    assert ended.document["rollout"] == first.document["rollout"]
    assert len(alone.effects("run")) == 2  # the apply's and this one


def test_apply_does_not_take_over_an_unfinished_run(alone: Stage) -> None:
    alone.apply()
    alone.simulator.knobs = Knobs(job_duration=60.0)
    alone.run("run", "--timeout", "200ms")

    ended = alone.apply()

    assert ended.code == 6
    assert "deployer resume" in ended.err


def test_a_job_that_vanished_is_never_run_again(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(job_duration=60.0)
    alone.apply("--timeout", "200ms")
    account = alone.simulator.world.accounts[US]
    account.jobs.clear()
    account.jobs_of_flow.clear()

    ended = alone.apply()
    alone.apply()

    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert len(alone.effects("run")) == 1


def test_once_a_job_has_ended_the_others_are_looked_at_when_they_may_have_ended_too(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(job_duration=1.2)
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(CUSTOMERS)}
    stage.manifest["accounts"][US]["rate"] = {"per_second": 40.0, "burst": 1}
    stage.run_flows()

    ended = stage.apply()

    assert ended.code == 0, ended.err
    looks = stage.sent("flows.latest") - CUSTOMERS  # one each comes before the run
    assert CUSTOMERS <= looks <= 3 * CUSTOMERS
