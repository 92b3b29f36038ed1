import json

import pytest

from deployer.report.shapes import SCHEMAS, schema
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
