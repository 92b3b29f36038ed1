"""What commands print with --json is as `deployer schema` says."""

import shutil
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from deployer.report.shapes import schema
from tests.engine.stage import Ended, Stage
from tests.engine.test_sweep import doubled


def without_journal(stage: Stage) -> None:
    shutil.rmtree(stage.directory / ".deployer")


def without_token(stage: Stage) -> None:
    stage.add_account()
    stage.manifest["accounts"]["acme-eu"]["token"] = "env:NOBODY"


def edited(stage: Stage) -> None:
    stage.edit("acme", timezone="Asia/Tokyo")


def larger(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["waves"] = {"sizes": [1]}


CASES: list[tuple[str, tuple[str, ...], Callable[[Stage], None] | None, str]] = [
    ("explain", ("explain", "acme"), None, "fields"),
    ("history", ("history",), None, "rollouts"),
    ("history", ("history", "--rollout", "order-sync", "--tenant", "acme"), None, "events"),
    ("doctor", ("doctor",), None, "findings"),
    ("doctor", ("doctor",), without_token, "findings"),
    ("sweep", ("sweep",), doubled, "copies"),
    ("sweep", ("sweep", "--delete", "--yes"), doubled, "removals"),
    ("sweep", ("sweep",), without_token, "refused"),
    ("rebuild", ("rebuild", "--yes"), without_journal, "tenants"),
    ("drift", ("drift",), edited, "tenants"),
    ("rehearse", ("rehearse", "--refused", "100"), larger, "tenants"),
]


def checked(name: str, ended: Ended) -> Any:  # noqa: ANN401 - JSON
    jsonschema.Draft202012Validator(schema(name)).validate(ended.document)
    return ended.document


@pytest.mark.parametrize(("name", "words", "prepare", "filled"), CASES)
def test_a_document_is_as_its_schema_says(
    stage: Stage, name: str, words: tuple[str, ...], prepare: Callable[[Stage], None] | None, filled: str
) -> None:
    stage.manifest["safety"] = {"settle": "300ms", "lag": "100ms", "clone_timeout": "500ms", "timeout": "500ms"}
    stage.apply()
    if prepare:
        prepare(stage)

    assert checked(name, stage.run(*words, "--json"))[filled]
