"""What the journal cannot be told is kept elsewhere, and found again without it."""

import json
import sys
from stat import S_IMODE

import pytest

from deployer.simulator import Customer, Knobs
from tests.engine.stage import SOON, US, Stage

if sys.platform == "linux":
    from resource import RLIMIT_FSIZE, prlimit

NAME = "acmé"
SMALL = 4096  # bytes: the journal is larger already, and an emergency smaller


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of another process is set on Linux alone")
def test_a_flow_that_the_journal_cannot_be_told_of_is_kept_in_a_file_and_found_by_the_next_apply(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.5})
    stage.tenants = {NAME: Customer(US, 0)}
    with stage.started("apply", "--yes") as process:
        stage.await_requests("flows.clone")
        prlimit(process.pid, RLIMIT_FSIZE, (SMALL, SMALL))  # from now on its disk is full
        _, err = process.communicate(timeout=SOON)
    emergency = stage.directory / ".deployer" / "emergency.jsonl"
    line = emergency.read_text("ascii")

    assert process.returncode == 1
    assert f"the journal cannot be written; keep this line: {line}" in err
    assert "error: the journal cannot be used: " in err
    assert json.loads(line) == {"tenant": NAME, "flow": stage.flow(NAME)["_id"]}
    assert S_IMODE(emergency.stat().st_mode) == 0o600

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert stage.sent("flows.clone") == 1
    assert stage.flow(NAME)["settings"]["batchSize"] == 200
