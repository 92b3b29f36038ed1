"""The manifest's schema says yes and no where the manifest's reader does, as far as a schema can."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deployer.domain.documents import Document, Json, put
from deployer.domain.manifest import parse_manifest
from deployer.domain.owned import OWNED
from deployer.domain.source import read_yaml
from deployer.errors import ManifestError
from deployer.report.manifest_schema import SAID
from deployer.report.shapes import schema
from tests.factories import INTEGRATION, TEMPLATE, path

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").glob("*/rollout.yaml"))
ACCOUNT: Document = {"region": "us", "token": "env:MAIN_TOKEN"}
VALID: Document = {
    "name": "order-sync",
    "template": {"flow": TEMPLATE},
    "accounts": {"main": ACCOUNT},
    "tenants": [{"tenant": "acme", "integration": INTEGRATION}],
    "flow": {"disabled": False},
}


def judge() -> jsonschema.Draft202012Validator:
    made: Any = schema("manifest")
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


JUDGE = judge()


def is_read(document: Document) -> bool:
    """Tell whether the reader takes a manifest; JSON is YAML."""
    try:
        parse_manifest(json.dumps(document), "m.yaml", {"X": "1"})
    except ManifestError:
        return False
    return True


def scalars(value: Json, steps: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in scalars(inner, (*steps, key))]
    return [] if isinstance(value, list) else [steps]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_the_templates_are_valid(file: Path) -> None:
    JUDGE.validate(read_yaml(file.read_text("utf-8"), file.name).value)


@pytest.mark.parametrize("steps", [*scalars(VALID), ("run", "timeout"), ("run", "trigger")])
def test_a_reference_may_stand_for_any_value(steps: tuple[str, ...]) -> None:
    JUDGE.validate(put(VALID, steps, "${env:X:-2}"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "order-sync"),
        ("name", 12),
        ("template", {"file": "flow.json", "id": "orders"}),
        ("tenants", "tenants.csv"),
        ("tenants", "-"),
        ("tenants", {"file": "tenants.xlsx", "sheet": "Customers"}),
        ("accounts.main", {"url": "https://api.example.com", "token": "file:token"}),
        ("accounts.main.rate", {"per_second": 0.5, "burst": 10, "share": "50%", "in_flight": 1}),
        ("accounts.main.connections", {TEMPLATE: "${tenant.name}"}),
        ("flow.settings", {"batchSize": 200, "any": {"thing": [1]}}),
        ("flow.schedule", None),
        ("run", {"trigger": True, "follow": True, "max_errors": 0, "timeout": "1.5m", "mode": "reconcile"}),
        ("safety", {"settle": "0s", "timeout": "250ms"}),
        ("adopt", "name"),
    ],
)
def test_what_the_reader_takes_the_schema_takes(key: str, value: Json) -> None:
    document = put(VALID, path(key), value)
    assert is_read(document)
    JUDGE.validate(document)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "Order Sync"),
        ("nmae", "x"),
        ("template", {}),
        ("template", {"flow": TEMPLATE, "file": "flow.json"}),
        ("template.flow", "short"),
        ("accounts", {}),
        ("accounts.main.token", "s3cret"),
        ("accounts.main.url", "https://api.example.com"),
        ("accounts.main.region", "moon"),
        ("accounts.main.rate.share", 0.5),
        ("accounts.main.rate.burst", 0),
        ("accounts.main.connections", {"no id": "x"}),
        ("tenants", [{"tenant": "acme"}]),
        ("tenants", {"sheet": "Customers"}),
        ("flow.disabled", "yes"),
        ("flow.pageGenerators", []),
        ("run.timeout", 30),
        ("run.timeout", "30 s"),
        ("run.mode", "twice"),
        ("run.max_errors", -1),
        ("marker", "elsewhere"),
        ("drift", "off"),
        ("merge", {"settings.tags": "sett"}),
        ("merge", {"settings.tags": {"by_key": "="}}),
        ("merge", {"settings.tags": {"by_key": "id", "more": 1}}),
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(key: str, value: Json) -> None:
    document = put(VALID, path(key), value)
    assert not JUDGE.is_valid(document)
    assert not is_read(document)


@pytest.mark.parametrize("merge", ["replace", "set", {"by_key": "id"}])
def test_how_a_list_is_merged_is_taken_by_both(merge: Json) -> None:
    document = {**put(VALID, ("flow", "settings", "tags"), []), "merge": {"settings.tags": merge}}
    assert is_read(document)
    JUDGE.validate(document)


def test_an_editor_is_offered_the_fields_that_a_manifest_may_own() -> None:
    made: Any = schema("manifest")
    assert made["properties"]["flow"]["properties"].keys() == OWNED.keys()


def test_every_key_that_the_schema_has_words_for_is_a_key() -> None:
    made: Any = schema("manifest")
    parts = {**made["$defs"], "Manifest": made}
    assert [key for key in SAID if key.split(".")[1] not in parts[key.split(".")[0]]["properties"]] == []
