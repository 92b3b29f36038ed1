"""The body of a PUT, and what its answer proves."""

import pytest

from deployer.domain.body import body_of, ignored, is_settled, others
from deployer.domain.documents import MISSING, Document, Json, Path, Value, put
from deployer.domain.identity import birth_name, marker_line
from deployer.domain.merge3 import Change, Verdict, merge
from tests.factories import planned

PLANNED = planned()
LINE = marker_line("order-sync", PLANNED.key)
BORN = birth_name("Orders", PLANNED.key)
NAME: Path = ("name",)
TEXT: Path = ("description",)


def body(live: Document, *changes: Change, rollout: str | None = "order-sync") -> Document:
    return body_of(live, changes, PLANNED, rollout=rollout, name="Orders of acme")


def test_a_newborn_gets_its_name_and_the_line_that_carries_the_marker() -> None:
    live: Document = {"_id": "flow0001", "name": BORN, "theirs": [1]}
    expected = {"_id": "flow0001", "name": "Orders of acme", "theirs": [1], "description": LINE}
    assert body(live) == expected


def test_a_name_that_is_wanted_wins_over_the_one_nobody_asked_for() -> None:
    assert body({"name": BORN}, Change(NAME, BORN, "Wanted", Verdict.UPDATE))["name"] == "Wanted"


def test_a_name_that_a_person_gave_stays() -> None:
    assert body({"name": "My own"})["name"] == "My own"


def test_without_a_marker_the_description_stays_as_it_is() -> None:
    assert body({"name": "Orders"}, rollout=None) == {"name": "Orders"}


def test_a_wanted_description_ends_with_the_line() -> None:
    changes = merge({"name": "Orders", "description": f"Old\n\n{LINE}"}, {TEXT: "New"}, {})
    assert body({}, Change(TEXT, "Old", "New", Verdict.UPDATE))["description"] == f"New\n\n{LINE}"
    assert changes[0].live == "Old"


def test_the_body_of_a_body_is_the_same_again() -> None:
    once = body({"name": BORN, "description": "Synchronises orders."})
    assert body(once) == once


@pytest.mark.parametrize(
    ("live", "settled"),
    [
        ({"name": "Orders", "description": f"Text\n\n{LINE}", "theirs": 1}, True),
        ({"name": "Orders", "description": "Text"}, True),
        ({"name": "Order", "description": "Text"}, False),
        ({"name": "Orders"}, False),
    ],
)
def test_a_flow_is_settled_when_every_owned_field_is_as_wanted(live: Document, settled: bool) -> None:
    fields: dict[Path, Value] = {NAME: "Orders", TEXT: "Text"}
    assert is_settled(live, fields, PLANNED) is settled


def test_a_flow_with_its_birth_name_is_never_settled() -> None:
    assert not is_settled({"name": BORN}, {}, PLANNED)


FIELDS: list[Path] = [("timezone",), ("settings", "size"), ("name",)]
LIVE: Document = {"name": "Orders", "timezone": "UTC", "settings": {"size": 1}, "pageProcessors": [1]}


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        (("timezone",), False),
        (("settings", "size"), False),
        (("name",), False),
        (("description",), True),
        (("lastModified",), False),
        (("lastExecutedAt",), False),
        (("pageProcessors",), True),
        (("disabled",), True),
    ],
)
def test_only_what_is_not_ours_tells_that_somebody_else_wrote(path: Path, seen: bool) -> None:
    assert (others(put(LIVE, path, "changed"), FIELDS) != others(LIVE, FIELDS)) is seen


# path, live, desired, what the server answered with, whether it ignored us
IGNORED: list[tuple[str, Value, Value, Value, bool]] = [
    ("timezone", "a", "b", "b", False),
    ("timezone", "a", "b", "a", True),
    ("timezone", "a", "b", "B normalised", False),
    ("timezone", MISSING, "b", MISSING, True),
    ("timezone", "a", MISSING, "a", True),
    ("timezone", "a", MISSING, MISSING, False),
    ("timezone", "a", "a", "a", False),
    ("schedule", "? 0 6 ? * *", "? 0 7 ? * *", "0 7 * * *", False),
    ("schedule", "? 0 6 ? * *", "? 0 7 ? * *", "0 6 * * *", True),
    ("description", "a", "b", f"b\n\n{LINE}", False),
    ("description", "a", "b", f"a\n\n{LINE}", True),
    ("description", MISSING, "", LINE, False),
    ("description", MISSING, None, LINE, False),
    ("description", "a", "a\n", f"a\n\n{LINE}", False),
]


@pytest.mark.parametrize(("path", "live", "desired", "answer", "expected"), IGNORED)
def test_what_the_server_left_as_it_was_is_named(
    path: str, live: Value, desired: Value, answer: Value, expected: bool
) -> None:
    answered = put({}, (path,), answer)
    change = Change((path,), live, desired, Verdict.REMOVE if desired is MISSING else Verdict.UPDATE)
    assert ignored([change], answered) == ([path] if expected else [])


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.UPDATE, Verdict.REMOVE}))
def test_nothing_is_ignored_that_was_not_written(verdict: Verdict) -> None:
    wanted: Json = "b"
    assert ignored([Change(NAME, "a", wanted, verdict)], {"name": "a"}) == []
