"""Hostile names from a file, a shell or the API, through the commands themselves."""

import csv
import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from deployer.cli import main
from deployer.domain.wording import legible
from deployer.simulator import Customer
from tests.engine.stage import US, Stage
from tests.report.hostile import NAMES, STEERING, is_inert

MANIFEST = """
name: order-sync
template: {flow: 5f0000000000000000000001}
accounts: {main: {region: us, token: "env:T"}, other: {region: eu, token: "env:T"}}
tenants: tenants.csv
flow: {name: "${tenant.name}", disabled: "${tenant.values.on:-true}", description: "${tenant.values.note:-}"}
"""
ONE = "5980e7fedd9939649f8a5d01"
FORGED = "x\x1b[2J\r\nerror: forged\u202e\x9b"
SHORT = {name: text for name, text in STEERING.items() if text.isascii()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rollout.yaml").write_text(MANIFEST, "utf-8")
    return tmp_path


def keep(folder: Path, **cells: str) -> None:
    """Write a list of one tenant."""
    row = {"tenant": "acme", "account": "main", "integration": ONE, **cells}
    with (folder / "tenants.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([row.keys(), row.values()])


@pytest.mark.parametrize("text", [*SHORT.values(), FORGED], ids=[*SHORT, "forged"])
def test_an_error_quotes_a_cell_without_obeying_it(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder, account=text.replace("\0", ""))
    assert main(["validate"]) == 2
    said = capsys.readouterr().err
    assert is_inert(said)
    assert said.splitlines()[0].startswith("error: tenants.csv:2: account: unknown account")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["", "json"])
def test_what_blocks_a_tenant_is_quoted_without_obeying_it(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder, on=FORGED)
    assert main(["validate", *words]) == 3
    said = capsys.readouterr().out
    assert is_inert(said)
    assert len(said.splitlines()) == 2 - len(words)
    assert not words or FORGED in json.loads(said)["blocked"][0]["problem"]


def test_a_value_is_explained_without_obeying_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder, note=FORGED)
    assert main(["explain", "acme", "description", "--json"]) == 0
    said = capsys.readouterr().out
    assert is_inert(said)
    assert json.loads(said)["fields"][0]["value"] == FORGED


@pytest.mark.parametrize("words", [["--\x1b[2J"], ["explain", FORGED], [FORGED], ["validate", "--label", FORGED]])
def test_a_word_of_the_command_line_is_quoted_on_its_line(
    folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert is_inert(said)
    assert "\nerror: forged" not in said


def test_bytes_that_are_no_text_end_in_a_sentence(folder: Path) -> None:
    keep(folder)
    words = [os.fsencode(sys.executable), b"-m", b"deployer", b"explain", b"acme\xff", b"--json"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, check=False)  # bytes, as a shell hands them on
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.startswith(b'error: rollout.yaml: there is no tenant "acme"')


def test_a_list_on_standard_input_that_is_no_text_is_refused_whatever_the_locale(folder: Path) -> None:
    (folder / "rollout.yaml").write_text(MANIFEST.replace("tenants.csv", '"-"'), "utf-8")
    listed = f"tenant,account,integration\nK\xf6ln,main,{ONE}\n".encode("latin-1")
    environment = {**os.environ, "LC_ALL": "C"}
    environment.pop("PYTHONIOENCODING", None)
    words = [sys.executable, "-m", "deployer", "validate"]
    ended = subprocess.run(words, cwd=folder, input=listed, env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, b"error: stdin: is not UTF-8 text\n")


def allowed() -> list[str]:
    """Return the names of the catalogue that a tenant can have."""
    found = {}
    for text in NAMES.values():
        try:
            name = legible(text.strip())
        except ValueError:
            continue
        found[unicodedata.normalize("NFC", name.casefold())] = name
    return [*found.values()]


@pytest.mark.parametrize("half", [0, 1])  # the simulator has no more customers
def test_tenants_with_such_names_are_rolled_out_and_read_back_everywhere(stage: Stage, half: int) -> None:
    names = allowed()[half::2]
    stage.tenants = {name: Customer(US, number) for number, name in enumerate(names)}
    applied = stage.run("apply", "--yes", "--json", "--report", "junit=r.xml", "--report", "md=r.md", "--events", "e")

    assert applied.code == 0, applied.err
    assert [*applied.tenants] == names
    assert is_inert(applied.err)
    assert is_inert((stage.directory / "r.md").read_text("utf-8"))
    suite = ET.fromstring((stage.directory / "r.xml").read_bytes())[0]  # noqa: S314 - what we wrote ourselves
    assert len(suite.findall("testcase")) == len(names)
    events = [json.loads(line) for line in (stage.directory / "e").read_text("utf-8").splitlines()]
    assert {event["tenant"] for event in events if event["event"] == "tenant.rested"} == {*names}
    table = list(csv.reader(io.StringIO(stage.run("status", "-o", "csv").out), strict=True))
    assert [len(row) for row in table] == [len(table[0])] * (len(names) + 1)
    for words in (["status"], ["status", "-o", "wide"], ["history"], ["plan", "--all"], ["drift"]):
        assert is_inert(stage.run(*words).out), words
