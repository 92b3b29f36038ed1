"""The merge of owned fields: its table row by row, and what holds for every document."""

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deployer.domain.chosen import Choice
from deployer.domain.documents import MISSING, Document, Json, Path, Value, at, leaves, same
from deployer.domain.identity import InstanceKey, marker_line, with_marker_line
from deployer.domain.merge3 import (
    CONFLICTS,
    NEVER_REMOVED,
    RECORDS,
    WRITES,
    Change,
    Memory,
    Verdict,
    apply,
    judge,
    live_value,
    merge,
    recalled,
    remember,
    with_base,
)

PATH: Path = ("timezone",)
LINE = marker_line("order-sync", InstanceKey("template1", "tenant01"))

# The table of rollout semantics. A letter is a value: what was sent, what was returned, desired, live; "-" is none.
#   sent  returned  desired  live   verdict
TABLE = """
    s     s         s        s      no_change        intent same     live same     equal
    s     n         s        n      no_change        intent same     live same     differ: the server's normal form
    s     s         d        s      update           intent changed  live same     differ
    s     n         d        n      update           intent changed  live same     differ
    s     n         n        n      record           intent changed  live same     equal
    s     s         s        x      drift            intent same     live changed  differ
    s     s         s        -      drift            intent same     live changed  differ: it was removed
    s     n         s        s      record           intent same     live changed  equal
    s     s         d        d      converged        intent changed  live changed  equal
    s     s         d        x      conflict         intent changed  live changed  differ
    s     s         d        -      conflict         intent changed  live changed  differ: it was removed
    s     s         -        s      remove           dropped         live same
    s     n         -        n      remove           dropped         live same
    s     s         -        x      release          dropped         live changed: somebody took it
    s     s         -        -      release          dropped         live changed: somebody removed it
"""


def value(letter: str) -> Value:
    return MISSING if letter == "-" else letter


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_the_table_row_by_row(row: str) -> None:
    sent, returned, desired, live, verdict, *_ = row.split()
    memory = Memory(value(sent), value(returned), first=MISSING)
    assert judge(PATH, memory, value(desired), value(live)) == verdict


@pytest.mark.parametrize(("live", "verdict"), [("d", "adopt"), ("x", "adopt_conflict"), (MISSING, "update")])
def test_without_a_memory_equal_is_adopted_different_needs_a_choice_and_absent_is_filled_in(
    live: Value, verdict: str
) -> None:
    assert judge(PATH, None, "d", live) == verdict


@pytest.mark.parametrize("path", [("name",), ("disabled",)])
def test_what_no_flow_can_be_without_is_released_and_never_removed(path: Path) -> None:
    assert judge(path, Memory("s", "s", MISSING), MISSING, "s") is Verdict.RELEASE


def test_a_verdict_writes_or_records_or_blocks_or_does_none_of_it() -> None:
    assert not WRITES & RECORDS
    assert not CONFLICTS & (WRITES | RECORDS)
    assert set(Verdict) - WRITES - RECORDS - CONFLICTS == {Verdict.NO_CHANGE, Verdict.DRIFT, Verdict.RELEASE}


def test_verdicts_are_called_as_saved_plans_call_them() -> None:
    words = "no_change update record drift converged conflict adopt adopt_conflict remove release ambiguous"
    assert " ".join(Verdict) == words


@pytest.mark.parametrize("path", [("stores", "[id=7]", "id"), ("tags", "[=7]")])
def test_what_tells_an_element_apart_is_the_same_however_it_is_written(path: Path) -> None:
    assert judge(path, None, 7, "7") is Verdict.ADOPT
    assert judge(path, Memory("7", "7", MISSING), 7, "7") is Verdict.NO_CHANGE
    assert judge(("stores", "[id=7]", "name"), None, 7, "7") is Verdict.ADOPT_CONFLICT


CONFLICT: dict[Path, Memory] = {PATH: Memory("s", "s", "first")}


