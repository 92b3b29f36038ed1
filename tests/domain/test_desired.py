from collections.abc import Mapping

import pytest

from deployer.domain.desired import Desired, Resolver
from deployer.domain.documents import Document, Json
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.tenants import Tenant

ENV = {"STAGE": "test"}
SOURCE = "57f1aaaa"


def manifest(keys: str = "", *, account: str = "") -> Manifest:
    text = f"name: a\ntemplate: {{flow: 12345678}}\naccounts: {{main: {{region: us, token: env:T{account}}}}}\n"
    return parse_manifest(f"{text}tenants: t.csv\n{keys}", "r.yaml", ENV)


def tenant(values: Mapping[str, Json] | None = None, name: str = "Acme") -> Tenant:
    return Tenant(name, "main", "59800000", {"ring": "early"}, values or {}, flow=None, where="t.csv:2")


def desired(
    manifest: Manifest, values: Mapping[str, Json] | None = None, *, template: Document | None = None
) -> Desired:
    result = Resolver(manifest, env=ENV, template=template).resolve(tenant(values))
    assert isinstance(result, Desired)
    return result


def reason(manifest: Manifest, values: Mapping[str, Json] | None = None, *, name: str = "Acme") -> str:
    return str(Resolver(manifest, env=ENV).resolve(tenant(values, name)))


def test_nothing_said_is_nothing_owned() -> None:
    assert desired(manifest()) == Desired({}, {}, None)


def test_each_leaf_that_is_said_is_owned_by_its_path() -> None:
    flow = """
flow:
  name: "Orders ${tenant.name} ${account.name} ${tenant.integration} ${env:STAGE}"
  description: null
  schedule: "0 2 * * *"
  timezone: ${tenant.values.zone:-UTC}
  disabled: ${tenant.values.off}
  settings: {a: {size: "${tenant.values.size}", none: null, empty: {}}, list: ["${tenant.labels.ring}", {b: 1}]}
"""
    values: dict[str, Json] = {"off": False, "size": 200}
    assert desired(manifest(flow), values).fields == {
        ("name",): "Orders Acme main 59800000 test",
        ("description",): None,
        ("schedule",): "? 0 2 ? * *",
        ("timezone",): "UTC",
        ("disabled",): False,
        ("settings", "a", "size"): 200,
        ("settings", "a", "none"): None,
        ("settings", "list"): ["early", {"b": 1}],
    }


def test_values_may_be_nested_and_a_dotted_column_wins() -> None:
    flow = "flow: {settings: {a: '${tenant.values.x.y}', b: '${tenant.values.x.z}'}}"
    assert desired(manifest(flow), {"x": {"y": 1, "z": 2}, "x.z": 3}).fields == {
        ("settings", "a"): 1,
        ("settings", "b"): 3,
    }


def test_an_accounts_connections_override_the_common_ones() -> None:
    common = f"connections: {{{SOURCE}: '${{tenant.values.ns}}', 57f1bbbb: keep}}"
    own = f", connections: {{{SOURCE}: 'NetSuite ${{tenant.name}}'}}"
    assert desired(manifest(common), {"ns": "NS 1"}).connections == {SOURCE: "NS 1", "57f1bbbb": "keep"}
    assert desired(manifest(common, account=own)).connections == {SOURCE: "NetSuite Acme", "57f1bbbb": "keep"}


def test_the_template_document_is_filled_in_and_its_handlebars_are_left_alone() -> None:
    template: Document = {
        "name": "{{record.name}} ${tenant.name}",
        "pageGenerators": [{"_exportId": "${tenant.values.e}"}],
    }
    document = desired(manifest(), {"e": "59800001"}, template=template).document
    assert document == {"name": "{{record.name}} Acme", "pageGenerators": [{"_exportId": "59800001"}]}
    assert template["name"] == "{{record.name}} ${tenant.name}"


def test_a_template_document_and_text_cannot_leave_out_what_is_unset() -> None:
    template: Document = {"id": "${tenant.values.e}"}
    blocked = Resolver(manifest(), env=ENV, template=template).resolve(tenant({"e": "$unset"}))
    assert str(blocked).startswith("t.csv:2: template.id: the tenant has no ${tenant.values.e}")
    assert reason(manifest("flow: {name: 'a ${tenant.values.e}'}"), {"e": "$unset"}).startswith(
        "t.csv:2: flow.name: the"
    )


def test_a_connection_that_is_unset_is_not_mapped() -> None:
    mapped = manifest(f"connections: {{{SOURCE}: keep}}", account=f", connections: {{{SOURCE}: $unset}}")
    assert desired(mapped).connections == {}


