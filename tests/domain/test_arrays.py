"""Arrays merged by their elements: as sets, by a key, and what cannot be told apart."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.arrays import IndistinctError, Keys, arranged, elements, identified, keys_in
from deployer.domain.chosen import Choice, Chosen
from deployer.domain.documents import MISSING, Document, Json, Path, Value, alike, at, dotted, element, put
from deployer.domain.merge3 import CONFLICTS, WRITES, Change, Memory, Verdict, apply, merge, remember

TAGS: Path = ("settings", "tags")
STORES: Path = ("settings", "stores")
SEVEN: Path = (*STORES, "[id=7]")
ID: Keys = ("id",)


def ours(array: list[Json], keys: Keys = ()) -> dict[Path, Value]:
    """Return the fields of an array of ours."""
    return dict(elements(STORES if keys else TAGS, array, keys))


def flow(path: Path, array: Json) -> Document:
    return put({"name": "x"}, path, array)


def left(array: list[Json], keys: Keys = (), *, live: Document | None = None) -> dict[Path, Memory]:
    """Return the memory after `array` was written into a flow, by default one that had nothing there."""
    wanted, there = ours(array, keys), live or {}
    changes = merge(there, wanted, {}, chosen={"": Choice.OURS})
    return remember({}, changes, apply(there, changes))


def test_an_element_is_reached_by_what_tells_it_apart() -> None:
    document: Document = {"a": [{"id": 7, "name": "x"}, "plain", {"id": "8"}]}
    assert at(document, ("a", "[id=7]", "name")) == "x"
    assert at(document, ("a", "[id=8]", "id")) == "8"
    assert at(document, ("a", "[=plain]")) == "plain"
    assert at(document, ("a", "[id=9]", "name")) is MISSING
    assert at(document, ("a", "name")) is MISSING
    assert at({"a": {"id": 7}}, ("a", "[id=7]")) is MISSING
    assert dotted(("settings", "stores", "[id=7]", "name")) == "settings.stores[id=7].name"


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ({}, ("a", "[id=b]", "name"), "x", {"a": [{"id": "b", "name": "x"}]}),
        ({"a": [{"id": "7"}]}, ("a", "[id=7]", "id"), 7, {"a": [{"id": 7}]}),
        ({"a": [{"id": 1}]}, ("a", "[id=b]", "deep", "er"), 1, {"a": [{"id": 1}, {"id": "b", "deep": {"er": 1}}]}),
        ({"a": [{"id": 7, "n": 1}, 2]}, ("a", "[id=7]", "n"), 3, {"a": [{"id": 7, "n": 3}, 2]}),
        ({"a": [{"id": 7, "n": 1}, 2]}, ("a", "[id=7]", "n"), MISSING, {"a": [{"id": 7}, 2]}),
        ({"a": [{"id": 7, "n": 1}, 2]}, ("a", "[id=7]", "id"), MISSING, {"a": [2]}),
        ({"a": ["x"]}, ("a", "[=y]"), "y", {"a": ["x", "y"]}),
        ({"a": ["x", "y", "x "]}, ("a", "[=x]"), MISSING, {"a": ["y"]}),
        ({"a": ["x"]}, ("a", "[=x]"), "x", {"a": ["x"]}),
        ({"a": "text"}, ("a", "[=x]"), "x", {"a": ["x"]}),
        ({"a": "text"}, ("a", "[=x]"), MISSING, {"a": "text"}),
        ({}, ("a", "[id=7]", "n"), MISSING, {}),
        ({"a": []}, ("a", "[id=7]", "n"), MISSING, {"a": []}),
    ],
)
def test_what_is_put_into_an_element_comes_there_or_last(
    before: Document, path: Path, value: Value, after: Document
) -> None:
    assert put(before, path, value) == after


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, "1", True),
        (1, 1.0, True),
        (True, "true", True),
        (True, 1, False),
        ("a", " a ", True),
        ("a", "A", False),
        (None, "null", False),
        ([1], "[1]", False),
        ({"a": 1}, {"a": "1"}, True),
        (12345678901234567, 12345678901234568, False),
    ],
)
def test_identities_are_alike_however_a_server_writes_them(one: Json, other: Json, same: bool) -> None:
    assert alike(one, other) is same


@pytest.mark.parametrize(
    ("array", "keys", "steps", "what"),
    [
        ([{"id": 1}, {"name": "x"}], ID, (1,), "has no id, by which elements are told apart"),
        (["an id"], ID, (0,), "has no id, by which elements are told apart"),
        ([{"id": 1}, {"id": "1"}], ID, (1,), "has the id of an element before it: [id=1]"),
        ([{"id": None}], ID, (0,), "id must be text or a whole number: elements are told apart by it"),
        ([{"id": True}], ID, (0,), "id must be text or a whole number: elements are told apart by it"),
        ([{"id": ""}], ID, (0,), "id must be text or a whole number: elements are told apart by it"),
        ([{"c": 1}], ("a", "b"), (0,), "has no a or b, by which elements are told apart"),
    ],
)
def test_what_cannot_be_told_apart_is_named_with_its_place(
    array: list[Json], keys: Keys, steps: tuple[int, ...], what: str
) -> None:
    with pytest.raises(IndistinctError) as caught:
        identified(array, keys)
    assert (str(caught.value), caught.value.steps) == (what, steps)


def test_an_element_is_told_apart_by_the_first_key_that_it_has() -> None:
    array: list[Json] = [{"b": "1"}, {"a": "1", "b": "1"}]
    assert [step for step, _ in identified(array, ("a", "b"))] == ["[b=1]", "[a=1]"]


def test_only_what_is_to_be_merged_is_taken_apart_and_it_has_to_be_a_list() -> None:
    arrays: Mapping[Path, Keys] = {TAGS: ()}
    assert list(arranged(TAGS, ["a"], arrays)) == [((*TAGS, "[=a]"), "a")]
    assert list(arranged(STORES, ["a"], arrays)) == [(STORES, ["a"])]
    assert list(arranged(("tags",), ["a"], {("tags",): ()})) == [(("tags", element("", "a")), "a")]
    wrong: list[tuple[Path, Json]] = [(TAGS, "text"), (TAGS, None), ((*TAGS, "deep"), 1), ((*TAGS, "deep"), ["a"])]
    for path, value in wrong:
        with pytest.raises(IndistinctError, match=r"must be a list: merge says how the elements of settings\.tags"):
            list(arranged(path, value, arrays))


def test_an_element_of_a_set_is_one_field_and_one_with_a_key_a_field_for_each_of_its_own() -> None:
    item: Json = {"id": 7, "deep": {"size": 1}}
    assert [value for _, value in elements(TAGS, [item], ())] == [item]
    assert list(elements(STORES, [item], ID)) == [((*SEVEN, "id"), 7), ((*SEVEN, "deep", "size"), 1)]


def test_arrays_with_keys_are_seen_from_the_paths_through_them() -> None:
    paths: list[Path] = [
        ("a", "[id=7]", "id"),
        ("a", "[id=8]", "id"),
        ("b", "c", "[x=1]", "d"),
        ("a", "[name=n]", "name"),
        ("tags", "[=7]"),
        ("name",),
    ]
    assert keys_in(paths) == {("a",): ("id", "name"), ("b", "c"): ("x",)}


# before (what was written), wanted now, live now, and what the live array is to become
SETS: list[tuple[list[Json], list[Json], list[Json], list[Json]]] = [
    ([], ["a"], ["x"], ["x", "a"]),
    (["a"], ["a", "b"], ["x", "a"], ["x", "a", "b"]),
    (["a", "b"], ["b"], ["b", "x", "a"], ["b", "x"]),
    (["a"], ["a"], ["a", "x", "a"], ["a", "x", "a"]),
    (["a", "b"], ["b", "a"], ["a", "b"], ["a", "b"]),
    (["a"], [], ["a", "x"], ["x"]),
    ([], ["x"], ["x"], ["x"]),
]


@pytest.mark.parametrize(("before", "wanted", "live", "after"), SETS)
def test_of_a_set_ours_come_in_what_we_dropped_goes_and_theirs_stay(
    before: list[Json], wanted: list[Json], live: list[Json], after: list[Json]
) -> None:
    changes = merge(flow(TAGS, live), ours(wanted), left(before))
    assert not [change for change in changes if change.verdict in CONFLICTS]
    assert at(apply(flow(TAGS, live), changes), TAGS) == after


def test_what_others_took_out_of_a_set_is_drift_and_only_that() -> None:
    live = flow(TAGS, ["b", "x"])
    changes = merge(live, ours(["a", "b", "c"]), left(["a", "b"]))
    assert [change.verdict for change in changes] == [Verdict.DRIFT, Verdict.NO_CHANGE, Verdict.UPDATE]
    assert at(apply(live, changes), TAGS) == ["b", "x", "c"]


def test_an_element_that_was_there_before_us_stays_when_we_drop_it() -> None:
    live = flow(TAGS, ["theirs"])
    memory = left(["theirs", "ours"], live=live)
    now = flow(TAGS, ["theirs", "ours"])
    assert at(apply(now, merge(now, {}, memory)), TAGS) == ["theirs"]


KNOWN: list[Json] = [{"id": 7, "name": "a", "size": 1}, {"id": 8, "name": "b"}]


def test_fields_of_an_element_are_merged_one_by_one() -> None:
    live = flow(STORES, [{"id": 9}, {"id": 7, "name": "a", "size": 2, "theirs": 1}, {"id": 8, "name": "b"}])
    wanted = ours([{"id": 7, "name": "new", "size": 1}, {"id": 8, "name": "b"}, {"id": 5}], ID)
    changes = merge(live, wanted, left(KNOWN, ID))
    assert {dotted(change.path): change.verdict for change in changes if change.verdict is not Verdict.NO_CHANGE} == {
        "settings.stores[id=7].name": Verdict.UPDATE,
        "settings.stores[id=7].size": Verdict.DRIFT,
        "settings.stores[id=5].id": Verdict.UPDATE,
    }
    after = [{"id": 9}, {"id": 7, "name": "new", "size": 2, "theirs": 1}, {"id": 8, "name": "b"}, {"id": 5}]
    assert at(apply(live, changes), STORES) == after


def test_an_element_that_we_dropped_goes_with_what_others_put_into_it() -> None:
    live = flow(STORES, [{**KNOWN[0], "theirs": 1}, KNOWN[1]])  # type: ignore[dict-item]  # an object
    assert at(apply(live, merge(live, ours(KNOWN[1:], ID), left(KNOWN, ID))), STORES) == KNOWN[1:]


def test_an_element_that_we_dropped_and_others_changed_is_theirs() -> None:
    live = flow(STORES, [{"id": 7, "name": "a", "size": 2}, KNOWN[1]])
    changes = merge(live, ours(KNOWN[1:], ID), left(KNOWN, ID))
    assert apply(live, changes) == live
    assert {change.verdict for change in changes if change.path[:3] == SEVEN} == {Verdict.RELEASE}


def test_of_an_element_that_was_there_before_us_each_field_goes_or_stays_by_itself() -> None:
    before = flow(STORES, [{"id": 7, "name": "x"}])
    memory = left([{"id": 7, "name": "a", "size": 1}], ID, live=before)
    live = flow(STORES, [{"id": 7, "name": "a", "size": 2}])
    assert at(apply(live, merge(live, {}, memory)), STORES) == [{"id": 7, "name": "x", "size": 2}]


def test_a_field_that_others_removed_from_an_element_is_drift_though_another_is_written() -> None:
    live = flow(STORES, [{"id": 7, "name": "a"}, KNOWN[1]])
    changes = merge(live, ours([{"id": 7, "name": "new", "size": 1}, KNOWN[1]], ID), left(KNOWN, ID))
    verdicts = {change.path[-1]: change.verdict for change in changes if change.path[:3] == SEVEN}
    assert verdicts == {"id": Verdict.NO_CHANGE, "name": Verdict.UPDATE, "size": Verdict.DRIFT}


# what is chosen for two fields of an element that others removed, and the element that comes of it
CHOSEN: list[tuple[Chosen, list[Json]]] = [
    ({"settings.stores[id=7].more": Choice.OURS}, [{"id": 7, "name": "a", "more": 5}]),
    (
        {"settings.stores[id=7].more": Choice.OURS, "settings.stores[id=7].size": Choice.THEIRS},
        [{"id": 7, "name": "a", "size": 2, "more": 5}],
    ),
    ({"settings.stores[id=7].size": Choice.THEIRS}, []),
    ({}, []),
]


@pytest.mark.parametrize(("chosen", "after"), CHOSEN)
def test_an_element_comes_back_with_all_of_it_that_nobody_fights_for(chosen: Chosen, after: list[Json]) -> None:
    live, wanted = flow(STORES, KNOWN[1:]), ours([{"id": 7, "name": "a", "size": 2, "more": 5}, KNOWN[1]], ID)
    changes = merge(live, wanted, left(KNOWN, ID), chosen=chosen)
    assert at(apply(live, changes), STORES) == [KNOWN[1], *after]


def test_an_element_comes_back_with_what_the_server_never_gave_back() -> None:
    wanted = ours(KNOWN, ID)
    changes = merge({}, wanted, {})
    memory = remember({}, changes, flow(STORES, [{"id": 7, "name": "a"}, KNOWN[1]]))  # no size
    after = merge(flow(STORES, KNOWN[1:]), wanted, memory, restore=True)
    assert at(apply(flow(STORES, KNOWN[1:]), after), STORES) == [KNOWN[1], KNOWN[0]]


@pytest.mark.parametrize("field", ["size", "more"])
@pytest.mark.parametrize(("choice", "after"), [(Choice.OURS, True), (Choice.THEIRS, False)])
def test_an_element_that_we_changed_and_others_removed_is_fought_for_and_comes_back_whole_or_not(
    field: str, choice: Choice, after: bool
) -> None:
    live = flow(STORES, KNOWN[1:])
    new: Document = {"id": 7, "name": "a", "size": 1, field: 5}
    wanted, memory = ours([new, KNOWN[1]], ID), left(KNOWN, ID)
    fought = [change for change in merge(live, wanted, memory) if change.verdict in CONFLICTS]
    assert [dotted(change.path) for change in fought] == [f"settings.stores[id=7].{field}"]
    changes = merge(live, wanted, memory, chosen={"settings.stores": choice})
    expected = [KNOWN[1], new] if after else KNOWN[1:]
    assert at(apply(live, changes), STORES) == expected


def test_what_tells_an_element_apart_decides_for_it_wherever_it_stands_in_it() -> None:
    last: Document = {"name": "a", "size": 1, "id": 7}
    live, memory = flow(STORES, KNOWN[1:]), left([last, KNOWN[1]], ID)
    wanted = ours([{"more": 5, **last}, KNOWN[1]], ID)
    fought = [change for change in merge(live, wanted, memory) if change.verdict in CONFLICTS]
    assert [dotted(change.path) for change in fought] == ["settings.stores[id=7].more"]


def test_what_others_removed_is_drift_that_restore_puts_back_whole() -> None:
    live = flow(STORES, KNOWN[1:])
    memory = left(KNOWN, ID)
    assert apply(live, merge(live, ours(KNOWN, ID), memory)) == live
    assert at(apply(live, merge(live, ours(KNOWN, ID), memory, restore=True)), STORES) == [KNOWN[1], KNOWN[0]]


@pytest.mark.parametrize(
    "array", [[{"id": 7}, {"id": "7"}], [{"id": 7}, {"name": "x"}], [{"id": 7}, "x"]], ids=["repeated", "none", "text"]
)
@pytest.mark.parametrize("chosen", [{}, {"": Choice.OURS}, {"": Choice.THEIRS}], ids=["nobody", "ours", "theirs"])
def test_live_elements_that_cannot_be_told_apart_are_a_conflict_that_no_choice_ends(
    array: list[Json], chosen: Chosen
) -> None:
    live = {**flow(STORES, array), "timezone": "a"}
    wanted = {**ours(KNOWN, ID), ("timezone",): "b"}
    memory = {**left(KNOWN, ID), ("timezone",): Memory("a", "a", "a")}
    changes = merge(live, wanted, memory, chosen=chosen)
    assert changes == (
        Change(STORES, array, KNOWN, Verdict.AMBIGUOUS),
        Change(("timezone",), "a", "b", Verdict.UPDATE),
    )
    assert at(apply(live, changes), STORES) == array
    kept = remember(memory, changes, live)
    assert {path: kept[path] for path in memory if path[0] == "settings"} == left(KNOWN, ID)


def test_each_of_several_arrays_that_cannot_be_told_apart_is_a_conflict_of_its_own() -> None:
    parts: Path = ("settings", "parts")
    twice: Json = [{"id": 7}, {"id": 7}]
    live: Document = {"settings": {"stores": twice, "parts": twice}}
    wanted = {**ours([{"id": 7}], ID), **dict(elements(parts, [{"id": 8}], ID)), ("name",): "n"}
    changes = merge(live, wanted, {})
    assert [(change.path, change.desired, change.verdict) for change in changes] == [
        (STORES, [{"id": 7}], Verdict.AMBIGUOUS),
        (parts, [{"id": 8}], Verdict.AMBIGUOUS),
        (("name",), "n", Verdict.UPDATE),
    ]


@pytest.mark.parametrize("stands", ["text", {"id": 7}, 3])
def test_what_stands_where_the_array_would_be_is_a_conflict(stands: Json) -> None:
    live = flow(TAGS, stands)
    (change,) = merge(live, ours(["a"]), {})
    assert (change.verdict, change.live) == (Verdict.ADOPT_CONFLICT, stands)
    assert at(apply(live, merge(live, ours(["a"]), {}, chosen={"": Choice.OURS})), TAGS) == ["a"]


def as_text(value: Json) -> Json:
    """Return what a server makes of a value that gives numbers back as text."""
    match value:
        case dict():
            return {key: as_text(inner) for key, inner in value.items()}
        case list():
            return [as_text(inner) for inner in value]
        case str() | None:
            return value
        case _:
            return str(value).lower()


@pytest.mark.parametrize(("array", "keys"), [([1, True, "x"], ()), (KNOWN, ID)], ids=["set", "by_key"])
def test_a_server_that_normalises_is_not_written_to_again_and_gives_back_what_we_drop(
    array: list[Json], keys: Keys
) -> None:
    wanted, path = ours(array, keys), STORES if keys else TAGS
    changes = merge({}, wanted, {})
    answer: Document = {"settings": as_text(apply({}, changes)["settings"])}
    memory = remember({}, changes, answer)
    assert {change.verdict for change in merge(answer, wanted, memory)} == {Verdict.NO_CHANGE}
    less = merge(answer, ours(array[1:], keys), memory)
    assert at(apply(answer, less), path) == as_text(array[1:])


def test_another_way_to_merge_an_array_neither_writes_nor_forgets_what_stood_there_before() -> None:
    whole: dict[Path, Memory] = {TAGS: Memory(["a", "b"], ["a", "b"], MISSING)}
    live = flow(TAGS, ["a", "b"])
    changes = merge(live, ours(["a", "b"]), whole)
    assert apply(live, changes) == live
    memory = remember(whole, changes, live)
    assert memory == left(["a", "b"])
    assert at(apply(live, merge(live, ours(["b"]), memory)), TAGS) == ["b"]
    back = merge(live, {TAGS: ["a", "b"]}, memory)
    assert apply(live, back) == live
    assert remember(memory, back, live).keys() == {TAGS}


def test_a_leaf_that_becomes_part_of_something_else_is_let_go() -> None:
    memory: dict[Path, Memory] = {("settings", "deep", "x"): Memory(1, 1, 0)}
    live: Document = {"settings": {"deep": {"x": 1}}}
    changes = merge(live, {("settings", "deep"): 5}, memory, chosen={"": Choice.OURS})
    assert apply(live, changes) == {"settings": {"deep": 5}}


# For every array. Few values, so that they often meet.

SCALARS = st.sampled_from(["a", "b", "c", 1, "1", True, None])
LISTS: st.SearchStrategy[list[Json]] = st.lists(SCALARS, max_size=5)
NAMES = st.sampled_from(["x", "y"])
DEEP: st.SearchStrategy[Json] = st.fixed_dictionaries({}, optional={"size": NAMES})
FIELDS: st.SearchStrategy[Document] = st.fixed_dictionaries({}, optional={"name": NAMES, "deep": DEEP})
KEYED: st.SearchStrategy[list[Json]] = st.dictionaries(st.integers(1, 4), FIELDS, max_size=4).map(
    lambda drawn: [{"id": identity, **fields} for identity, fields in drawn.items()]
)
Drawn = tuple[Keys, list[Json], list[Json], list[Json]]
AS_SETS: st.SearchStrategy[Drawn] = st.tuples(st.just(()), LISTS, LISTS, LISTS)
BY_KEY: st.SearchStrategy[Drawn] = st.tuples(st.just(("id",)), KEYED, KEYED, KEYED)
ARRAYS = AS_SETS | BY_KEY


@given(ARRAYS, st.sampled_from(Choice))
def test_once_applied_and_remembered_a_second_merge_changes_nothing(arrays: Drawn, choice: Choice) -> None:
    keys, before, wanted, there = arrays
    live, memory = flow(STORES if keys else TAGS, there), left(before, keys)
    changes = merge(live, ours(wanted, keys), memory, chosen={"": choice})
    body = apply(live, changes)
    again = merge(body, ours(wanted, keys), remember(memory, changes, body), chosen={"": choice})
    assert not [change for change in again if change.verdict in WRITES | CONFLICTS]
    assert apply(body, again) == body


@given(ARRAYS, st.sampled_from([None, *Choice]), st.booleans())
def test_elements_that_are_not_ours_are_never_lost_and_keep_their_order(
    arrays: Drawn,
    choice: Choice | None,
    restore: bool,
) -> None:
    keys, before, wanted, there = arrays
    path = STORES if keys else TAGS
    live, fields = flow(path, there), ours(wanted, keys)
    changes = merge(live, fields, left(before, keys), chosen={"": choice} if choice else {}, restore=restore)
    after = at(apply(live, changes), path)
    assert isinstance(after, list)
    mine = {step for step, _ in (*identified(before, keys), *identified(wanted, keys))}
    theirs = [item for step, item in identified(there, keys) if step not in mine]
    assert [item for step, item in identified(after, keys) if step not in mine] == theirs
    steps = [step for step, _ in identified(there, keys)]
    assert [step for step, _ in identified(after, keys) if step in steps] == [
        step for step in steps if at(apply(live, changes), (*path, step)) is not MISSING
    ]


@given(ARRAYS)
def test_ours_always_arrive_where_ours_is_chosen_and_drift_restored(arrays: Drawn) -> None:
    keys, before, wanted, there = arrays
    live, fields = flow(STORES if keys else TAGS, there), ours(wanted, keys)
    body = apply(live, merge(live, fields, left(before, keys), chosen={"": Choice.OURS}, restore=True))
    assert all(alike(at(body, path), value) for path, value in fields.items())


@given(ARRAYS)
def test_without_a_memory_the_result_is_the_union(arrays: Drawn) -> None:
    keys, _, wanted, there = arrays
    path = STORES if keys else TAGS
    live = flow(path, there)
    after = at(apply(live, merge(live, ours(wanted, keys), {}, chosen={"": Choice.OURS})), path)
    assert isinstance(after, list)
    union = dict.fromkeys(step for array in (there, wanted) for step, _ in identified(array, keys))
    alone = {step for step in union if at({"array": after}, ("array", step)) is not MISSING}
    assert alone == set(union)
    assert after[: len(there)] == there or keys


@pytest.mark.parametrize(
    ("identity", "step"),
    [
        (7, "[id=7]"),
        ("7 ", "[id=7]"),
        ("ä-1.b", "[id=ä-1.b]"),
        ("two words", '[id="two words"]'),
        ("null", '[id="null"]'),
        (None, "[id=null]"),
        ([1, {"a": True}], '[id=["1",{"a":"true"}]]'),
        ("[x]=", '[id="[x]="]'),
        ("", '[id=""]'),
    ],
)
def test_a_step_to_an_element_is_one_text_for_identities_that_are_alike(identity: Json, step: str) -> None:
    assert element("id", identity) == step
    array: list[Json] = [{"id": "other"}, {"id": identity, "found": True}]
    assert at({"a": array}, ("a", step, "found")) is True
