import json
from importlib.resources import files

import pytest

from deployer.domain.deployment import Status, count
from deployer.domain.outcome import exit_code, judge


@pytest.mark.parametrize(
    ("statuses", "halted", "outcome"),
    [
        ([], False, "succeeded"),
        (["done", "no_change", "skipped"], False, "succeeded"),
        (["done"], True, "succeeded"),
        (["pending", "done"], False, "running"),
        (["running", "failed"], False, "running"),
        (["pending", "failed"], True, "halted"),
        (["running", "done"], True, "halted"),
        (["done", "failed"], False, "succeeded_with_failures"),
        (["no_change", "blocked"], False, "succeeded_with_failures"),
        (["skipped", "unknown"], False, "succeeded_with_failures"),
        (["done", "stale"], False, "succeeded_with_failures"),
        (["done", "cancelled"], False, "succeeded_with_failures"),
        (["failed"], False, "failed"),
        (["unknown", "blocked", "stale", "cancelled"], True, "failed"),
    ],
)
def test_the_outcome_follows_from_the_counts(statuses: list[str], halted: bool, outcome: str) -> None:
    assert judge(count(map(Status, statuses)), left="halted" if halted else "running") == outcome


def test_work_that_is_left_is_running_where_no_other_reason_is_given() -> None:
    assert judge(count([Status.PENDING])) == "running"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("succeeded", 0),
        ("failed", 1),
        ("succeeded_with_failures", 3),
        ("aborted", 3),
        ("superseded", 3),
        ("planned", 5),
        ("running", 5),
        ("paused", 5),
        ("waiting", 5),
        ("halted", 6),
    ],
)
def test_the_exit_code_follows_from_the_outcome(outcome: str, code: int) -> None:
    assert exit_code(outcome) == code


def test_every_outcome_that_is_ever_printed_has_an_exit_code() -> None:
    schema = json.loads(files("deployer.report").joinpath("schemas", "summary.schema.json").read_text("utf-8"))
    assert all(exit_code(outcome) in range(7) for outcome in schema["properties"]["outcome"]["enum"])
