"""Who made the newest entry of an audit log, whatever the entries look like."""

from typing import Any

import pytest

from deployer.domain.audit import last_editor

OLD: dict[str, Any] = {"time": "2026-11-01T00:00:00.000Z", "byUser": {"name": "Old Hand"}}


@pytest.mark.parametrize(
    ("entry", "who"),
    [
        ({"byUser": {"_id": "5e03061cda20740022300f09", "name": "Ada", "email": "ada@example.com"}}, "Ada"),
        ({"byUser": {"_id": "5e03061cda20740022300f09", "email": "ada@example.com"}}, "ada@example.com"),
        ({"byUser": {"_id": "5e03061cda20740022300f09", "name": ""}}, "5e03061cda20740022300f09"),
        ({"user": {"name": "Ada"}}, "Ada"),
        ({"_byUserId": "5e03061cda20740022300f09"}, "5e03061cda20740022300f09"),
    ],
)
def test_the_newest_entry_names_a_person_by_the_best_it_has(entry: dict[str, Any], who: str) -> None:
    newest = {"time": "2026-11-02T00:00:00.000Z", **entry}
    assert last_editor([OLD, newest]) == last_editor([newest, OLD]) == who


@pytest.mark.parametrize("entry", [{}, {"byUser": "Ada"}, {"byUser": {"name": 7}}, {"byUser": {}}, {"_byUserId": 7}])
def test_an_entry_that_names_nobody_is_passed_over(entry: dict[str, Any]) -> None:
    newest = {"time": "2026-11-02T00:00:00.000Z", **entry}
    assert last_editor([newest, OLD]) == "Old Hand"
    assert last_editor([newest]) == ""


def test_an_empty_log_names_nobody() -> None:
    assert last_editor([]) == ""