def test_a_template_that_cannot_be_read_blocks_every_tenant() -> None:
    blocked = Resolver(manifest(), env=ENV, template={"name": "${tenant.name"}).resolve(tenant())
    assert str(blocked) == 't.csv:2: template.name: "${" is never closed (write "$${" for the characters themselves)'


def test_one_tenants_values_are_never_in_anothers() -> None:
    flow = manifest("flow: {name: '${tenant.name}', settings: {s: '${tenant.values.secret}'}}")
    both = [Resolver(flow, env=ENV).resolve(tenant({"secret": f"canary-{name}"}, name)) for name in ("a", "b")]
    assert "canary-a" in str(both[0])
    assert "canary-a" not in str(both[1])


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("schedule", "0 2 1 * MON",
         'flow.schedule: day of month ("1") and day of week ("MON") cannot both be restricted'),
        ("timezone", "Europe/Berln",
         'flow.timezone: unknown time zone "Europe/Berln" (did you mean "Europe/Berlin"?)'),
        ("name", "", "flow.name: must not be empty"),
        ("name", "x" * 256, "flow.name: has 256 characters; the platform takes 255"),
        ("name", None, "flow.name: must be text"),
        ("name", "a\u202eb", "flow.name: holds a control or text-direction character (U+202E)"),
        ("disabled", "false", 'flow.disabled: must be true or false, not the text "false"'),
        ("settings", [1], "flow.settings: must be an object"),
        ("settings", None, "flow.settings: must be an object"),
    ],
)  # fmt: skip
def test_a_value_that_the_field_cannot_take_blocks_the_tenant(key: str, value: Json, problem: str) -> None:
    flow = manifest(f"flow: {{{key}: '${{tenant.values.v}}'{', disabled: true' if key == 'schedule' else ''}}}")
    assert reason(flow, {"v": value}) == f"t.csv:2: {problem}"


def test_a_value_that_a_tenant_lacks_blocks_it_with_a_suggestion() -> None:
    flow = manifest("flow: {settings: {a: ['${tenant.values.regoin}']}}")
    problem = "flow.settings.a[0]: the tenant has no ${tenant.values.regoin}: an empty cell, or no such name"
    assert reason(flow, {"region": "eu"}) == f't.csv:2: {problem} (did you mean "tenant.values.region"?)'


def test_a_flow_that_is_to_run_must_be_enabled_for_each_tenant() -> None:
    flow = manifest("flow: {disabled: '${tenant.values.off}'}\nrun: {trigger: true}")
    assert reason(flow, {"off": True}) == "t.csv:2: flow.disabled: is true, so that run.trigger could not run the flow"
    assert desired(flow, {"off": False}).fields == {("disabled",): False}


@pytest.mark.parametrize("target", ["", " ", 5, None])
def test_a_connection_needs_a_name_or_an_id(target: Json) -> None:
    mapped = manifest(f"connections: {{{SOURCE}: '${{tenant.values.c}}'}}")
    problem = f"connections.{SOURCE}: must be the name or id of a connection, or keep"
    assert reason(mapped, {"c": target}) == f"t.csv:2: {problem}"


MERGED = """
flow: {settings: {tags: "${tenant.values.tags}", stores: [{id: "${tenant.values.id}", name: x, more: [1]}, $unset]}}
merge: {settings.tags: set, settings.stores: {by_key: id}}
"""


def test_an_array_that_is_merged_by_its_elements_has_a_field_for_each() -> None:
    assert desired(manifest(MERGED), {"tags": ["a", 1, "a", "$unset"], "id": 7}).fields == {
        ("settings", "tags", "[=a]"): "a",
        ("settings", "tags", "[=1]"): 1,
        ("settings", "stores", "[id=7]", "id"): 7,
        ("settings", "stores", "[id=7]", "name"): "x",
        ("settings", "stores", "[id=7]", "more"): [1],
    }


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (
            {"tags": "a", "id": 7},
            "flow.settings.tags: must be a list: merge says how the elements of settings.tags are merged",
        ),
        (
            {"tags": {"a": 1}, "id": 7},
            "flow.settings.tags.a: must be a list: merge says how the elements of settings.tags",
        ),
        ({"tags": [], "id": True}, "flow.settings.stores[0]: id must be text or a whole number"),
    ],
)
def test_an_array_that_cannot_be_merged_blocks_its_tenant(values: Mapping[str, Json], why: str) -> None:
    assert why in reason(manifest(MERGED), values)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("{key: '******'}", "is a mask, not the secret behind it"),
        ("{keys: [{key: '******'}]}", "is a mask, not the secret behind it"),
        ("{'[id=7]': 1}", "a key of this form means an element of a list"),
    ],
)
def test_what_cannot_be_sent_as_it_is_written_is_refused(settings: str, why: str) -> None:
    assert why in reason(manifest(f"flow: {{settings: {settings}}}"))
