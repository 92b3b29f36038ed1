from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.desired import Desired, Resolver
from deployer.domain.documents import MISSING, Document, Json, Value, at
from deployer.domain.manifest import parse_manifest
from deployer.domain.tenants import Tenant
from deployer.domain.values import find, set_values
from deployer.errors import UsageError

MANIFEST = """\
name: a
template: {flow: 12345678}
accounts: {main: {region: us, token: env:T, values: ACCOUNT}}
tenants: t.csv
values: TOP
labels: LABELS
flow: FLOW
"""
KEYS = st.sampled_from("abc")
LEAVES = st.none() | st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=1)
DOCUMENTS = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=2), max_leaves=4), max_size=3
)


def resolved(
    flow: str = "{settings: {v: '${tenant.values.x:-default}'}}",
    *,
    values: Mapping[str, Json] | None = None,
    overrides: Sequence[str] = (),
    **layers: str,
) -> str | Mapping[str, Json]:
    """Return the settings that a tenant gets, by dotted name, or why it is blocked."""
    text = MANIFEST.replace("FLOW", flow)
    for layer in ("account", "top", "labels"):
        text = text.replace(layer.upper(), layers.get(layer, "{}"))
    resolver = Resolver(parse_manifest(text, "r.yaml", {}), env={}, overrides=set_values(overrides))
    desired = resolver.resolve(
        Tenant("acme", "main", "59800000", {"ring": "eu", "tier": "gold"}, values or {}, None, "")
    )
    if not isinstance(desired, Desired):
        return str(desired)
    return {".".join(path[1:] or path): value for path, value in desired.fields.items()}


@pytest.mark.parametrize(
    ("layers", "value"),
    [
        ({}, "default"),
        ({"top": "{x: top}"}, "top"),
        ({"top": "{x: top}", "account": "{x: account}"}, "account"),
        ({"account": "{x: account}", "labels": "{ring=eu: {x: label}, ring=us: {x: no}}"}, "label"),
        ({"account": "{x: account}", "labels": "{'ring=eu,tier=tin': {x: no}}"}, "account"),
        ({"account": "{x: account}", "labels": "{'ring=eu,ring=us,tier=gold': {x: label}}"}, "label"),
        ({"labels": "{ring=eu: {x: label}, tier=gold: {x: label}}"}, "label"),
        ({"labels": "{ring=eu: {x: label}}", "values": {"x": "tenant"}}, "tenant"),
        ({"values": {"x": "tenant"}, "overrides": ["x=012"]}, "012"),
        ({"overrides": ["x=12"]}, 12),
        ({"overrides": ["x=a=b"]}, "a=b"),
        ({"top": "{x: top}", "values": {"x": None}}, None),
        ({"top": "{x: $unset}", "values": {"x": 1}}, 1),
        ({"top": "{x: top}", "values": {"x": ""}}, "default"),
    ],
)  # fmt: skip
def test_the_strongest_layer_that_names_a_value_says_what_it_is(layers: dict[str, str], value: Json) -> None:
    assert resolved(**layers) == {"v": value}  # type: ignore[arg-type]  # a table of keyword arguments


@pytest.mark.parametrize(
    ("layers", "settings"),
    [
        ({"top": "{x: {a: 1, b: [1, 2], c: {d: 1}}}", "values": {"x": {"b": [3], "c": {"e": 2}}}},
         {"a": 1, "b": [3], "c.d": 1, "c.e": 2}),
        ({"top": "{x: {a: 1, b: 2}}", "account": "{x: {a: $unset}}", "values": {"x": {"c": 3}}}, {"b": 2, "c": 3}),
        ({"top": "{x: {a: 1}}", "account": "{x: text}", "values": {"x": {"b": 2}}}, {"b": 2}),
        ({"top": "{x: {a: 1}}", "values": {"x": {"b": {"c": "$unset"}}}}, {"a": 1}),
        ({"top": "{x: {a: {b: 1, c: 2}}}", "values": {"x.a.b": 3, "x.d": 4}}, {"a.b": 3, "a.c": 2, "d": 4}),
        ({"values": {"x.a": 1}, "overrides": ["x.a=2", "x.b=null"]}, {"a": 2, "b": None}),
    ],
)  # fmt: skip
def test_objects_merge_by_key_and_lists_replace(layers: dict[str, str], settings: Json) -> None:
    assert resolved("{settings: '${tenant.values.x}'}", **layers) == settings  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("value", [None, 5, [1]])
