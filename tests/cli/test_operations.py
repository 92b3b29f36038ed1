"""The units that people copy: what they start is a command there is, and what they say of it holds."""

import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import click
import yaml

from deployer.cli import deployer
from deployer.cli.worker import worker
from deployer.engine.execute import DRAIN
from deployer.journal.database import safe_address

UNITS = Path(__file__).parents[2] / "templates" / "operations"


def parsed(words: list[str]) -> dict[str, Any]:
    """Return the options of a `deployer worker` command."""
    name, *rest = words
    assert name == "worker"
    above = click.Context(deployer, **deployer.context_settings)
    assert deployer.get_command(above, name) is worker
    rest = ["." if word.startswith("/") else word for word in rest]  # which is there only where the unit runs
    return dict(worker.make_context(name, rest, parent=above).params)


def test_the_service_starts_a_worker_and_leaves_it_time_to_drain() -> None:
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNITS / "deployer-worker.service", "utf-8")
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program.endswith("/deployer")
    assert parsed(words)["concurrency"] == 5
    assert int(service["TimeoutStopSec"]) > DRAIN
    assert service["Restart"] == "always"


def test_the_compose_file_starts_workers_that_reach_their_database_without_a_certificate() -> None:
    services = yaml.safe_load((UNITS / "compose.yaml").read_text("utf-8"))["services"]
    one = services["worker"]
    assert parsed(one["command"])["concurrency"] == 5
    address = one["environment"]["DEPLOYER_JOURNAL"]
    assert safe_address(address) == address
    assert one["network_mode"] == "service:postgres"
    assert float(one["stop_grace_period"].removesuffix("s")) > DRAIN
    made = services["postgres"]["environment"]
    assert f"//{made['POSTGRES_USER']}@127.0.0.1/{made['POSTGRES_DB']}" in address
