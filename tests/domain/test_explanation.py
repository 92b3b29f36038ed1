from collections.abc import Sequence

import pytest

from deployer.domain.desired import Desired, Resolver
from deployer.domain.documents import MISSING
from deployer.domain.explanation import Explained, Named, Said, explain
from deployer.domain.manifest import parse_manifest
from deployer.domain.tenants import Tenant
from deployer.domain.values import set_values
from deployer.errors import UsageError

MANIFEST = """\
name: a
template: {flow: 12345678}
accounts: {main: {region: us, token: env:T, connections: {57f1aaaa: "${tenant.values.ns:-keep}"},
                  values: {zone: UTC, x: {a: 2}}}}
tenants: t.csv
values: {zone: Europe/Berlin, x: {a: 1, b: 1}, batch: 200}
labels: {ring=eu: {zone: Europe/Paris}, ring=us: {zone: America/New_York}}
flow:
  name: "Orders ${tenant.name} ${env:STAGE}"
  timezone: ${tenant.values.zone:-UTC}
  description: $unset
  disabled: ${tenant.values.off:-false}
  settings: {x: "${tenant.values.x}", b: "${tenant.values.x.b}", fixed: 5, n: "${tenant.values.batch}"}
"""
ACME = Tenant("acme", "main", "59800000", {"ring": "eu"}, {"batch": None}, None, "t.csv:2")


def explained(
    field: str | None = None, *, text: str = MANIFEST, overrides: Sequence[str] = ()
) -> tuple[Explained, ...]:
    env = {"STAGE": "test"}
    resolver = Resolver(parse_manifest(text, "r.yaml", env), env=env, overrides=set_values(overrides))
    return explain(resolver, ACME, field)


def test_every_layer_that_names_a_value_is_shown_with_its_place_the_strongest_first() -> None:
    (zone,) = explained("timezone", overrides=["zone=Europe/Rome"])
    text = "${tenant.values.zone:-UTC}"
    said = (
        Said("command line", "Europe/Rome", "--set zone", counts=True),
        Said("label ring=eu", "Europe/Paris", "r.yaml:7:26", counts=False),
        Said("account main", "UTC", "r.yaml:4:34", counts=False),
        Said("top", "Europe/Berlin", "r.yaml:6:16", counts=False),
        Said("default", "UTC", "r.yaml:10:13", counts=False),
    )
    named = Named("tenant.values.zone", "Europe/Rome", said)
    assert zone == Explained("timezone", "r.yaml:10:13", text, "Europe/Rome", "", (named,))


def test_objects_count_together_down_to_what_is_none() -> None:
    (x,) = explained("settings.x", overrides=["x.c=3"])
    assert x.value == {"a": 2, "b": 1, "c": 3}
    assert [(said.layer, said.counts) for said in x.names[0].said] == [
        ("command line", True),
        ("account main", True),
        ("top", True),
    ]
    (hidden,) = explained("settings.x", text=MANIFEST.replace("x: {a: 2}", "x: none"), overrides=["x.c=3"])
    assert hidden.value == {"c": 3}
    assert [said.counts for said in hidden.names[0].said] == [True, False, False]


def test_a_default_counts_where_nobody_else_says_anything() -> None:
    (disabled,) = explained("disabled")
    assert disabled.names == (
        Named(
            "tenant.values.off", value=False, said=(Said("default", value=False, where="r.yaml:12:13", counts=True),)
        ),
    )


def test_names_that_are_no_values_come_from_the_tenant_or_the_environment() -> None:
    (name,) = explained("name")
    assert [(named.name, named.said[0].layer, named.said[0].where) for named in name.names] == [
        ("tenant.name", "tenant", "t.csv:2"),
        ("env:STAGE", "environment", ""),
    ]


def test_what_is_unset_is_not_owned_and_null_is_a_value() -> None:
    (description,), (batch,) = explained("description"), explained("settings.n")
    assert (description.value, batch.value) == (MISSING, None)


def test_what_is_explained_is_what_is_desired() -> None:
    values = {each.field: each.value for each in explained() if each.value is not MISSING}
    resolver = Resolver(parse_manifest(MANIFEST, "r.yaml", {"STAGE": "test"}), env={"STAGE": "test"})
    desired = resolver.resolve(ACME)
    assert isinstance(desired, Desired)
    fields = {".".join(path): value for path, value in desired.fields.items()}
    whole = {"settings.x": {"a": fields.pop("settings.x.a"), "b": fields.pop("settings.x.b")}}
    assert values == {**fields, **whole, "connections.57f1aaaa": "keep"}


def test_a_field_that_cannot_be_filled_in_is_explained_all_the_same() -> None:
    (zone,) = explained("timezone", overrides=["zone=Berln"])
    assert zone.problem == 'unknown time zone "Berln"'
    assert zone.names[0].said[0].value == "Berln"
    (missing,) = explained("settings.n", text=MANIFEST.replace("values.batch", "values.bacth"))
    assert missing.problem.endswith('or no such name (did you mean "tenant.values.batch"?)')


def test_labels_that_disagree_are_all_there_is_to_explain() -> None:
    (tie,) = explained("name", text=MANIFEST.replace("ring=us", "'ring=eu,ring=us'"))
    assert (tie.field, tie.where) == ("labels", "r.yaml:7:9")
    assert 'both select the tenant and set "zone" to different values' in tie.problem


@pytest.mark.parametrize(("field", "count"), [("settings", 4), ("settings.x.a", 1), ("connections", 1), (None, 9)])
def test_a_field_stands_for_all_in_it_and_for_what_holds_it(field: str | None, count: int) -> None:
    assert len(explained(field)) == count


def test_a_field_that_the_manifest_does_not_state_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        explained("timzone")
    assert caught.value.what == 'the manifest states no field "timzone" (did you mean "timezone"?)'


def test_settings_beside_the_flow_are_fields_too() -> None:
    text = f'{MANIFEST}exports: {{"Get orders": {{settings: {{zone: "${{tenant.values.zone}}"}}}}}}\n'
    (zone,) = explained("exports.Get orders.settings.zone", text=text)
    assert (zone.value, zone.where) == ("Europe/Paris", "r.yaml:14:43")
