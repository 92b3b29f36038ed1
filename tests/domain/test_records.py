"""Plans, steps and instances as JSON and back, and the digest of a plan."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.chosen import Choice
from deployer.domain.deployment import Instance, Moment, Step
from deployer.domain.documents import MISSING, Json, Path, canonical, dotted
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.merge3 import Change, Memory, Verdict
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, Totals
from deployer.domain.plan_records import (
    Digest,
    change_view,
    decided_in,
    plan_from,
    plan_record,
    planned_line,
    planned_of,
    planned_record,
)
from deployer.domain.records import instance_from, instance_record, step_from, step_record
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceKey, ResourceKind, ResourceMemory
from tests.factories import instance, plan, planned, replanned

TEXTS = st.text(max_size=5) | st.sampled_from(
    ["\0", "\u202e", "</script>", "=1+1", "'; DROP TABLE step; --", "\x1b[2J"]
)
SCALARS: st.SearchStrategy[Json] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)
JSONS: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4
)
VALUES = JSONS | st.just(MISSING)
PATHS = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
NAMES = st.dictionaries(TEXTS, TEXTS, max_size=2)
OBJECTS = st.dictionaries(TEXTS, JSONS, max_size=2)
CHANGES = st.builds(Change, PATHS, VALUES, VALUES, st.sampled_from(Verdict), VALUES)
KEYS = st.builds(ResourceKey, st.sampled_from(ResourceKind), TEXTS)
RESOURCES = st.builds(
    PlannedResource,
    key=KEYS,
    label=TEXTS,
    id=st.none() | TEXTS,
    fields=st.dictionaries(PATHS, VALUES, max_size=2),
    changes=st.lists(CHANGES, max_size=2).map(tuple),
    last_modified=TEXTS,
    base=st.dictionaries(PATHS, VALUES, max_size=2),
    is_copied=st.booleans(),
)
PLANNED = st.builds(
    Planned,
    tenant=TEXTS,
    account=TEXTS,
    integration=TEXTS,
    action=st.sampled_from(Action),
    template=TEXTS,
    reason=TEXTS,
    flow=st.none() | TEXTS,
    fields=st.dictionaries(PATHS, VALUES, max_size=2),
    changes=st.lists(CHANGES, max_size=2).map(tuple),
    connections=NAMES,
    document=st.none() | OBJECTS,
    seen=st.lists(TEXTS, max_size=2).map(tuple),
    steps=st.lists(st.sampled_from(StepKind), max_size=3).map(tuple),
    resources=st.lists(RESOURCES, max_size=2).map(tuple),
    base=st.dictionaries(PATHS, VALUES, max_size=2),
    upgrade=st.none() | st.tuples(TEXTS, TEXTS),
    chosen=st.dictionaries(TEXTS, st.sampled_from(Choice), max_size=2),
    last_modified=TEXTS,
)
ACCOUNTS = st.builds(PlannedAccount, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.integers(0, 9))
PLANS = st.builds(
    Plan,
    name=TEXTS,
    manifest_digest=TEXTS,
    tenants_digest=TEXTS,
    settings=OBJECTS,
    accounts=st.dictionaries(TEXTS, ACCOUNTS, max_size=2),
    tenants=st.just(()),
    totals=st.lists(PLANNED, max_size=2).map(Totals.of),
    absent=st.lists(TEXTS, max_size=2).map(tuple),
    observed_at=TEXTS,
)
STEPS = st.builds(
    Step,
    kind=st.sampled_from(StepKind),
    state=st.sampled_from(State),
    attempts=st.integers(0, 9),
    intent=st.none() | st.builds(Moment, TEXTS, st.floats(0, 1e9)),
    facts=OBJECTS,
)
MEMORIES = st.dictionaries(PATHS, st.builds(Memory, VALUES, VALUES, VALUES), max_size=2)
INSTANCES = st.builds(
    Instance,
    tenant=TEXTS,
    account=TEXTS,
    template=TEXTS,
    integration=TEXTS,
    flow=TEXTS,
    revision=TEXTS,
    last_modified=TEXTS,
    connections=NAMES,
    fields=MEMORIES,
    resources=st.dictionaries(KEYS, st.builds(ResourceMemory, TEXTS, TEXTS, MEMORIES), max_size=2),
)


def plan_digest(plan: Plan) -> str:
    """Return the digest of a plan and its tenants, 64 hex digits."""
    digest = Digest()
    for each in plan.tenants:
        digest.add(decided_in(planned_line(each).encode()))
    return digest.of(plan)


def stored(record: dict[str, Any]) -> dict[str, Any]:
    """Write a record down and read it back."""
    found: dict[str, Any] = json.loads(canonical(record))
    return found


@given(PLANS)
def test_a_plan_comes_back_as_it_was(found: Plan) -> None:
    assert plan_from(stored(plan_record(found))) == found
    assert plan_digest(plan_from(stored(plan_record(found)))) == plan_digest(found)


@given(PLANNED)
def test_a_planned_tenant_comes_back_as_it_was(found: Planned) -> None:
    assert planned_of(planned_line(found)) == found


@given(PLANNED)
def test_what_is_decided_is_found_in_a_line_without_reading_it(found: Planned) -> None:
    assert decided_in(planned_line(found).encode()) == f"{canonical(planned_record(found))},{found.wave}"


@given(STEPS)
def test_a_step_comes_back_as_it_was(found: Step) -> None:
    assert step_from(found.kind.value, found.state.value, found.attempts, stored(step_record(found))) == found


@given(INSTANCES)
def test_an_instance_comes_back_as_it_was(found: Instance) -> None:
    assert instance_from(stored(instance_record(found))) == found


def test_what_is_missing_comes_back_as_missing_and_null_as_null() -> None:
    remembered: dict[Path, Memory] = {("a",): Memory(None, MISSING, MISSING), ("b",): Memory(1, None, "x")}
    found = stored(instance_record(instance(fields=remembered)))
    assert instance_from(found).fields == remembered


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_know_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        plan_digest(plan(planned(fields={("settings", "size"): number})))
    with pytest.raises(ValueError, match="not JSON compliant"):
        stored(instance_record(instance(fields={("a",): Memory(number, 1, 1)})))
    with pytest.raises(ValueError, match="not JSON compliant"):
        stored(step_record(Step(StepKind.RUN, facts={"size": number})))


def test_a_plan_takes_its_tenants_from_where_they_are_kept() -> None:
    assert plan_from(stored(plan_record(plan())), (planned("elsewhere"),)).tenants == (planned("elsewhere"),)


FULL = replace(
    planned(fields={("name",): "Orders", ("timezone",): None}, flow="flow0001", reason="because"),
    changes=(Change(("name",), "a", "b", Verdict.UPDATE),),
    connections={"one": "1", "two": "2"},
    document={"name": "x", "steps": [1, 2]},
    seen=("seen0001",),
    chosen={"": Choice.OURS, "name": Choice.THEIRS},
    last_modified="yesterday",
    upgrade=("before", "after"),
    changed_by="Robin Editor",
    base={("pageProcessors",): [1]},
    resources=(
        PlannedResource(INTEGRATION, "integration", "inte0001", last_modified="today"),
        PlannedResource(
            ResourceKey(ResourceKind.EXPORT, "expo0001"),
            "exports.Orders",
            None,
            {("settings", "a"): 1},
            (Change(("settings", "a"), MISSING, 1, Verdict.UPDATE),),
        ),
    ),
)
PLAN = replace(plan(FULL, settings={"run": {"trigger": True, "follow": False}}), absent=("gone",))
ACCOUNT = PLAN.accounts["main"]
OTHER: dict[type, object] = {
    str: "something else",
    int: 7,
    tuple: (),
    dict: {"something": Choice.THEIRS},
    Action: Action.ADOPT,
}


def changed(value: object) -> object:
    return OTHER[type(value)]


def with_planned(name: str, value: Any) -> Plan:  # noqa: ANN401 - any field of a tenant
    return replanned(PLAN, replace(FULL, **{name: value}))


DECIDED = [
    field.name for field in fields(Planned) if field.name not in {"last_modified", "changed_by", "fields", "document"}
]


@pytest.mark.parametrize("name", DECIDED)
def test_the_digest_changes_with_every_field_of_a_tenant(name: str) -> None:
    assert plan_digest(with_planned(name, changed(getattr(FULL, name)))) != plan_digest(PLAN)


@pytest.mark.parametrize("name", ["name", "manifest_digest", "tenants_digest", "absent", "settings", "tenants"])
def test_the_digest_changes_with_every_field_of_the_plan(name: str) -> None:
    other = replace(PLAN, **{name: changed(getattr(PLAN, name))})  # type: ignore[arg-type]  # of the field's own type
    assert plan_digest(other) != plan_digest(PLAN)


@pytest.mark.parametrize("name", [field.name for field in fields(PlannedAccount)])
def test_the_digest_changes_with_every_field_of_an_account(name: str) -> None:
    other = replace(ACCOUNT, **{name: changed(getattr(ACCOUNT, name))})  # type: ignore[arg-type]  # as above
    assert plan_digest(replace(PLAN, accounts={"main": other})) != plan_digest(PLAN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fields", {("name",): "Orders", ("timezone",): MISSING}),
        ("fields", {("name",): "Orders"}),
        ("fields", {("name", "timezone"): None}),
        ("document", None),
        ("document", {"name": "x", "steps": [2, 1]}),
        ("changes", (Change(("name",), "a", "b", Verdict.RECORD),)),
        ("changes", (Change(("name",), MISSING, "b", Verdict.UPDATE),)),
        ("changes", (Change(("name",), "a", None, Verdict.UPDATE),)),
        ("seen", ("seen0001", "seen0002")),
        ("steps", (StepKind.CONFIGURE, StepKind.CLONE)),
        ("chosen", {}),
        ("chosen", {"": Choice.OURS, "name": Choice.OURS}),
        ("changes", (Change(("name",), "a", "b", Verdict.UPDATE, "base"),)),
        ("flow", None),
    ],
)
def test_the_digest_changes_with_what_lies_within(name: str, value: object) -> None:
    assert plan_digest(with_planned(name, value)) != plan_digest(PLAN)


def test_the_digest_knows_no_clock_and_no_stamp() -> None:
    assert plan_digest(replace(PLAN, observed_at="tomorrow")) == plan_digest(PLAN)
    assert plan_digest(with_planned("last_modified", "today")) == plan_digest(PLAN)


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    settings: dict[str, Json] = {"run": {"follow": False, "trigger": True}}
    assert plan_digest(replace(PLAN, settings=settings)) == plan_digest(PLAN)
    assert plan_digest(with_planned("connections", {"two": "2", "one": "1"})) == plan_digest(PLAN)
    assert plan_digest(with_planned("document", {"steps": [1, 2], "name": "x"})) == plan_digest(PLAN)
    two = {"main": ACCOUNT, "more": replace(ACCOUNT, account="more")}
    turned = dict(reversed(two.items()))
    assert plan_digest(replace(PLAN, accounts=turned)) == plan_digest(replace(PLAN, accounts=two))


def test_the_digest_does_not_depend_on_the_order_of_fields() -> None:
    assert plan_digest(with_planned("fields", dict(reversed(list(FULL.fields.items()))))) == plan_digest(PLAN)


def test_the_order_of_tenants_is_part_of_a_plan() -> None:
    one, two = planned("one"), planned("two")
    assert plan_digest(plan(one, two)) != plan_digest(plan(two, one))


@pytest.mark.parametrize(
    ("change", "view"),
    [
        (
            Change(("settings", "size"), 1, 2, Verdict.UPDATE),
            {"path": "settings.size", "from": 1, "to": 2, "verdict": "update"},
        ),
        (Change(("timezone",), MISSING, None, Verdict.UPDATE), {"path": "timezone", "to": None, "verdict": "update"}),
        (Change(("timezone",), None, MISSING, Verdict.REMOVE), {"path": "timezone", "from": None, "verdict": "remove"}),
    ],
)
def test_a_change_is_shown_without_what_there_is_not(change: Change, view: dict[str, Json]) -> None:
    assert change_view(dotted(change.path), change) == view
