"""Arrays with keys, merged with no more memory than a base."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.arrays import identified
from deployer.domain.documents import Document, Json
from deployer.domain.keyed import Conflict, merge_keyed

KEYS = ("_exportId", "_importId")
IN: Document = {"_exportId": "in"}
OUT: Document = {"_importId": "out"}
LOG: Document = {"_importId": "log"}

TABLE: list[tuple[str, list[Json], list[Json], list[Json], list[Json] | Conflict]] = [
    ("nothing changed", [IN, OUT], [IN, OUT], [IN, OUT], [IN, OUT]),
    ("ours is new", [IN], [IN, OUT], [IN, LOG], [IN, LOG, OUT]),
    (
        "a new one comes with its empty parts",
        [],
        [{**OUT, "map": {}, "deep": {"a": {}}}],
        [],
        [{**OUT, "map": {}, "deep": {"a": {}}}],
    ),
    ("we dropped it", [IN, OUT], [IN], [OUT, IN], [IN]),
    ("they dropped it", [IN, OUT], [IN, OUT], [IN], [IN]),
    (
        "we changed a field",
        [{**OUT, "a": 1, "b": 1}],
        [{**OUT, "a": 2, "b": 1}],
        [{**OUT, "a": 1, "b": 3}],
        [{**OUT, "a": 2, "b": 3}],
    ),
    (
        "both changed a field",
        [{**OUT, "a": 1}],
        [{**OUT, "a": 2}],
        [{**OUT, "a": 3}],
        Conflict(("[_importId=out].a was changed here and there",)),
    ),
    ("both changed it alike", [{**OUT, "a": 1}], [{**OUT, "a": 2}], [{**OUT, "a": 2}], [{**OUT, "a": 2}]),
    (
        "we changed what they dropped",
        [{**OUT, "a": 1}],
        [{**OUT, "a": 2}],
        [],
        Conflict(("[_importId=out] was changed here and there",)),
    ),
    ("they changed what we dropped", [{**OUT, "a": 1}], [], [{**OUT, "a": 2}], [{**OUT, "a": 2}]),
    ("they added to what we dropped", [{**OUT, "a": 1}], [], [{**OUT, "a": 1, "x": 9}], []),
    (
        "they changed a part of what we dropped of it",
        [{**OUT, "deep": {"a": 1, "b": 1}}],
        [OUT],
        [{**OUT, "deep": {"a": 1, "b": 2, "x": 9}}],
        [{**OUT, "deep": {"b": 2, "x": 9}}],
    ),
    (
        "they dropped a part of what we dropped of it",
        [{**OUT, "deep": {"a": 1, "b": 1}}],
        [OUT],
        [{**OUT, "deep": {"a": 1}}],
        [OUT],
    ),
    (
        "they made an object of what we dropped",
        [{**OUT, "a": 1}],
        [OUT],
        [{**OUT, "a": {"x": 1}}],
        [{**OUT, "a": {"x": 1}}],
    ),
    ("they made text of what we dropped", [{**OUT, "a": {"x": 1}}], [OUT], [{**OUT, "a": "x"}], [{**OUT, "a": "x"}]),
    (
        "both made an object of it",
        [{**OUT, "a": 1}],
        [{**OUT, "a": {"x": 1}}],
        [{**OUT, "a": {"y": 1}}],
        [{**OUT, "a": {"y": 1, "x": 1}}],
    ),
    (
        "both added it differently",
        [],
        [{**OUT, "a": 1}],
        [{**OUT, "a": 2}],
        Conflict(("[_importId=out].a was changed here and there",)),
    ),
    ("they moved it", [IN, OUT], [IN, OUT, LOG], [OUT, IN], [OUT, IN, LOG]),
    (
        "repeated in the live one",
        [IN],
        [IN],
        [IN, IN],
        Conflict(("has the _exportId of an element before it: [_exportId=in]",)),
    ),
    (
        "without a key",
        [IN],
        [{"type": "x"}],
        [IN],
        Conflict(("has no _exportId or _importId, by which elements are told apart",)),
    ),
]


@pytest.mark.parametrize(
    ("base", "desired", "live", "merged"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_elements_are_merged_one_by_one(
    base: list[Json], desired: list[Json], live: list[Json], merged: list[Json] | Conflict
) -> None:
    assert merge_keyed(base, desired, live, KEYS) == merged


FIELDS: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {}, optional={"a": st.sampled_from([1, 2]), "deep": st.just({"b": 1})}
)
STEPS = st.tuples(st.sampled_from(KEYS), st.sampled_from(["1", "2", "3"]))
ARRAYS: st.SearchStrategy[list[Json]] = st.dictionaries(STEPS, FIELDS, max_size=4).map(
    lambda drawn: [{key: identity, **fields} for (key, identity), fields in drawn.items()]
)


@given(ARRAYS, ARRAYS, ARRAYS)
def test_a_second_merge_changes_nothing_and_nothing_of_others_is_lost(
    base: list[Json], desired: list[Json], live: list[Json]
) -> None:
    merged = merge_keyed(base, desired, live, KEYS)
    if isinstance(merged, Conflict):
        return
    assert merge_keyed(desired, desired, merged, KEYS) == merged
    mine = {step for array in (base, desired) for step, _ in identified(array, KEYS)}
    theirs = [each for each in identified(live, KEYS) if each[0] not in mine]
    assert [each for each in identified(merged, KEYS) if each[0] not in mine] == theirs


@given(ARRAYS, ARRAYS)
def test_ours_arrive_where_nobody_else_changed_anything(base: list[Json], desired: list[Json]) -> None:
    merged = merge_keyed(base, desired, base, KEYS)
    assert isinstance(merged, list)
    assert dict(identified(merged, KEYS)) == dict(identified(desired, KEYS))
