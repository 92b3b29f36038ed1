"""What is checked before the next wave begins, against the simulator."""

import sys
import time

import pytest

from deployer.simulator import Knobs
from deployer.simulator.jobs import launch
from tests.engine.stage import US, Ended, Stage
from tests.engine.test_waves import many, outcomes

pytestmark = pytest.mark.anywhere

CUT = ("--timeout", "300ms")


def ran(stage: Stage, name: str, *, errors: int = 0) -> None:
    """Let somebody's scheduler start a tenant's flow, which ends at once."""
    world = stage.simulator.world
    knobs = Knobs(job_duration=0.0, job_outcome={"*": errors})
    launch(world, world.accounts[US], stage.flow(name), now=time.time(), knobs=knobs)


def halted(ended: Ended) -> str:
    assert (ended.code, ended.document["outcome"]) == (6, "halted"), ended.err
    return str(ended.document["reason"])


def test_a_flow_that_is_not_as_it_was_written_any_more_stops_the_rollout(stage: Stage) -> None:
    many(stage, 3, sizes=[1], verify={"equal": True}, bake={"min": "2s"})
    assert stage.apply(*CUT).code == 5
    stage.edit("tenant-00", timezone="Asia/Tokyo")

    ended = stage.apply()

    assert halted(ended) == "wave 1: tenant-00: timezone is not as it was written"
    assert outcomes(stage, "pending") == ["tenant-01", "tenant-02"]


def test_flows_that_are_as_they_were_written_let_the_next_wave_begin(stage: Stage) -> None:
    many(stage, 3, sizes=[1], verify={"equal": True})
    assert stage.apply().code == 0


def test_runs_with_more_errors_than_allowed_stop_the_rollout(stage: Stage) -> None:
    many(stage, 3, sizes=[1], verify={"errors": 1})
    stage.run_flows(max_errors=5)  # which the run itself lets pass
    stage.simulator.knobs = Knobs(job_duration=0.0, job_outcome={"*": 2})

    assert halted(stage.apply()) == "wave 1: tenant-00: 2 errors where 1 are allowed"


def test_runs_that_are_well_let_the_next_wave_begin(stage: Stage) -> None:
    many(stage, 3, sizes=[1], verify={"errors": 0})
    stage.run_flows()
    assert stage.apply().code == 0


def test_what_cannot_be_told_pauses_until_it_can_be_or_a_person_decides(stage: Stage) -> None:
    many(stage, 3, sizes=[1], verify={"errors": 0})

    first = stage.apply()

    assert (first.code, first.document["outcome"]) == (5, "paused")
    assert first.document["reason"] == "wave 1 cannot be told to be well: tenant-00: no run has ended since"
    assert "deployer approve rollout.yaml --plan" in stage.run("status").out
    ran(stage, "tenant-00")
    second = stage.apply()
    assert second.document["outcome"] == "paused"  # of the second wave now
    assert outcomes(stage, "pending") == ["tenant-02"]

    assert stage.run("approve", "--plan", first.document["plan"]).code == 0
    assert stage.apply().document["outcome"] == "succeeded"


def test_a_job_from_before_the_change_tells_nothing(stage: Stage) -> None:
    many(stage, 1, sizes=[1])
    del stage.manifest["waves"]
    assert stage.apply().code == 0
    ran(stage, "tenant-00", errors=9)
    many(stage, 2, sizes=[1], verify={"errors": 0})
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    assert stage.apply().document["outcome"] == "paused"


@pytest.mark.parametrize(
    ("code", "outcome", "reason"),
    [
        (0, "succeeded", ""),
        (1, "halted", "wave 1: the command says no: looked at wave 1"),
        (7, "paused", "wave 1 cannot be told to be well: the command ended with 7: looked at wave 1"),
    ],
)
def test_a_command_of_the_user_decides(stage: Stage, code: int, outcome: str, reason: str) -> None:
    script = stage.directory / "check.py"
    stage.directory.mkdir()
    script.write_text(
        "import json, pathlib, sys\n"
        "told = json.load(sys.stdin)\n"
        "pathlib.Path('told.json').write_text(json.dumps(told))\n"
        "print('looked at', told['wave'])\n"
        f"sys.exit({code})\n"
    )
    many(stage, 2, sizes=[1], verify={"command": f"{sys.executable} check.py"})

    ended = stage.apply()

    assert (ended.document["outcome"], ended.document["reason"]) == (outcome, reason)
    told = stage.directory / "told.json"
    assert f'"flow": "{stage.flow("tenant-00")["_id"]}"' in told.read_text()


def test_a_command_that_reads_nothing_of_what_it_is_told_decides_all_the_same(stage: Stage) -> None:
    many(stage, 2, sizes=[1], verify={"command": "true"})
    ended = stage.apply()
    assert (ended.code, ended.document["outcome"]) == (0, "succeeded"), ended.err


def test_a_command_that_is_not_there_cannot_tell(stage: Stage) -> None:
    many(stage, 2, sizes=[1], verify={"command": "./nowhere"})
    assert stage.apply().document["reason"].endswith("the command ended with 127: No such file or directory")


@pytest.mark.parametrize(
    ("changed", "others", "outcome"),
    [(0, 0, "succeeded"), (3, 3, "succeeded"), (3, 0, "halted")],
)
def test_the_changed_are_compared_with_those_not_yet_changed(
    stage: Stage, changed: int, others: int, outcome: str
) -> None:
    many(stage, 4, sizes=[2], verify={"evidence": {"margin": "10%", "jobs": 2}})
    waves = stage.manifest.pop("waves")
    assert stage.apply().code == 0
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["waves"] = waves
    assert stage.apply().document["outcome"] == "paused"  # nothing has run since
    for name, errors in zip(stage.tenants, (changed, changed, others, others), strict=True):
        ran(stage, name, errors=errors)

    assert stage.apply().document["outcome"] == outcome


def test_open_errors_since_stop_the_rollout(stage: Stage) -> None:
    many(stage, 3, sizes=[1], verify={"open_errors": 1})
    stage.run_flows(max_errors=5)
    stage.simulator.knobs = Knobs(job_duration=0.0, job_outcome={"*": 2})
    assert halted(stage.apply()) == "wave 1: tenant-00: 2 open errors where 1 are allowed"


def test_deletes_are_checked_by_what_is_left_to_check(stage: Stage) -> None:
    stage.apply()
    stage.manifest["waves"] = {"sizes": [1], "verify": {"equal": True, "errors": 0}}
    assert stage.run("delete", "--all", "--yes").code == 0
