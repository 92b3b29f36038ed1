"""What is printed where: streams, colours, help, and never a token."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest

import deployer
from deployer.cli import COMMANDS
from deployer.report.passing import MANY
from deployer.simulator import Customer, Rule, token_of
from tests.cli.terminal import screen, terminal
from tests.engine.stage import EU, SOON, US, Stage
from tests.web.journals import FIRST, crowded

COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3|4|9|10)[0-9][0-9;]*m")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a terminal showed, and the exit code."""

    code: int
    text: str


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_names_every_command(stage: Stage, word: str) -> None:
    ended = stage.run(word)

    assert ended.code == 0
    assert all(re.search(rf"^  {command} +\S", ended.out, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(stage: Stage, command: str) -> None:
    ended = stage.run(command, "--help")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: deployer {command}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--help",), "  deployer plan rollout.yaml      see what would change"),
        (("resolve", "--help"), "  deployer resolve acme --retry                           # it did not happen"),
    ],
)
def test_examples_in_help_keep_their_lines(stage: Stage, words: tuple[str, ...], line: str) -> None:
    ended = stage.run(*words)

    assert line in ended.out.splitlines()
    assert "\\b" not in ended.out


def test_the_version_is_printed(stage: Stage) -> None:
    assert stage.run("--version").out == f"deployer {deployer.__version__}\n"


@pytest.mark.parametrize(
    "words", [("deploy",), ("apply", "--no-such-option"), ("apply", "a.yaml", "b.yaml"), ("plan", "no-such.yaml")]
)
def test_what_cannot_be_understood_is_exit_code_2_on_stderr(stage: Stage, words: tuple[str, ...]) -> None:
    ended = stage.run(*words)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err
    assert "Traceback" not in ended.err


def test_json_leaves_everything_else_to_stderr(stage: Stage) -> None:
    ended = stage.run("apply", "--yes", "--json")

    assert ended.document["format_version"] == 1
    assert len(ended.out.splitlines()) == 1
    assert "done acme" in ended.err


def test_quiet_shows_the_result_alone(stage: Stage) -> None:
    ended = stage.apply("--quiet")

    assert ended.document["outcome"] == "succeeded"
    assert "done acme" not in ended.err


def test_a_pipe_gets_a_line_a_tenant_and_no_escape_codes(stage: Stage) -> None:
    with stage.started("apply", "--yes") as process:
        out, err = process.communicate(timeout=SOON)

    assert process.returncode == 0, err
    assert "\x1b" not in out + err
    assert [f"done {name} " in err for name in stage.tenants] == [True] * 3


def _on_a_terminal(stage: Stage, *words: str, environment: dict[str, str] | None = None, answer: str = "") -> Shown:
    """Type a command at a terminal, with an answer to what it asks; return what is shown."""
    with terminal(stage, *words, environment=environment or {}) as typed:
        typed.type(answer)
        text = typed.read()
        code = typed.process.wait(SOON)
    return Shown(code, text)


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["", "NO_COLOR"])
def test_a_terminal_gets_colours_unless_no_color_says_otherwise(
    stage: Stage, environment: dict[str, str], coloured: bool
) -> None:
    shown = _on_a_terminal(stage, "apply", "--yes", "-vv", environment=environment)

    assert "succeeded" in shown.text
    assert bool(COLOUR.search(shown.text)) is coloured


def test_a_person_who_says_yes_is_told_how_to_say_it_beforehand(stage: Stage) -> None:
    shown = _on_a_terminal(stage, "apply", answer="y\n")

    assert shown.code == 0, shown.text
    assert "Change 3 tenants?" in shown.text
    assert "without the question: deployer apply --yes" in shown.text


@pytest.mark.parametrize("answer", ["n\n", "\n"], ids=["no", "nothing"])
def test_nothing_is_changed_for_a_person_who_does_not_say_yes(stage: Stage, answer: str) -> None:
    shown = _on_a_terminal(stage, "apply", answer=answer)

    assert (shown.code, stage.writes) == (6, [])


@pytest.mark.parametrize(
    ("words", "environment"), [(("--no-input",), {}), ((), {"CI": "true"})], ids=["--no-input", "CI"]
)
def test_nobody_is_asked_where_that_is_not_wanted(
    stage: Stage, words: tuple[str, ...], environment: dict[str, str]
) -> None:
    shown = _on_a_terminal(stage, "apply", *words, environment=environment)

    assert (shown.code, stage.writes) == (2, [])
    assert "Change 3 tenants?" not in shown.text


def test_logs_in_a_pipe_are_json_lines_that_say_whose_step_they_are_about(stage: Stage) -> None:
    ended = stage.apply("-vv")

    lines = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    moved = [line for line in lines if line["event"] == "step.moved" and line["tenant"] == "acme"]
    assert [(line["step"], line["state"]) for line in moved] == [
        ("clone", "done"),
        ("configure", "done"),
    ]
    assert {line["rollout"] for line in moved} == {ended.document["rollout"]}
    assert all(line["attempt"] == 1 for line in moved)


