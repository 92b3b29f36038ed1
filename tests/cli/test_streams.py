"""Lists, reports, events, curl lines and annotations, as the programs that read them meet them."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import jsonschema
import pytest

from deployer.report.shapes import schema
from deployer.simulator import Customer, Rule, token_of
from tests.engine.stage import SOON, US, Stage


@pytest.fixture
def mixed(stage: Stage) -> Stage:
    """Return a stage where acme is blocked, globex fails, and initech is done."""
    stage.manifest["flow"]["settings"]["note"] = "${tenant.values.note}"
    stage.columns = {"globex": {"note": "g"}, "initech": {"note": "i"}}
    stage.refuse("globex")
    return stage


COMMANDS = [("plan",), ("status",), ("apply", "--yes"), ("history",), ("history", "--rollout", "order-sync")]
each_list = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


@each_list
def test_a_csv_has_a_line_a_row_that_ends_as_the_standard_says(stage: Stage, words: tuple[str, ...]) -> None:
    stage.apply()

    ended = stage.run(*words, "-o", "csv")

    assert ended.code == 0, ended.err
    lines = ended.out.split("\r\n")
    assert lines.pop() == ""
    assert not any("\n" in line for line in lines)
    rows = list(csv.DictReader(lines))
    expected = ["order-sync"] if words == ("history",) else list(stage.tenants)
    assert [(row.get("tenant") or row["rollout"][:10]) for row in rows] == expected


@each_list
def test_json_is_the_same_by_either_name(stage: Stage, words: tuple[str, ...]) -> None:
    stage.apply()

    documents = [stage.run(*words, *form).document for form in (("-o", "json"), ("--json",))]

    for document in documents:  # an apply is another one each time, and a plan is observed anew
        for key in ("rollout", "rollouts", "observed_at", "started_at", "ended_at"):
            document.pop(key, None)
    assert documents[0] == documents[1]


@each_list
def test_two_forms_at_once_are_refused(stage: Stage, words: tuple[str, ...]) -> None:
    ended = stage.run(*words, "--json", "-o", "table")

    assert (ended.code, ended.out, stage.ledger.arrivals) == (2, "", [])
    assert "contradict" in ended.err


def test_a_table_is_cut_for_a_terminal_and_never_for_a_pipe(stage: Stage) -> None:
    long = "a-tenant-with-a-name-of-its-own-that-is-longer-than-any-terminal-is-wide"
    stage.tenants = {long: Customer(US, 0)}
    with stage.started("plan", "-o", "table") as process:
        out, err = process.communicate(timeout=SOON)
    assert process.returncode == 0, err
    assert long in out


def test_a_csv_starts_no_formula(stage: Stage) -> None:
    stage.tenants = {"=1+1": Customer(US, 0)}

    ended = stage.run("plan", "-o", "csv")

    assert [row["tenant"] for row in csv.DictReader(io.StringIO(ended.out, newline=""))] == ["'=1+1"]


def test_reports_tell_who_failed_who_is_blocked_and_who_is_done(mixed: Stage) -> None:
    ended = mixed.apply("--report", "junit=report.xml", "--report", "md=report.md")

    assert ended.code == 3
    suite = ET.parse(mixed.directory / "report.xml").getroot()  # noqa: S314 - our own
    assert {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")} == {
        "acme": ["skipped"],
        "globex": ["failure"],
        "initech": [],
    }
    text = (mixed.directory / "report.md").read_text("utf-8")
    assert all(word in text for word in ("globex", "acme", "failed", "blocked"))
    assert sorted(path.name for path in mixed.directory.iterdir() if "report" in path.name) == [
        "report.md",
        "report.xml",
    ]


@pytest.mark.parametrize(
    "option", ["--report=junit=no/such.xml", "--report=md=.", "--report=pdf=x", "--events=no/such.jsonl", "--events=."]
)
def test_what_cannot_be_written_is_refused_before_anything_is_sent(stage: Stage, option: str) -> None:
    ended = stage.run("apply", "--yes", option)

    assert (ended.code, ended.out, stage.ledger.arrivals) == (2, "", [])
    assert not (stage.directory / ".deployer").exists()


def lines_of(text: str) -> list[dict[str, Any]]:
    judge = jsonschema.Draft202012Validator(schema("events"))
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        judge.validate(line)
    return lines


def test_events_fit_their_schema_and_every_tenant_rests_once(mixed: Stage) -> None:
    secret = token_of(US)
    echo = Rule(action="refuse", route="flows.put", id=mixed.integration("globex"), status=422, code=secret)
    mixed.mend()
    mixed.befall(echo)

    mixed.apply("--events", "events.jsonl")

    text = (mixed.directory / "events.jsonl").read_text("utf-8")
    lines = lines_of(text)
    assert (lines[0]["event"], lines[0]["format_version"]) == ("stream.opened", 1)
    assert sorted(line["tenant"] for line in lines if line["event"] == "tenant.rested") == ["globex", "initech"]
    assert secret not in text
    assert "***" in text


def test_events_on_stdout_leave_the_result_to_stderr(stage: Stage) -> None:
    ended = stage.run("apply", "--yes", "--events", "-")

    lines = lines_of(ended.out)
    assert [lines[0]["event"], lines[-1]["event"]] == ["stream.opened", "rollout.ended"]
    assert "succeeded" in ended.err
    assert "3 to create" in ended.err


def test_events_of_a_rollout_that_goes_on_are_appended(stage: Stage) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401))
    stage.apply("--events", "events.jsonl")
    stage.mend()

    stage.apply("--events", "events.jsonl")

    lines = lines_of((stage.directory / "events.jsonl").read_text("utf-8"))
    assert [line["event"] for line in lines].count("stream.opened") == 2
    assert len({line["rollout"] for line in lines if "rollout" in line}) == 1
    assert sorted(line["tenant"] for line in lines if line["event"] == "tenant.rested") == sorted(stage.tenants)


def test_requests_are_printed_as_curl_lines_without_a_token(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["apiKey"] = "canary-of-a-body"

    ended = stage.apply("--print-requests")

    lines = [line for line in ended.err.splitlines() if line.startswith("curl ")]
    assert len(lines) == len(stage.ledger.arrivals)
    assert all('-H "Authorization: Bearer $US_TOKEN"' in line for line in lines)
    assert any("-X PUT" in line and '"apiKey":"***"' in line for line in lines)
    assert token_of(US) not in ended.out + ended.err
    assert "canary-of-a-body" not in "".join(lines)


HOSTILE = "::error::owned"


def obeyed(text: str) -> list[str]:
    """Return the workflow commands that a runner obeys, as the runner reads what is printed."""
    token, found = "", []
    for line in text.splitlines():
        if token:
            token = "" if line.strip() == f"::{token}::" else token
        elif begun := re.match(r"::stop-commands::(\w+)", line):
            token = begun[1]
        elif line.startswith("::"):
            found.append(line)
    assert not token
    return found


@pytest.fixture
def on_github(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    return stage


def test_a_problem_of_the_manifest_is_annotated_where_it_stands(on_github: Stage) -> None:
    on_github.manifest["timezon"] = "UTC"

    ended = on_github.run("plan")

    [note] = obeyed(ended.err)
    assert re.fullmatch(r"::error file=rollout\.yaml,line=\d+,col=3::timezon: unknown key", note)


def test_a_guards_error_is_annotated_with_its_remedy(on_github: Stage) -> None:
    [note] = obeyed(on_github.run("plan", "--exclude", "acne").err)

    assert note.startswith("::error title=deployer::--exclude acne: no tenant has this name")
    assert "--allow unknown-name" in note


def test_a_failed_tenant_is_annotated_and_its_name_commands_nothing(on_github: Stage) -> None:
    on_github.tenants[HOSTILE] = Customer(US, 5)
    on_github.refuse(HOSTILE)

    ended = on_github.run("apply", "--yes")

    [note] = obeyed(ended.err)
    assert note.startswith("::error title=order-sync%3A 1 failed::")
    assert HOSTILE in ended.err


def test_nothing_is_annotated_elsewhere(mixed: Stage) -> None:
    assert "::" not in mixed.run("apply", "--yes").err


def test_the_history_lists_rollouts_newest_first(stage: Stage) -> None:
    stage.apply()
    stage.apply()
    stage.run("run")

    rollouts = stage.run("history", "--json").document["rollouts"]

    assert [each["kind"] for each in rollouts] == ["run", "apply", "apply"]
    assert stage.run("history", "--json", "--limit", "1").document["rollouts"] == rollouts[:1]


def test_an_older_rollout_is_shown_by_the_beginning_of_its_id(stage: Stage) -> None:
    first = stage.apply().document
    stage.run("run")

    ended = stage.run("history", "--rollout", first["rollout"][:-2], "--json")
    told = stage.run("history", "--rollout", first["rollout"], "--tenant", "acme")

    assert ended.document == first
    assert stage.flow("acme")["_id"] in told.out
    assert "configure" in told.out
    shown = stage.run("history", "--rollout", first["rollout"])
    assert f"apply {first['rollout']} by " in shown.out
    assert f"plan {first['plan'][:12]}, manifest " in shown.out


def test_the_history_of_a_tenant_has_each_step_with_its_time(stage: Stage) -> None:
    first = stage.apply().document

    shown = stage.run("history", "--rollout", first["rollout"], "--tenant", "acme", "--json").document

    assert [step["step"] for step in shown["steps"]] == ["clone", "configure"]
    assert all(step["begun"] <= step["ended"] and step["seconds"] >= 0 for step in shown["steps"])
    assert shown["rollout"]["manifest"]
    assert [event["event"] for event in shown["events"]] == ["intend", "succeed"] * 2


def test_a_rollout_whose_id_fits_several_is_not_guessed(stage: Stage) -> None:
    stage.apply()
    stage.run("run")

    ended = stage.run("history", "--rollout", "order-sync")

    assert ended.code == 2
    assert "2 rollouts" in ended.err


def test_a_tenant_of_no_rollout_in_particular_is_refused(stage: Stage) -> None:
    stage.apply()

    ended = stage.run("history", "--tenant", "acme")

    assert (ended.code, ended.out) == (2, "")
    assert "--rollout" in ended.err


def test_a_history_without_a_journal_is_a_sentence(stage: Stage) -> None:
    ended = stage.run("history")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: there is no journal at ")
