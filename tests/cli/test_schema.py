import json
from typing import Any

import jsonschema
import pytest

from deployer.cli.schema import SCHEMAS
from deployer.report.shapes import schema
from tests.cli.commands import typed


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_printed(name: str) -> None:
    ended = typed("schema", name)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == schema(name)


def test_without_a_name_those_there_are_are_listed() -> None:
    assert [line.split()[0] for line in typed("schema").stdout.splitlines()] == list(SCHEMAS)


def test_an_unknown_schema_names_those_there_are() -> None:
    ended = typed("schema", "tenants")
    assert ended.returncode == 2
    assert all(name in ended.stderr for name in SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_says_what_it_is(name: str) -> None:
    made: Any = schema(name)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$id"] == f"urn:deployer:schema:{name}:1"
    assert made["title"]
    assert made["description"]