@pytest.mark.parametrize("memory", [CONFLICT, {}], ids=["conflict", "adopt_conflict"])
@pytest.mark.parametrize(("choice", "verdict"), [(Choice.OURS, Verdict.UPDATE), (Choice.THEIRS, Verdict.RECORD)])
def test_a_choice_ends_a_conflict(memory: Mapping[Path, Memory], choice: Choice, verdict: Verdict) -> None:
    assert merge({"timezone": "x"}, {PATH: "d"}, memory, chosen={"": choice} if choice else {}) == (
        Change(PATH, "x", "d", verdict),
    )


def test_a_conflict_says_what_we_left() -> None:
    memory: dict[Path, Memory] = {PATH: Memory("s", "n", "first")}
    assert merge({"timezone": "x"}, {PATH: "d"}, memory) == (Change(PATH, "x", "d", Verdict.CONFLICT, "n"),)


@pytest.mark.parametrize(
    ("path", "live", "verdict"),
    [
        (("timezone",), "x", Verdict.UPDATE),
        (("_exportId",), "x", Verdict.DRIFT),  # the template's
        (("timezone",), "s", Verdict.NO_CHANGE),
    ],
)
def test_restoring_writes_over_drift_of_what_is_owned(path: Path, live: Json, verdict: Verdict) -> None:
    (change,) = merge({path[0]: live}, {path: "s"}, {path: Memory("s", "s", "first")}, restore=True)
    assert change == Change(path, live, "s", verdict)


def test_restoring_ends_no_conflict() -> None:
    (change,) = merge({"timezone": "x"}, {PATH: "d"}, CONFLICT, restore=True)
    assert change.verdict is Verdict.CONFLICT


@pytest.mark.parametrize("choice", list(Choice))
def test_a_choice_touches_nothing_but_conflicts(choice: Choice) -> None:
    drifted = merge({"timezone": "x"}, {PATH: "s"}, CONFLICT, chosen={"": choice} if choice else {})
    released = merge({"timezone": "x"}, {}, CONFLICT, chosen={"": choice} if choice else {})
    assert [change.verdict for change in drifted + released] == [Verdict.DRIFT, Verdict.RELEASE]


def test_into_a_newborn_flow_ours_go_in_even_where_theirs_was_chosen() -> None:
    (change,) = merge({"timezone": "x"}, {PATH: "d"}, {}, chosen={"": Choice.THEIRS}, newborn=True)
    assert change.verdict is Verdict.UPDATE


def test_what_a_base_says_of_a_field_comes_before_what_is_remembered_and_was_nobodys() -> None:
    other, memory = ("name",), Memory("n", "n", "first")
    assert with_base({PATH: Memory("s", "s", "first"), other: memory}, {PATH: "b"}) == {
        PATH: Memory("b", "b", MISSING),
        other: memory,
    }


SETTINGS, SIZE, NEW = ("settings",), ("settings", "size"), ("settings", "new")


@pytest.mark.parametrize(
    ("memory", "path", "found"),
    [
        ({SIZE: Memory(1, 2, 3)}, SIZE, Memory(1, 2, 3)),
        ({SETTINGS: Memory({"size": 1}, {"size": 2}, {"size": 3})}, SIZE, Memory(1, 2, 3)),
        ({SETTINGS: Memory({"size": 1}, {}, MISSING)}, SIZE, Memory(1, MISSING, MISSING)),
        ({("a",): Memory({"b": {"c": 1}}, {"b": {"c": 2}}, 3)}, ("a", "b", "c"), Memory(1, 2, MISSING)),
        ({SETTINGS: Memory({"other": 1}, {"size": 2}, {"size": 3})}, SIZE, None),
        (
            {SIZE: Memory(1, 2, 3), NEW: Memory(4, 5, MISSING)},
            SETTINGS,
            Memory({"size": 1, "new": 4}, {"size": 2, "new": 5}, {"size": 3}),
        ),
        (
            {("a",): Memory({"b": {"c": 1}}, 0, 0), ("a", "b"): Memory({"c": 2}, {"c": 2}, 0)},
            ("a", "b", "c"),
            Memory(2, 2, MISSING),
        ),
        ({("a", "b"): Memory(1, 1, 1), ("c",): Memory(1, 1, 1)}, SETTINGS, None),
        ({}, SIZE, None),
    ],
)
def test_a_field_is_remembered_where_it_was_part_of_another_or_others_were_part_of_it(
    memory: Mapping[Path, Memory], path: Path, found: Memory | None
) -> None:
    assert recalled(memory, path) == found


