"""JSON documents: paths, comparison, fingerprints."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.documents import (
    MISSING,
    Document,
    Json,
    Path,
    at,
    canonical,
    dotted,
    fingerprint,
    leaves,
    put,
    same,
)

KEYS = st.text(max_size=3)
SCALARS: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers() | st.text(max_size=4)


def nested(scalars: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    )


VALUES = nested(SCALARS)
DOCUMENTS: st.SearchStrategy[Document] = st.dictionaries(KEYS, VALUES, max_size=4)
PATHS: st.SearchStrategy[Path] = st.lists(KEYS, min_size=1, max_size=3).map(tuple)


def overlap(one: Path, other: Path) -> bool:
    return all(first == second for first, second in zip(one, other, strict=False))


def with_leaves(document: Document, other: Document) -> Document:
    """Put every leaf of the other document into this one."""
    for path, leaf in leaves(other):
        document = put(document, path, leaf)
    return document


@given(DOCUMENTS, PATHS, VALUES)
def test_what_was_put_is_found(document: Document, path: Path, value: Json) -> None:
    assert same(at(put(document, path, value), path), value)


@given(DOCUMENTS, PATHS)
def test_what_was_removed_is_missing(document: Document, path: Path) -> None:
    assert at(put(document, path, MISSING), path) is MISSING


@given(DOCUMENTS, PATHS, VALUES | st.just(MISSING))
def test_putting_changes_no_leaf_beside_the_path(document: Document, path: Path, value: Json) -> None:
    before = [(place, leaf) for place, leaf in leaves(document) if not overlap(place, path)]
    after = [(place, leaf) for place, leaf in leaves(put(document, path, value)) if not overlap(place, path)]
    assert after == before


@given(DOCUMENTS, PATHS, VALUES | st.just(MISSING))
def test_putting_leaves_the_document_itself_alone(document: Document, path: Path, value: Json) -> None:
    before = json.dumps(document)
    put(document, path, value)
    assert json.dumps(document) == before


@given(DOCUMENTS)
def test_putting_the_leaves_of_a_document_into_it_changes_nothing(document: Document) -> None:
    assert same(with_leaves(document, document), document)


@given(DOCUMENTS)
def test_the_leaves_of_a_document_are_all_its_values_that_are_no_objects(document: Document) -> None:
    assert list(leaves(with_leaves({}, document))) == list(leaves(document))


def test_arrays_are_leaves_and_empty_objects_have_none() -> None:
    document: Document = {"a": {"b": [{"c": 1}], "d": {}}, "e": None}
    assert list(leaves(document)) == [(("a", "b"), [{"c": 1}]), (("e",), None)]


def test_an_absent_value_is_not_a_null() -> None:
    assert at({"a": None}, ("a",)) is None
    assert at({"a": None}, ("a", "b")) is MISSING
    assert at({"a": [{"b": 1}]}, ("a", "b")) is MISSING


def test_a_value_is_put_where_something_else_than_an_object_was() -> None:
    assert put({"a": None}, ("a", "b"), 1) == {"a": {"b": 1}}
    assert put({"a": [1]}, ("a", "b"), MISSING) == {"a": [1]}


@given(VALUES, VALUES)
def test_without_fractions_same_is_equality_of_canonical_texts(one: Json, other: Json) -> None:
    assert same(one, other) == (canonical(one) == canonical(other))


@given(VALUES)
def test_a_value_is_the_same_as_what_its_text_reads_back_as(value: Json) -> None:
    assert same(json.loads(canonical(value)), value)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (1.0, True, False),
        ([1], [True], False),
        ({"a": 0}, {"a": False}, False),
        ("1", 1, False),
        (None, False, False),
        (None, MISSING, False),
        (MISSING, MISSING, True),
        ({}, [], False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ],
)
def test_values_are_compared_as_json(one: Json, other: Json, alike: bool) -> None:
    assert same(one, other) is alike
    assert same(other, one) is alike


@given(DOCUMENTS)
def test_the_order_of_keys_does_not_change_a_fingerprint(document: Document) -> None:
    assert fingerprint(dict(reversed(document.items()))) == fingerprint(document)


@given(VALUES, VALUES)
def test_values_have_one_fingerprint_if_and_only_if_they_are_the_same(one: Json, other: Json) -> None:
    assert (fingerprint(one) == fingerprint(other)) == same(one, other)


def test_a_fingerprint_is_64_hex_digits_even_of_half_a_character() -> None:
    assert int(fingerprint({"name": "\ud800"}), 16) >= 0
    assert len(fingerprint({"name": "\ud800"})) == 64


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_has_no_text(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": [number]})


def test_a_path_reads_as_a_person_writes_it() -> None:
    assert dotted(("settings", "batchSize")) == "settings.batchSize"
