"""docs/signals.md: its commands are ours, its examples can be read, its tables are what there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deployer.cli import deployer
from deployer.domain.manifest import parse_manifest
from deployer.domain.notify import Occasion
from tests.cli.firing import came_into_force, just_now
from tests.engine.stage import Stage
from tests.telemetry.receiver import CLIENT, Received
from tests.telemetry.test_metrics import samples

PAGE = (Path(__file__).parents[2] / "docs" / "signals.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("deployer ")]
EXAMPLES = {text.splitlines()[0]: yaml.safe_load(text) for kind, text in BLOCKS if kind == "yaml"}
WHILE_IT_GOES = {"http.client.active_requests", "deployer.account.limit"}  # test_metrics scrapes them meanwhile
MANIFEST = """\
name: order-sync
template: {flow: 5980e7fedd9939649f8a5d9a}
accounts: {main: {region: eu, token: "env:MAIN"}}
tenants: tenants.csv
"""


def table(*titles: str) -> list[list[set[str]]]:
    """Return the cells of a table of the page, each as what stands in it between backticks."""
    rows = PAGE.split(f"| {' | '.join(titles)} |\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[{*re.findall(r"`([^`]+)`", cell)} for cell in row.strip("|").split(" | ")] for row in rows]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_can_be_typed(line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command = deployer
    context = click.Context(deployer)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    command.make_context("deployer", words)


def test_the_collector_has_a_pipeline_for_each_signal_with_what_it_names() -> None:
    made = EXAMPLES["# collector.yaml"]
    assert made["service"]["pipelines"].keys() == {"traces", "metrics"}
    for pipeline in made["service"]["pipelines"].values():
        for part, names in pipeline.items():
            assert {*names} <= made[part].keys()
    assert made["receivers"]["otlp"]["protocols"]["http"]["endpoint"] in PAGE.split("export OTEL_EXPORTER")[1]


def test_prometheus_scrapes_the_port_that_is_shown_and_asks_for_metrics_that_there_are() -> None:
    [job] = EXAMPLES["# prometheus.yaml"]["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:9464"]}]
    assert EXAMPLES["# prometheus.yaml"]["rule_files"] == ["deployer.rules.yaml"]
    [group] = EXAMPLES["# deployer.rules.yaml"]["groups"]
    shown = {name for _, names, _ in table("for a collector", "for Prometheus", "labels") for name in names}
    asked = {name for rule in group["rules"] for name in re.findall(r"(?:deployer|db|http)_\w+(?=[{\[])", rule["expr"])}
    assert len(asked) == 3
    assert {name.removesuffix("_bucket") for name in asked} <= shown


def test_who_is_told_can_stand_in_a_manifest() -> None:
    [text] = [text for _, text in BLOCKS if text.startswith("# in rollout.yaml")]
    manifest = parse_manifest(MANIFEST + text, "rollout.yaml", {})
    assert [hook.kind for hook in manifest.notify] == ["slack", "teams", "json"]
    assert {name for [names, _] in table("`on`", "comes when") for name in names} == {*Occasion}


def test_the_spans_have_the_attributes_that_the_page_says(stage: Stage, collector: Received) -> None:
    stage.refuse("globex")
    stage.apply()
    rows = table("span", "is", "attributes")
    for [title], _, said in rows:
        spans = [s for s in collector.spans if (s.kind == CLIENT if " " in title else s.name == title)]
        assert spans
        found = {key for span in spans for key in span.attributes}
        rare = {"http.request.resend_count"} | ({"error.type"} if title == "rollout" else set())
        assert said - rare <= found <= said


def test_there_are_the_metrics_and_labels_that_the_page_says(stage: Stage, collector: Received) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    stage.refuse("globex")
    stage.run("schedule", "run", "--due", "--metrics", "deployer.prom")
    found = samples((stage.directory / "deployer.prom").read_text("utf-8"))
    labels: dict[str, set[Any]] = {}
    for name, series in found.items():
        base = re.sub(r"_(bucket|sum|count|created)$", "", name)
        labels.setdefault(base, set()).update(key for said, _ in series for key in said)
    rows = [row for row in table("for a collector", "for Prometheus", "labels") if not row[0] & WHILE_IT_GOES]
    assert {name for names, _, _ in rows for name in names} == collector.metrics.keys()
    assert labels.keys() == {"target_info", *(name for _, names, _ in rows for name in names)}
    for _, [name], said in rows:
        assert labels[name] - {"le"} == said