@pytest.mark.parametrize(
    ("memory", "desired"),
    [
        ({SETTINGS: Memory({"size": 1}, {"size": 1}, MISSING)}, {SIZE: 1}),
        ({SIZE: Memory(1, 1, MISSING)}, {SETTINGS: {"size": 1}}),
    ],
)
def test_what_is_ours_is_neither_adopted_nor_fought_for_in_other_pieces(
    memory: Mapping[Path, Memory], desired: Mapping[Path, Json]
) -> None:
    verdicts = [merge({"settings": {"size": size}}, desired, memory)[0].verdict for size in (1, 2)]
    assert verdicts == [Verdict.NO_CHANGE, Verdict.DRIFT]


def test_what_is_dropped_gets_the_value_from_before_our_first_write() -> None:
    memory: dict[Path, Memory] = {PATH: Memory("s", "n", "before"), ("settings", "size"): Memory(1, 1, MISSING)}
    live: Document = {"timezone": "n", "settings": {"size": 1, "theirs": 2}}
    assert apply(live, merge(live, {}, memory)) == {"timezone": "before", "settings": {"theirs": 2}}


def test_the_value_from_before_our_first_write_outlives_every_later_write() -> None:
    memory: dict[Path, Memory] = {}
    live: Document = {"timezone": "before"}
    for wanted in ("one", "two", "three"):
        changes = merge(live, {PATH: wanted}, memory, chosen={"": Choice.OURS})
        live = apply(live, changes)
        memory = remember(memory, changes, live)
    assert apply(live, merge(live, {}, memory)) == {"timezone": "before"}


def test_keys_of_an_owned_object_that_nobody_names_are_not_ours() -> None:
    live: Document = {"settings": {"size": 1, "theirs": {"deep": True}}}
    changes = merge(live, {("settings", "size"): 2}, {}, chosen={"": Choice.OURS})
    assert apply(live, changes) == {"settings": {"size": 2, "theirs": {"deep": True}}}


def test_arrays_are_replaced_whole() -> None:
    live: Document = {"settings": {"list": [1, 2]}}
    changes = merge(live, {("settings", "list"): [2]}, {}, chosen={"": Choice.OURS})
    assert apply(live, changes) == {"settings": {"list": [2]}}


def test_the_marker_line_is_not_part_of_a_description() -> None:
    live: Document = {"description": with_marker_line("Orders", LINE)}
    (change,) = merge(live, {("description",): "Orders"}, {})
    assert change == Change(("description",), "Orders", "Orders", Verdict.ADOPT)


@pytest.mark.parametrize("live", ["? 0 6 ? * *", "0 6 * * *", "?  0  6  ?  *  *"])
def test_schedules_are_compared_in_their_normal_form(live: str) -> None:
    (change,) = merge({"schedule": live}, {("schedule",): "? 0 6 ? * *"}, {})
    assert change.verdict is Verdict.ADOPT


def test_a_schedule_nobody_understands_is_compared_as_it_stands() -> None:
    assert live_value({"schedule": "whenever"}, ("schedule",)) == "whenever"
    assert live_value({"schedule": None}, ("schedule",)) is None


def test_only_a_schedule_has_the_normal_form_of_one() -> None:
    assert live_value({"name": "0 6 * * *"}, ("name",)) == "0 6 * * *"


