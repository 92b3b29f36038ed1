from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deployer.domain.manifest import Manifest
from deployer.domain.source import read_yaml

TEMPLATES = sorted((Path(__file__).parents[2] / "templates").glob("*/rollout.yaml"))
SMALL = """\
name: order-sync
template: {flow: 12345678}
accounts: {main: {region: eu, token: "env:MAIN", rate: {share: 50%, per_second: 150}}}
tenants: [{tenant: 7, integration: 12345678, labels: {ring: 1}, values: {a: [1, null]}}]
safety: {settle: 1.5s}
"""


def valid(text: str) -> bool:
    schema = Manifest.model_json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).is_valid(read_yaml(text, "r.yaml").value)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_an_editor_accepts_the_templates(path: Path) -> None:
    assert valid(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("{region: eu", "{region: '${env:REGION}'"),
        ("150", "'${env:RATE:-150}'"),
        ("50%", "'${env:SHARE}'"),
        ("1.5s", "'${env:SETTLE:-2s}'"),
        ("safety:", "values: {a: {b: 1}}\nlabels: {'ring=eu,tier=gold': {a: {b: 2}}}\nsafety:"),
        ("safety:", "run: {trigger: '${env:TRIGGER:-true}'}\nmarker: ${env:MARKER}\nsafety:"),
    ],
)
def test_an_editor_accepts_what_the_reader_accepts(written: str, instead: str) -> None:
    assert valid(SMALL.replace(written, instead))


def test_an_editor_accepts_a_path_to_the_accounts() -> None:
    assert valid("name: a\ntemplate: {flow: 12345678}\naccounts: accounts.csv\ntenants: tenants.csv")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("{region: eu", "{region: uk"),
        ("{region: eu", "{regoin: eu"),
        ("150", "'150'"),
        ("50%", "50"),
        ("1.5s", "1.5"),
        ('{main: {region: eu, token: "env:MAIN", rate: {share: 50%, per_second: 150}}}', "{}"),
        ("{ring: 1}", "{ring: true}"),
    ],
)
def test_an_editor_refuses_what_the_reader_refuses(written: str, instead: str) -> None:
    assert valid(SMALL)
    assert not valid(SMALL.replace(written, instead))
