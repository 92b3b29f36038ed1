"""The stage, set anew for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.stage import Stage, staged


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(tmp_path, monkeypatch) as ready:
        yield ready