@pytest.mark.parametrize(
    ("live", "value"),
    [
        ({}, MISSING),
        ({"settings": {}}, MISSING),
        ({"settings": None}, MISSING),
        ({"settings": "text"}, MISSING),
        ({"settings": []}, MISSING),
        ({"settings": {"deep": 7}}, MISSING),
        ({"settings": {"deep": "******"}}, "******"),  # behind which it may lie
        ({"settings": {"deep": {"x": 1}}}, 1),
    ],
)
def test_what_stands_where_an_object_would_have_to_be_is_no_field(live: Document, value: Value) -> None:
    assert live_value(live, ("settings", "deep", "x")) == value


@pytest.mark.parametrize("live", [{"settings": 1}, {"settings": {"deep": 1}}, {"settings": []}])
def test_what_somebody_put_where_an_object_would_have_to_be_is_fought_for_whatever_it_is(live: Document) -> None:
    path = ("settings", "deep", "x")
    in_the_way = live["settings"]["deep"] if isinstance(live["settings"], dict) else live["settings"]

    (fought,) = merge(live, {path: 1}, {})
    (ours,) = merge(live, {path: 1}, {}, chosen={"": Choice.OURS})

    assert (fought.verdict, fought.live) == (Verdict.ADOPT_CONFLICT, in_the_way)
    assert (ours.verdict, ours.live) == (Verdict.UPDATE, MISSING)


def test_what_somebody_put_where_an_object_of_ours_was_is_drift_and_shown() -> None:
    path = ("settings", "x")

    (change,) = merge({"settings": 7}, {path: 1}, {path: Memory(1, 1, MISSING)})

    assert (change.verdict, change.live) == (Verdict.DRIFT, 7)


def test_what_somebody_made_of_what_we_left_is_fought_for() -> None:
    path, left = ("settings", "x"), {("settings",): Memory(5, 5, MISSING), ("settings", "x"): Memory(1, MISSING, 1)}

    (change, *_) = merge({"settings": 7}, {path: 2}, left)

    assert (change.verdict, change.live) == (Verdict.ADOPT_CONFLICT, 7)


def test_what_we_left_where_an_object_is_to_be_goes() -> None:
    changes = merge({"settings": 5}, {("settings", "x"): 5}, {("settings",): Memory(5, 5, MISSING)})

    assert {change.path: change.verdict for change in changes} == {
        ("settings", "x"): Verdict.UPDATE,
        ("settings",): Verdict.RELEASE,
    }


def test_true_is_not_one() -> None:
    (change,) = merge({"disabled": 1}, {("disabled",): True}, {("disabled",): Memory(True, True, MISSING)})
    assert change.verdict is Verdict.DRIFT


def test_what_the_manifest_says_comes_in_its_order_and_what_it_dropped_comes_after() -> None:
    memory: dict[Path, Memory] = {("name",): Memory("a", "a", "a"), PATH: Memory("s", "s", "s")}
    changes = merge({}, {("skipRetries",): True, PATH: "s"}, memory)
    assert [change.path for change in changes] == [("skipRetries",), PATH, ("name",)]


# For every document. Few values, so that they often meet.

OWNED: list[Path] = [("name",), ("description",), ("timezone",), ("settings", "size"), ("settings", "deep", "mode")]
TEXTS = st.sampled_from(["a", "b", " A", "c"])
FLOWS: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {"name": TEXTS, "_id": st.just("flow0001"), "pageProcessors": st.lists(TEXTS, max_size=2)},
    optional={
        "description": TEXTS,
        "timezone": TEXTS,
        "settings": st.fixed_dictionaries(
            {"theirs": TEXTS},
            optional={"size": TEXTS, "deep": st.fixed_dictionaries({"other": TEXTS}, optional={"mode": TEXTS})},
        ),
    },
)
DESIRED: st.SearchStrategy[dict[Path, Json]] = st.dictionaries(st.sampled_from(OWNED), TEXTS)
MAYBE = TEXTS | st.just(MISSING)
MEMORIES = st.dictionaries(st.sampled_from(OWNED), st.builds(Memory, TEXTS, MAYBE, MAYBE))
CHOICES = st.sampled_from([None, *Choice])


def normalised(value: Json) -> Json:
    """Pretend to be a server that returns something else than what was sent."""
    match value:
        case dict():
            return {key: normalised(inner) for key, inner in value.items()}
        case list():
            return [normalised(inner) for inner in value]
        case str():
            return value.strip().lower()
        case _:
            return value


