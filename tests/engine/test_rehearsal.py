"""A rehearsal carries the real plan out on a copy, and writes nothing to the accounts, the journal or the directory."""

import hashlib
from pathlib import Path

import pytest

from deployer.simulator import Customer
from tests.engine.stage import EU, US, Stage
from tests.engine.test_waves import many


def written(stage: Stage) -> dict[str, str]:
    """Return what lies in the user's directory, and how it is."""
    return {
        str(path.relative_to(stage.directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(stage.directory).rglob("*"))
        if path.is_file()
    }


def test_nothing_is_written_anywhere_and_the_plan_is_carried_out_on_the_copy(stage: Stage) -> None:
    stage.manifest["accounts"][US]["rate"] = {"per_second": 2, "burst": 1}
    stage.write()
    before = written(stage)

    ended = stage.run("rehearse", "--json")
    assert written(stage) == before

    assert ended.code == 0, ended.err
    assert (ended.document["outcome"], ended.document["counts"]["done"]) == ("succeeded", 3)
    assert ended.document["doubled"] == 0
    assert ended.document["requests"] >= 9
    assert ended.document["seconds"] == stage.run("plan", "--json").document["seconds"]
    assert stage.writes == []
    assert all(not stage.flows(name) for name in stage.tenants)


def test_what_is_deployed_already_is_copied_and_its_journal_is_known(stage: Stage) -> None:
    assert stage.apply().code == 0
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.edit("acme", timezone="Asia/Tokyo")
    stage.forget_requests()
    before = written(stage)

    ended = stage.run("rehearse", "--json")

    assert (ended.code, ended.document["counts"]["done"]) == (0, 3), ended.err
    assert stage.writes == []
    stage.write()
    changed = {name for name in before if written(stage).get(name) != before[name]}
    assert changed <= {"rollout.yaml", ".deployer/journal.db-shm"}
    assert stage.flow()["settings"]["batchSize"] == 200


def test_the_same_seed_tells_the_same_and_says_where_the_breaker_stops_it(stage: Stage) -> None:
    many(stage, 12, sizes=[2, 4], tolerance=0, mode="strict", approve=True, bake={"min": "1h"})
    words = ("rehearse", "--json", "--refused", "40", "--seed", "7")

    first, second = (stage.run(*words).document for _ in range(2))

    assert first["outcome"] == "halted"
    assert first["counts"]["pending"] > 0
    assert first["counts"]["failed"] <= first["blast_radius"]
    assert first["waves"] == second["waves"]
    outcomes = [[(tenant["tenant"], tenant["outcome"]) for tenant in each["tenants"]] for each in (first, second)]
    assert outcomes[0] == outcomes[1]
    told = stage.run(*(word for word in words if word != "--json"))
    assert told.code == 6
    assert "tenants would not have begun" in told.out
    assert "nothing was written to the accounts" in told.out


def test_lost_answers_double_nothing(stage: Stage) -> None:
    many(stage, 10)
    del stage.manifest["waves"]

    ended = stage.run("rehearse", "--json", "--lost", "30", "--broken", "10", "--seed", "3")

    assert ended.code == 0, ended.err
    assert (ended.document["counts"]["done"], ended.document["doubled"]) == (10, 0)


def test_runs_are_rehearsed_too(stage: Stage) -> None:
    stage.run_flows()
    assert stage.run("rehearse").code == 0
    assert stage.effects("run") == []


def test_every_account_is_copied(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["umbrella"] = Customer(EU, 0)
    ended = stage.run("rehearse", "--json")
    assert (ended.code, ended.document["counts"]["done"]) == (0, 4), ended.err


def test_an_account_that_does_not_answer_blocks_its_tenants_alone(stage: Stage) -> None:
    stage.add_account()
    stage.manifest["accounts"][EU]["token"] = "env:NOBODY"
    stage.tenants["umbrella"] = Customer(EU, 0)

    ended = stage.run("rehearse", "--json")

    assert (ended.code, ended.document["counts"]["blocked"]) == (3, 1), ended.err
    [tenant] = ended.document["tenants"]
    assert "the environment variable NOBODY is not set" in tenant["error"]["message"]


@pytest.mark.parametrize("secret", ["sim-acme-us"])
def test_no_secret_comes_into_the_copy(stage: Stage, secret: str) -> None:
    stage.run("rehearse", "--json", "--broken", "5")
    ended = stage.run("rehearse", "--refused", "100")
    assert secret not in ended.out + ended.err
