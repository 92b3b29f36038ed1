"""What becomes of the gate after a wave: it bakes, is checked, waits for a person, and opens."""

from dataclasses import replace

import pytest

from deployer.domain.checks import (
    Finding,
    Share,
    Verdict,
    jobs_since,
    of_command,
    of_evidence,
    of_jobs,
    worst,
)
from deployer.domain.gate import RECHECK, Gate, GateState, Halt, Hold, Wait, gate_move
from deployer.domain.waves import Checks, Evidence, Wave

WELL, UNTOLD, BAD = (Finding(verdict, verdict.value) for verdict in Verdict)
PLAIN = Wave("canary", 3, 3, 0)
BAKED = replace(PLAIN, bake=(60.0, 600.0))
APPROVED = replace(PLAIN, approve=True)
START, LATER, LATE = "2026-03-01T10:00:00.000Z", "2026-03-01T10:01:30.000Z", "2026-03-01T10:11:00.000Z"
BAKING = Gate(1, GateState.BAKING, START)
WAITING = Gate(1, GateState.WAITING, START)


def released(now: str, who: str = "") -> Gate:
    return Gate(1, GateState.RELEASED, now, who)


@pytest.mark.parametrize(
    ("wave", "gate", "finding", "now", "who", "move"),
    [
        (PLAIN, None, WELL, START, "", released(START)),
        (PLAIN, None, BAD, START, "", Halt("fail")),
        (PLAIN, None, UNTOLD, START, "", Hold("inconclusive")),
        (PLAIN, None, UNTOLD, START, "jo", released(START, "jo")),
        (BAKED, None, WELL, START, "", Wait(60.0)),
        (BAKED, BAKING, WELL, LATER, "", released(LATER)),
        (BAKED, BAKING, UNTOLD, LATER, "", Wait(RECHECK)),
        (BAKED, BAKING, UNTOLD, "2026-03-01T10:09:50.000Z", "", Wait(10.0)),
        (BAKED, BAKING, UNTOLD, LATE, "", Hold("inconclusive")),
        (BAKED, BAKING, BAD, START, "", Halt("fail")),
        (BAKED, BAKING, WELL, "2026-02-01T10:00:00.000Z", "", Wait(60.0)),  # the wall's clock went back
        (BAKED, BAKING, WELL, START, "jo", Wait(60.0)),  # nobody approves time away
        (APPROVED, None, WELL, START, "", WAITING),
        (APPROVED, WAITING, WELL, LATE, "", WAITING),
        (APPROVED, WAITING, BAD, LATE, "jo", Halt("fail")),
        (APPROVED, WAITING, WELL, LATE, "jo", released(LATE, "jo")),
        (APPROVED, released(START, "jo"), BAD, LATE, "", released(START, "jo")),
    ],
)
def test_a_gate_opens_only_for_what_is_well_long_enough_and_approved(
    wave: Wave, gate: Gate | None, finding: Finding, now: str, who: str, move: object
) -> None:
    assert gate_move(1, wave, gate, finding, now, approved_by=who) == move


def job(status: str = "completed", errors: int = 0, made: str = LATER) -> dict[str, object]:
    return {"_id": "j", "status": status, "numError": errors, "createdAt": made}


@pytest.mark.parametrize(
    ("jobs", "verdict"),
    [
        ([], Verdict.INCONCLUSIVE),
        ([job("running")], Verdict.INCONCLUSIVE),
        ([job(), job("running")], Verdict.INCONCLUSIVE),
        ([job()], Verdict.PASS),
        ([job(errors=2)], Verdict.PASS),
        ([job(errors=3)], Verdict.FAIL),
        ([job(errors=2), job(errors=1)], Verdict.FAIL),  # one run with two page generators
        ([job("failed"), job("running")], Verdict.FAIL),
    ],
)
def test_jobs_tell_once_they_have_ended(jobs: list[dict[str, object]], verdict: Verdict) -> None:
    assert of_jobs(jobs, Checks(errors=2)).verdict is verdict  # type: ignore[arg-type]  # JSON


def test_only_jobs_made_since_count() -> None:
    assert jobs_since([job(made=START), job(made=LATE)], LATER) == [job(made=LATE)]  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("changed", "others", "verdict"),
    [
        ((0, 10), (0, 10), Verdict.PASS),
        ((5, 10), (5, 10), Verdict.PASS),  # all are as bad: an outage, not the change
        ((1, 10), (0, 10), Verdict.PASS),
        ((2, 10), (0, 10), Verdict.FAIL),
        ((10, 10), (9, 10), Verdict.PASS),
        ((4, 4), (0, 10), Verdict.INCONCLUSIVE),
        ((10, 10), (0, 4), Verdict.INCONCLUSIVE),
    ],
)
def test_the_changed_are_compared_with_those_not_yet_changed(
    changed: tuple[int, int], others: tuple[int, int], verdict: Verdict
) -> None:
    assert of_evidence(Share(*changed), Share(*others), Evidence(0.1, 5)).verdict is verdict


def test_a_share_counts_jobs_that_ended_and_those_with_errors_as_bad() -> None:
    share = Share()
    share.add([job(), job(errors=1), job("failed"), job("running")])  # type: ignore[list-item]
    assert (share.bad, share.jobs) == (2, 3)


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, Verdict.PASS), (1, Verdict.FAIL), (2, Verdict.INCONCLUSIVE), (None, Verdict.INCONCLUSIVE)]
)
def test_a_command_says_yes_no_or_that_it_cannot_tell(code: int | None, verdict: Verdict) -> None:
    assert of_command(code).verdict is verdict


def test_the_worst_finding_decides() -> None:
    assert worst([WELL, BAD, UNTOLD]) is BAD
    assert worst([UNTOLD, WELL]) is UNTOLD
    assert worst([]).verdict is Verdict.PASS
