"""A template: its revision, its parts, and how many jobs a run of it makes."""

import pytest

from deployer.domain.documents import Document, Json
from deployer.domain.resources import ResourceKind
from deployer.domain.template import Part, Template, file_template, flow_template, parts_of

EXPORT: Document = {
    "_id": "export01",
    "name": "Get orders",
    "_connectionId": "connect1",
    "lastModified": "2026-01-01",
    "http": {"relativeURI": "/orders"},
}
IMPORT: Document = {"_id": "import01", "name": "Put orders", "_connectionId": "connect2", "mapping": {"fields": ["a"]}}
FLOW: Document = {
    "_id": "flow0001",
    "_integrationId": "integr01",
    "name": "Orders",
    "pageGenerators": [{"_exportId": "export01", "skipRetries": False}],
    "pageProcessors": [{"type": "import", "_importId": "import01", "responseMapping": {"fields": []}}],
}


# As written in the decisions, not as the code has them.
STAMPS = [
    "_id",
    "createdAt",
    "lastModified",
    "lastExecutedAt",
    "free",
    "_templateId",
    "_sourceId",
    "_userId",
    "offline",
]
OWNED = ["name", "description", "schedule", "timezone", "disabled", "skipRetries", "settings"]
PLACE = ["_integrationId", "_flowGroupingId", "_nextFlowId", "_runNextFlowIds"]


def template(flow: Document, *, export: Document = EXPORT, import_: Document = IMPORT) -> Template:
    parts = [
        Part(ResourceKind.EXPORT, str(export["_id"]), export),
        Part(ResourceKind.IMPORT, str(import_["_id"]), import_),
    ]
    return flow_template(flow, parts)


def elsewhere(value: Json) -> Json:
    """Return a document as another account would have it: with ids of its own."""
    match value:
        case dict():
            return {key: elsewhere(inner) for key, inner in value.items()}
        case list():
            return [elsewhere(inner) for inner in value]
        case "export01" | "import01" | "flow0001" | "integr01" | "connect1" | "connect2":
            return f"other{value}"
        case _:
            return value


def document(value: Json) -> Document:
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("field", [*STAMPS, *OWNED, *PLACE])
def test_neither_read_only_nor_owned_fields_nor_the_place_change_the_revision(field: str) -> None:
    changed: Document = {**FLOW, field: "something else"}
    assert template(changed).revision == template(FLOW).revision


@pytest.mark.parametrize("field", STAMPS)
def test_read_only_fields_of_a_part_do_not_change_the_revision(field: str) -> None:
    parts = [
        Part(ResourceKind.EXPORT, "export01", {**EXPORT, field: "x"}),
        Part(ResourceKind.IMPORT, "import01", IMPORT),
    ]
    assert flow_template(FLOW, parts).revision == template(FLOW).revision


def test_equal_templates_of_two_accounts_have_one_revision() -> None:
    twin = template(document(elsewhere(FLOW)), export=document(elsewhere(EXPORT)), import_=document(elsewhere(IMPORT)))
    assert twin.key == "otherflow0001"
    assert twin.revision == template(FLOW).revision


@pytest.mark.parametrize(
    "changed",
    [
        {**EXPORT, "http": {"relativeURI": "/orders?open=true"}},
        {**EXPORT, "name": "Get all orders"},
        {**EXPORT, "settings": {"size": 1}},
        {**EXPORT, "_connectionId": "connect2"},
    ],
)
def test_a_change_in_an_export_changes_the_revision(changed: Document) -> None:
    assert template(FLOW, export=changed).revision != template(FLOW).revision


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pageProcessors", []),
        ("wizardState", "done"),
        ("pageGenerators", [{"_exportId": "export01", "skipRetries": True}]),
        ("pageGenerators", [{"_exportId": "import01", "skipRetries": False}]),
    ],
)
def test_a_change_in_the_flow_changes_the_revision(key: str, value: Json) -> None:
    assert template({**FLOW, key: value}).revision != template(FLOW).revision


def test_a_template_knows_the_connections_of_its_parts() -> None:
    assert template(FLOW).connections == {"connect1", "connect2"}
    assert template(FLOW, export={"_id": "export01"}).connections == {"connect2"}


ROUTED: Document = {
    "pageGenerators": [{"_exportId": "e1"}, {"_exportId": "e2"}],
    "pageProcessors": [{"_exportId": "e3", "type": "export"}, {"_importId": "i1"}],
    "routers": [
        {
            "id": "first",
            "branches": [
                {"pageProcessors": [{"_importId": "i2"}, {"_importId": "i1"}]},
                {"pageProcessors": [{"_exportId": "e4"}], "nextRouterId": "second"},
            ],
        },
        {"id": "second", "branches": [{"pageProcessors": [{"_importId": "i3"}]}, {"name": "nothing"}]},
    ],
}


@pytest.mark.parametrize(
    ("flow", "parts"),
    [
        ({}, ""),
        (FLOW, "export export01, import import01"),
        ({"_exportId": "e1", "_importId": "i1"}, "export e1, import i1"),
        (ROUTED, "export e1, export e2, export e3, import i1, import i2, export e4, import i3"),
        ({"pageGenerators": [{"_exportId": "e1"}, {"_exportId": "e1"}]}, "export e1"),
        ({"pageGenerators": None, "pageProcessors": "x", "routers": [None, {"branches": [None]}]}, ""),
        ({"pageGenerators": [{"_exportId": None}, {"_exportId": ""}, {"application": "new"}]}, ""),
    ],
)
def test_parts_come_in_the_order_of_use_and_each_once(flow: Document, parts: str) -> None:
    assert ", ".join(f"{kind} {id_}" for kind, id_ in parts_of(flow)) == parts


@pytest.mark.parametrize(
    ("flow", "generators"), [({}, 1), ({"pageGenerators": []}, 1), (FLOW, 1), (ROUTED, 2), ({"pageGenerators": "x"}, 1)]
)
def test_a_run_makes_a_job_for_each_generator_and_one_for_a_legacy_flow(flow: Document, generators: int) -> None:
    assert Template("key", "r", flow).generators == generators


def test_a_file_is_a_template_under_its_slug_and_every_change_is_a_revision() -> None:
    first, second = file_template("order-sync", {"name": "Orders"}), file_template("order-sync", {"name": "Order"})
    assert (first.key, first.name) == ("order-sync", "Orders")
    assert first.revision != second.revision
    assert file_template("order-sync", {}).name == "order-sync"
