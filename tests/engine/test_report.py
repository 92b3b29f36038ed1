"""`deployer report` of real rollouts, from either journal, also while one goes."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deployer.report.shapes import schema
from deployer.simulator import Customer, Rule
from tests.engine.stage import CUSTOMERS, EU, US, Stage

EVERYBODY = {f"tenant-{number}": Customer((US, EU)[number % 2], number) for number in range(CUSTOMERS)}


def reported(stage: Stage, *words: str) -> dict[str, Any]:
    ended = stage.run("report", "-o", "json", *words)
    assert (ended.code, ended.err) == (0, "")
    document: dict[str, Any] = json.loads(ended.out)
    Draft202012Validator(schema("report")).validate(document)
    return document


@pytest.mark.anywhere
def test_a_report_tells_what_a_rollout_came_to_and_what_it_asked(stage: Stage) -> None:
    stage.add_account()
    stage.tenants = EVERYBODY
    stage.manifest["waves"] = {"sizes": [1, 99], "tolerance": 9}
    stage.run_flows()
    stage.refuse("tenant-3")
    assert stage.apply().code == 3

    document = reported(stage)
    assert document["counts"] == json.loads(stage.run("status", "--json").out)["counts"]
    assert [wave["state"] for wave in document["waves"]] == ["released", "ended"]
    assert {account["account"] for account in document["requests"]["accounts"]} == {US, EU}
    assert 0 < document["efficiency"]["efficiency"] <= 1
    assert [(cause["outcome"], cause["names"]) for cause in document["causes"]] == [("failed", ["tenant-3"])]
    first, second = document["tenants"][:2]
    spent = [what for what, *_ in first["stretches"] if what not in {"turn", "gate"}]
    assert spent == ["clone", "configure", "run", "job"]
    assert (first["wave"], second["wave"], second["stretches"][0][0]) == (1, 2, "gate")
    assert first["begun_at"] < first["ended_at"] <= second["ended_at"]


def test_a_call_whose_answer_was_lost_shows_as_such(stage: Stage) -> None:
    stage.befall(Rule(action="cut", route="flows.clone", nth=1, applied=True))
    assert stage.apply().code == 0
    waited = {tenant["tenant"]: tenant["waited"] for tenant in reported(stage)["tenants"]}
    assert [name for name, what in waited.items() if "settle" in what] == ["acme"]


@pytest.mark.anywhere
def test_a_report_is_read_while_a_rollout_goes(stage: Stage) -> None:
    stage.one_at_a_time(3)
    stage.befall(Rule(action="stall", route="flows.clone", nth=2))
    with stage.started("apply", "--yes", *(["--local"] if os.environ.get("DEPLOYER_JOURNAL") else [])) as process:
        stage.await_requests("flows.clone", 2)
        document = reported(stage)
        process.kill()
    assert (document["outcome"], document["ended_at"]) == ("running", None)
    assert [tenant["outcome"] for tenant in document["tenants"]] == ["done", "running", "pending"]
    assert [tenant["stretches"][-1][::2] for tenant in document["tenants"][1:]] == [["clone", None], ["turn", None]]


def test_every_form_is_written_beside_the_rollout(stage: Stage) -> None:
    files = {form: stage.directory / f"report.{form}" for form in ("html", "json", "md", "csv", "junit")}
    ended = stage.apply(*(word for form, file in files.items() for word in ("--report", f"{form}={file}")))
    assert ended.code == 0, ended.err
    for form, file in files.items():
        shown = stage.run("report", "-o", form, "--output", str(file.with_suffix(".later")))
        assert (shown.code, shown.out) == (0, "")
        if form in {"md", "csv", "junit"}:  # the others tell when they were read
            assert file.read_bytes() == file.with_suffix(".later").read_bytes()
        assert (b"order-sync" if form == "md" else b"globex") in file.read_bytes()


def test_any_past_rollout_is_reported_by_the_beginning_of_its_id(stage: Stage) -> None:
    assert stage.apply().code == 0
    first = reported(stage)
    stage.manifest["flow"] = {**stage.manifest["flow"], "settings": {"batchSize": 7}}
    assert stage.apply().code == 0
    assert reported(stage)["actions"] == {"update": 3}
    assert reported(stage, "--rollout", first["rollout"][:-1])["rollout"] == first["rollout"]
    assert reported(stage, "--rollout", first["rollout"])["actions"] == {"create": 3}


def test_what_undoes_and_what_runs_is_reported_too(stage: Stage) -> None:
    assert stage.apply().code == 0
    stage.manifest["flow"] = {**stage.manifest["flow"], "settings": {"batchSize": 7}}
    assert stage.apply().code == 0
    for command, what in (("run", "run"), ("rollback", "configure")):
        ended = stage.run(command, *(["--yes"] if command == "rollback" else []))
        assert ended.code == 0, ended.err
        document = reported(stage)
        assert document["kind"] == command
        assert {each[0] for tenant in document["tenants"] for each in tenant["stretches"]} >= {what}
        assert document["requests"]["sent"] > 0
        assert stage.run("report", "--output", "report.html").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rollout", "nothing"), "the journal holds no rollout nothing"),
        (("--output", "json"), "deployer report -o json"),
        (("--output", "no/such/file.html"), "there is no such directory for the report"),
        (("--output", "."), "is a directory"),
        (("-o", "pdf"), "'pdf' is not one of"),
    ],
)
def test_what_cannot_be_reported_is_said(stage: Stage, words: tuple[str, ...], said: str) -> None:
    assert stage.apply().code == 0
    ended = stage.run("report", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_where_nothing_was_rolled_out_there_is_nothing_to_report(stage: Stage) -> None:
    ended = stage.run("report")
    assert (ended.code, ended.out) == (1, "")
    assert "there is no journal at" in ended.err
    assert not (stage.directory / ".deployer" / "journal.db").exists()


def test_a_page_of_an_older_journal_says_that_no_request_was_counted(stage: Stage, tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - what an older version left

    assert stage.apply().code == 0
    with sqlite3.connect(stage.directory / ".deployer" / "journal.db") as connection:
        connection.executescript("DROP TABLE sample; PRAGMA user_version = 8")
    connection.close()
    ended = stage.run("report", "--output", str(tmp_path / "report.html"))
    assert ended.code == 0, ended.err
    assert "No request was counted" in (tmp_path / "report.html").read_text("utf-8")