def answered(body: Document) -> Document:
    return {key: normalised(inner) for key, inner in body.items()}


@given(FLOWS, DESIRED, MEMORIES, CHOICES, st.booleans())
def test_fields_that_are_not_owned_are_never_changed(
    live: Document, desired: dict[Path, Json], memory: dict[Path, Memory], choice: Choice | None, newborn: bool
) -> None:
    body = apply(live, merge(live, desired, memory, chosen={"": choice} if choice else {}, newborn=newborn))
    ours = {*desired, *memory}
    assert {path: leaf for path, leaf in leaves(live) if path not in ours}.items() <= dict(leaves(body)).items()
    assert {path for path, leaf in leaves(body) if leaf != {}} <= {path for path, _ in leaves(live)} | ours


@given(FLOWS, DESIRED, MEMORIES, CHOICES, st.booleans())
def test_an_owned_field_changes_only_where_its_verdict_writes(
    live: Document, desired: dict[Path, Json], memory: dict[Path, Memory], choice: Choice | None, newborn: bool
) -> None:
    changes = merge(live, desired, memory, chosen={"": choice} if choice else {}, newborn=newborn)
    body = apply(live, changes)
    for change in changes:
        expected = change.desired if change.verdict in WRITES else at(live, change.path)
        assert same(at(body, change.path), expected)


@given(FLOWS, DESIRED, MEMORIES, st.sampled_from(Choice), st.booleans())
def test_once_applied_and_remembered_nothing_is_left_to_do(
    live: Document, desired: dict[Path, Json], memory: dict[Path, Memory], choice: Choice, normalises: bool
) -> None:
    changes = merge(live, desired, memory, chosen={"": choice} if choice else {})
    assume(all(change.verdict is not Verdict.DRIFT for change in changes))
    body = apply(live, changes)
    answer = answered(body) if normalises and body != live else body
    kept = {change.path for change in changes if change.verdict is Verdict.NO_CHANGE}
    assume(all(same(at(answer, path), at(body, path)) for path in kept))
    after = remember(memory, changes, answer)
    again = merge(answer, desired, after)
    assert {change.verdict for change in again} <= {Verdict.NO_CHANGE}
    assert apply(answer, again) == answer
    assert after.keys() == desired.keys()


@given(FLOWS, DESIRED, MEMORIES)
def test_drift_is_reported_until_somebody_decides_and_is_never_written_over(
    live: Document, desired: dict[Path, Json], memory: dict[Path, Memory]
) -> None:
    was_left: dict[Path, Memory] = {path: Memory(value, "as it was left", MISSING) for path, value in desired.items()}
    before = {**memory, **was_left}
    changes = merge(live, desired, before, chosen={"": Choice.OURS})
    drifted = {path for path, value in desired.items() if not same(live_value(live, path), value)}
    assert {change.path for change in changes if change.verdict is Verdict.DRIFT} == drifted
    body = apply(live, changes)
    again = merge(body, desired, remember(before, changes, body))
    assert {change.path for change in again if change.verdict is Verdict.DRIFT} == drifted
    assert all(same(at(body, path), at(live, path)) for path in drifted)


@given(FLOWS, DESIRED, MEMORIES)
def test_without_a_choice_a_conflict_is_neither_written_nor_forgotten(
    live: Document, desired: dict[Path, Json], memory: dict[Path, Memory]
) -> None:
    changes = merge(live, desired, memory)
    after = remember(memory, changes, live)
    for change in changes:
        if change.verdict in CONFLICTS:
            assert after.get(change.path) == memory.get(change.path)


@given(MEMORIES)
def test_what_is_let_go_is_forgotten(memory: dict[Path, Memory]) -> None:
    live: Document = {}
    assert remember(memory, merge(live, {}, memory), live) == {}
    assert {change.verdict for change in merge(live, {}, memory) if change.path in NEVER_REMOVED} <= {Verdict.RELEASE}
