"""The stage, as the tests of the engine have it, and a collector beside it."""

from collections.abc import Iterator

import pytest

from tests.engine.conftest import stage
from tests.telemetry.receiver import Received, receiving

__all__ = ["collector", "stage"]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    with receiving() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        yield received
