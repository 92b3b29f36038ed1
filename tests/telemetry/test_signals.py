"""What turns spans and metrics on, and that a rollout neither needs them nor waits for them."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from deployer.telemetry.asked import Asked, asked_by
from tests.engine.stage import Stage
from tests.telemetry.receiver import Received

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"opentelemetry", "prometheus_client"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
from deployer.cli import main
sys.exit(main(sys.argv[1:]))
"""
IMPORTED = """
import sys
from deployer.cli import main
code = main(sys.argv[1:])
sys.exit(code or any(name.partition(".")[0] in {"opentelemetry", "prometheus_client"} for name in sys.modules))
"""


def started(stage: Stage, script: str, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    stage.write()
    environment = {**os.environ, **stage.environment, **variables}
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(
        command, cwd=stage.directory, env=environment, capture_output=True, text=True, check=False, timeout=50
    )


@pytest.mark.parametrize(
    ("env", "asked"),
    [
        ({}, (False, False)),
        (ENDPOINT, (True, True)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, (True, False)),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x:4318/v1/metrics"}, (False, True)),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, (False, True)),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "prometheus"}, (True, False)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, (True, False)),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, (False, False)),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, (False, False)),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, (True, True)),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, (False, False)),
    ],
)
def test_the_variables_of_the_standard_turn_them_on(env: Mapping[str, str], asked: tuple[bool, bool]) -> None:
    found = asked_by(env)
    assert (found.traces, found.metrics) == asked
    assert bool(found.not_had) is (env.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc")


def test_nothing_is_asked_for_by_an_empty_environment() -> None:
    assert asked_by({}) == Asked()


def test_a_protocol_that_is_not_spoken_is_said_and_the_rollout_goes(
    stage: Stage, collector: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    ended = stage.apply()
    assert (ended.code, collector.bodies) == (0, [])
    assert "warning: OTEL_EXPORTER_OTLP_ENDPOINT is set, and nothing is sent: only OTLP over http/protobuf" in ended.err


def test_without_the_extra_a_rollout_goes_and_says_how_to_have_it(stage: Stage) -> None:
    ended = started(stage, WITHOUT, "apply", "--yes", **ENDPOINT)
    assert ended.returncode == 0, ended.stderr
    [warning] = [line for line in ended.stderr.splitlines() if line.startswith("warning:")]
    assert warning == (
        "warning: OTEL_EXPORTER_OTLP_ENDPOINT is set, and nothing is sent without an extra: "
        "pipx install 'deployer[telemetry]', or pip install 'deployer[telemetry]'"
    )


def test_without_the_extra_metrics_that_are_asked_for_are_an_error(stage: Stage) -> None:
    ended = started(stage, WITHOUT, "apply", "--yes", "--metrics", ":9464")
    assert (ended.returncode, stage.ledger.arrivals) == (2, [])
    assert "error: --metrics needs an extra\n  pipx install 'deployer[prometheus]'" in ended.stderr


def test_where_nobody_asks_nothing_of_it_is_imported(stage: Stage) -> None:
    ended = started(stage, IMPORTED, "apply", "--yes")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("status", [0, 503, 401])
def test_a_collector_that_takes_nothing_is_told_of_once_and_keeps_nobody(
    stage: Stage, collector: Received, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    collector.status = status
    if not status:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    begun = time.monotonic()
    ended = stage.apply()
    assert ended.code == 0
    assert time.monotonic() - begun < 15
    [warning] = [line for line in ended.err.splitlines() if line.startswith("warning:")]
    assert warning.startswith("warning: spans or metrics are lost: ")


def test_the_log_of_python_is_left_as_it_was(stage: Stage, collector: Received) -> None:
    before = logging.getLogger("opentelemetry")
    handlers, propagates = list(before.handlers), before.propagate
    assert stage.apply().code == 0
    assert collector.spans
    assert (before.handlers, before.propagate) == (handlers, propagates)
