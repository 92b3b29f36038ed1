"""What a flow's jobs say about a run."""

import pytest

from deployer.domain.documents import Document
from deployer.domain.jobs import Started, ended, errors, judge_run, trouble, unseen


def job(status: str = "completed", *, failed: int | None = 0, name: str = "job00001") -> Document:
    return {"_id": name, "status": status, "numError": failed}


# new jobs, fresh flow, generators, verdict
@pytest.mark.parametrize(
    ("new", "fresh", "generators", "verdict"),
    [
        (0, True, 1, Started.NO),
        (0, False, 1, Started.NO),
        (1, True, 1, Started.YES),
        (1, False, 1, Started.UNDECIDABLE),
        (2, True, 1, Started.UNDECIDABLE),
        (1, True, 3, Started.YES),
        (3, True, 3, Started.YES),
        (4, True, 3, Started.UNDECIDABLE),
        (3, False, 3, Started.UNDECIDABLE),
    ],
)
def test_on_a_fresh_flow_as_many_jobs_as_a_run_makes_are_ours(
    new: int, fresh: bool, generators: int, verdict: Started
) -> None:
    jobs = [f"job0000{number}" for number in range(new)]
    assert judge_run(jobs, fresh=fresh, generators=generators) is verdict


def test_new_jobs_are_those_that_were_not_seen_before() -> None:
    assert unseen([job(name="a"), job(name="b"), job(name="c")], ["b"]) == ["a", "c"]


@pytest.mark.parametrize(
    ("status", "end"),
    [("completed", True), ("failed", True), ("canceled", True), ("running", False), ("queued", False), ("new", False)],
)
def test_a_run_has_ended_when_all_its_jobs_have(status: str, end: bool) -> None:
    assert ended([job(), job(status)]) is end


def test_errors_add_up_over_all_jobs() -> None:
    assert errors([job(failed=2), job(failed=None), job(failed=3), {"_id": "bare"}]) == 5


@pytest.mark.parametrize(
    ("jobs", "allowed", "sentence"),
    [
        ([job()], 0, None),
        ([job(failed=3)], 3, None),
        ([job(failed=2), job(failed=2)], 3, "4 errors where 3 are allowed"),
        ([job("failed")], 99, "job job00001 failed"),
        ([job(), job("canceled", name="j2"), job("failed", name="j3")], 0, "job j2 canceled, job j3 failed"),
    ],
)
def test_trouble_is_a_job_that_failed_or_too_many_errors(
    jobs: list[Document], allowed: int, sentence: str | None
) -> None:
    assert trouble(jobs, allowed) == sentence
