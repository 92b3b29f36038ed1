"""What is printed where: streams, colours, help, and never a token."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import deployer
from deployer.cli import COMMANDS
from deployer.simulator import Rule
from tests.engine.stage import SOON, US, Customer, Stage, token_of

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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


def _on_a_terminal(stage: Stage, environment: dict[str, str]) -> str:
    """Return what `apply` writes to a terminal."""
    stage.write()
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "deployer", "apply", "--yes"],
        cwd=stage.directory,
        env={**os.environ, **stage.environment, "TERM": "xterm-256color", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        text = b"".join(_read(ours)).decode()
    os.close(ours)
    assert process.returncode == 0, text
    return text


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(terminal, 4096)
        except OSError:  # how Linux says that nobody writes any more
            return


def test_no_color_is_heeded_on_a_terminal(stage: Stage) -> None:
    text = _on_a_terminal(stage, {"NO_COLOR": "1"})

    assert "succeeded" in text
    coloured = {code for code in COLOUR.findall(text) if re.search(r"\b(3|4|9|10)[0-9]\b", code)}
    assert coloured == set()


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
        subprocess.run(
            ["/bin/sh", "-c", command], cwd=stage.directory, stderr=stderr, check=False, timeout=SOON
        )

    assert b"Traceback" not in errors.read_bytes()
    assert b"BrokenPipe" not in errors.read_bytes()


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from deployer.cli import run; run(['--help']);"
        "print([m for m in ('aiohttp', 'pydantic', 'yaml', 'rich', 'structlog', 'anyio', 'sqlite3') if m in sys.modules])"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=SOON)

    assert ended.stdout.splitlines()[-1] == "[]"
