import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.documents import MISSING, Json, Value
from deployer.domain.interpolation import InterpolationError, interpolate

NAMES: dict[str, Json] = {
    "tenant.name": "Acme",
    "tenant.values.size": 200,
    "tenant.values.on": True,
    "tenant.values.list": [1, {"a": None}],
    "tenant.values.null": None,
    "env:EMPTY": "",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def lookup(name: str) -> Value:
    return NAMES.get(name, MISSING)


def escaped(text: str) -> str:
    """Write a text such that it comes out as it was: a dollar more before each `${` outside of Handlebars."""
    return re.sub(r"\{\{.*?\}\}|\$\{(?!\{)", lambda m: m[0] if m[0][0] == "{" else "$" + m[0], text, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${tenant.name}", "Acme"),
        ("${ tenant.name }", "Acme"),
        ("${tenant.values.size}", 200),
        ("${tenant.values.list}", [1, {"a": None}]),
        ("${tenant.values.null}", None),
        ("Orders: ${tenant.name}, ${tenant.values.size} ${tenant.values.on}", "Orders: Acme, 200 true"),
        ("$${tenant.name}", "${tenant.name}"),
        ("$$${tenant.name}", "$${tenant.name}"),
        ("${absent:-eu}", "eu"),
        ("${absent:-200}", 200),
        ("${absent:-}", ""),
        ("x${absent:-0100}", "x0100"),
        ("${env:EMPTY:-d}", "d"),
        ("${tenant.values.null:-d}", None),
        ("{{tenant.name}} {{#if ${tenant.name}}} ${tenant.name}", "{{tenant.name}} {{#if ${tenant.name}}} Acme"),
        ("${{amount}}", "${{amount}}"),
        ("$5 {x} $", "$5 {x} $"),
    ],
)
def test_references_are_replaced(text: str, value: Json) -> None:
    assert interpolate(text, lookup) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${tenant.nam}", 'unknown name ${tenant.nam} (did you mean "tenant.name"?)'),
        ("a ${zzz}", "unknown name ${zzz}"),
        ("${tenant.values.zzz}", "the tenant has no ${tenant.values.zzz}: an empty cell, or no such name"),
        ("${tenant.name", '"${" is never closed (write "$${" for the characters themselves)'),
        ("a${tenant.values.list}", "${tenant.values.list} is a list and cannot stand within text"),
        ("a${tenant.values.null}", "${tenant.values.null} is null and cannot stand within text"),
    ],
)
def test_what_cannot_be_replaced_is_explained(text: str, message: str) -> None:
    with pytest.raises(InterpolationError) as caught:
        interpolate(text, lookup, known=NAMES)
    assert str(caught.value) == message


def test_an_error_leads_to_the_text_that_holds_it() -> None:
    with pytest.raises(InterpolationError) as caught:
        interpolate({"a": [1, "${zzz}"]}, lookup, steps=("flow",))
    assert caught.value.steps == ("flow", "a", 1)


def test_keys_are_left_alone_and_values_are_not_read_again() -> None:
    assert interpolate({"${tenant.name}": "${x}"}, lambda _: "${tenant.name}") == {"${tenant.name}": "${tenant.name}"}


@given(JSON)
def test_a_whole_reference_keeps_value_and_type(value: Json) -> None:
    assert interpolate("${x}", lambda _: value) == value
    assert type(interpolate("${x}", lambda _: value)) is type(value)


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_a_reference_is_unchanged(text: str) -> None:
    assert interpolate(text, lookup) == text


@given(st.text(alphabet="${}:-ab \n"))
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert interpolate(escaped(text), lookup) == text