def test_no_token_is_ever_written(stage: Stage) -> None:
    stage.run_flows()
    echo = f'{{"errors": [{{"code": "x", "message": "Bearer {token_of(US)}"}}]}}'
    stage.befall(Rule(action="garble", route="flows.put", id=stage.integration("globex"), text=echo))
    secret = token_of(US).encode()

    said = [stage.run("plan", "-vv"), stage.run("apply", "--yes", "-vv"), stage.run("status", "--tenant", "globex")]
    with stage.started("apply", "--yes", "-vv") as process:
        texts = process.communicate(timeout=SOON)

    printed = "".join([*texts, *(part for ended in said for part in (ended.out, ended.err))])
    assert "request.answered" in printed
    assert secret.decode() not in printed
    written = [path for path in stage.directory.parent.rglob("*") if path.is_file()]
    assert any(path.name == "journal.db" for path in written)
    assert [path for path in written if secret in path.read_bytes()] == []


def test_a_token_that_an_error_repeats_is_hidden(stage: Stage) -> None:
    rule = Rule(action="refuse", route="flows.put", id=stage.integration("globex"), status=422, code=token_of(US))
    stage.befall(rule)

    ended = stage.apply("-vv")

    assert ended.tenants["globex"]["outcome"] == "failed"
    assert token_of(US) not in ended.out + ended.err
    written = [path for path in stage.directory.rglob("*") if path.is_file()]
    assert [path for path in written if token_of(US).encode() in path.read_bytes()] == []


def test_a_token_in_the_manifest_is_refused_without_being_shown(stage: Stage) -> None:
    stage.manifest["accounts"][US]["token"] = "0123456789abcdef0123"

    ended = stage.run("plan")

    assert ended.code == 2
    assert "a token itself never stands in a manifest" in ended.err
    assert "0123456789abcdef0123" not in ended.err


def test_names_from_outside_cannot_steer_a_terminal(stage: Stage) -> None:
    stage.apply()
    stage.edit("acme", settings={"region": "\x1b[2J\x1b]0;owned\x07", "batchSize": 250})
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    ended = stage.run("plan", "--all")

    assert "\x1b" not in ended.out


def test_a_reader_that_goes_away_ends_the_command_without_a_traceback(stage: Stage, tmp_path: Path) -> None:
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(9)}
    stage.apply()
    errors = tmp_path / "errors"
    with errors.open("wb") as stderr:
        command = f"{sys.executable} -m deployer status --json | true"
        subprocess.run(["/bin/sh", "-c", command], cwd=stage.directory, stderr=stderr, check=False, timeout=SOON)

    assert b"Traceback" not in errors.read_bytes()
    assert b"BrokenPipe" not in errors.read_bytes()


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from deployer.cli import main; main(['--help']);"
        "print(sorted({'aiohttp', 'anyio', 'pydantic', 'rich', 'sqlite3', 'structlog', 'yaml'} & sys.modules.keys()))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=SOON)

    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def crowd_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a journal of a rollout that is one larger than reports are silent about."""
    path = tmp_path_factory.mktemp("crowd") / "journal.db"
    anyio.run(partial(crowded, path, MANY + 1, done=MANY, failed=0))
    return path


def reporting(stage: Stage, journal: Path, *words: str) -> str:
    line = ("report", "--rollout", FIRST.id, "--journal", f"sqlite:{journal}", *words)
    with terminal(stage, *line, environment={}) as typed:
        return typed.read()


def test_a_report_of_very_many_tenants_says_at_a_terminal_how_far_it_is_and_takes_that_away(
    stage: Stage, crowd_journal: Path
) -> None:
    shown = reporting(stage, crowd_journal, "--output", "report.html")
    for what in ("reading the rollout", "writing report.html"):
        assert re.search(rf"{what}: [\d,]+ of {MANY + 1:,} tenants", shown)
    assert screen(shown).strip() == "wrote report.html"


def test_what_is_written_to_the_terminal_itself_has_no_progress_in_it(stage: Stage, crowd_journal: Path) -> None:
    assert f"of {MANY + 1:,} tenants" not in reporting(stage, crowd_journal, "-o", "md")


def test_a_report_beside_something_else_says_how_far_it_is_too(stage: Stage, crowd_journal: Path) -> None:
    line = ("status", "--rollout", FIRST.name, "--journal", f"sqlite:{crowd_journal}", "--report", "junit=report.xml")
    with terminal(stage, *line, environment={}) as typed:
        assert re.search(rf"reading the rollout: [\d,]+ of {MANY + 1:,} tenants", typed.read())


def test_an_account_that_is_the_only_one_and_refused_is_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("US_TOKEN")

    ended = stage.run("plan")

    assert ended.code == 4
    assert ended.err.splitlines() == [
        f"error: account {US}: the environment variable US_TOKEN is not set",
        "  export US_TOKEN=<token>",
    ]


def test_accounts_that_are_refused_are_each_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.add_account()
    monkeypatch.delenv("US_TOKEN")
    monkeypatch.delenv("EU_TOKEN")

    said = stage.run("plan").err.splitlines()

    assert [json.loads(line)["account"] for line in said if line.startswith("{")] == [US, EU]