def test_what_is_no_object_hides_the_keys_of_a_weaker_one(value: Json) -> None:
    flow = "{settings: {v: '${tenant.values.x.a:-default}'}}"
    assert resolved(flow, top="{x: {a: 1}}", values={"x": value}) == {"v": "default"}


def test_a_column_of_its_own_does_not_hide_a_value_with_dots() -> None:
    flow = "{settings: {v: '${tenant.values.x}', w: '${tenant.values.x.a}'}}"
    assert resolved(flow, values={"x": "plain", "x.a": 2}) == {"v": "plain", "w": 2}


@pytest.mark.parametrize(
    "labels",
    ["{ring=eu: {x: 1}, tier=gold: {x: 2}}", "{ring=eu: {x: {a: 1}}, tier=gold: {x.a: 2}}",
     "{ring=eu: {x: 1}, tier=gold: {x: {a: 1}}}", "{ring=eu: {x: {a: 1}}, tier=gold: {x: true}}"],
)  # fmt: skip
def test_labels_that_disagree_block_the_tenant_and_are_both_named(labels: str) -> None:
    found = resolved(labels=labels, values={"x": "tenant"})
    assert isinstance(found, str)
    assert "labels ring=eu and tier=gold (r.yaml:6:19, r.yaml:6:" in found
    assert 'both select the tenant and set "x' in found


def test_a_field_or_a_key_that_is_unset_is_not_owned() -> None:
    flow = "{timezone: $unset, description: '${tenant.values.d:-$unset}', settings: {a: $unset, b: 1}}"
    assert resolved(flow) == {"b": 1}
    assert resolved(flow, top="{d: text}") == {"description": "text", "b": 1}


@pytest.mark.parametrize(
    ("layers", "settings"),
    [
        ({"top": "{x: top}", "account": "{x: $unset}"}, {"e": "-default"}),
        ({"values": {"x": "$unset"}}, {"e": "-default"}),
        ({"top": "{x: {y: 1}}", "values": {"x": "$unset"}}, {"e": "-default"}),
        ({"account": "{x: $unset}", "values": {"x": 1}}, {"v": 1, "e": "-1", "l": [1]}),
    ],
)  # fmt: skip
def test_what_a_layer_unsets_is_owned_by_nobody_and_within_text_it_is_missing(
    layers: dict[str, str], settings: dict[str, Json]
) -> None:
    flow = "{settings: {v: '${tenant.values.x:-default}', e: '-${tenant.values.x:-default}', "
    flow += "l: ['${tenant.values.x:-default}'], y: '${tenant.values.x.y:-$unset}'}}"
    assert resolved(flow, **layers) == {"l": [], **settings}  # type: ignore[arg-type]  # as above


def test_a_flow_that_is_scheduled_cannot_leave_disabled_unset() -> None:
    flow = "{schedule: 0 2 * * *, disabled: '${tenant.values.off:-$unset}'}"
    assert str(resolved(flow)).endswith("flow.disabled: must be stated where schedule or run.trigger is used")
    assert resolved(flow, values={"off": False}) == {"schedule": "? 0 2 ? * *", "disabled": False}


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["x"], '--set "x" sets nothing'),
        (["=1"], '--set "=1" sets nothing'),
        (["x..y=1"], '--set "x..y=1" sets nothing'),
        (["x=1", "x=2"], "--set x: is set twice"),
        (["x=1", "x.a=2"], "--set x.a: is set twice"),
        (["x.a=1", "x=2"], "--set x: is set twice"),
        (["y=1"], "--set y: nothing refers to ${tenant.values.y}"),
        (["xx=1"], '--set xx: nothing refers to ${tenant.values.xx} (did you mean "x"?)'),
    ],
)
def test_an_override_that_sets_nothing_is_refused(texts: list[str], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(overrides=texts)
    assert caught.value.what == problem
    assert caught.value.remedy


def merged(weak: Json, strong: Json) -> Json:
    if isinstance(weak, dict) and isinstance(strong, dict):
        return {**weak, **{key: merged(weak[key], strong[key]) if key in weak else strong[key] for key in strong}}
    return strong


@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.lists(KEYS, min_size=1, max_size=3))
def test_a_name_means_what_it_would_in_all_layers_merged(layers: list[Document], path: list[str]) -> None:
    whole: Json = {}
    for layer in layers:
        whole = merged(whole, layer)
    expected: Value = at(whole, tuple(path)) if isinstance(whole, dict) else MISSING
    assert find(layers, ".".join(path)) == expected
