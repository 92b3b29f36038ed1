"""The stage, set anew for each test; with a journal on Postgres too where a test asks for `anywhere`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.stage import Stage, staged
from tests.postgres import Server

KINDS = ("sqlite", "postgres")


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    kind = getattr(request, "param", os.environ.get("TEST_JOURNAL", KINDS[0]))
    if kind == "postgres":
        server: Server = request.getfixturevalue("database")
        monkeypatch.setenv("DEPLOYER_JOURNAL", server.new_database())
    with staged(tmp_path, monkeypatch) as ready:
        yield ready


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stage" in metafunc.fixturenames and metafunc.definition.get_closest_marker("anywhere"):
        metafunc.parametrize("stage", KINDS, indirect=True)
