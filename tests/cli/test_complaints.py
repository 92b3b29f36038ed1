"""What a wrong command line is told: what is wrong, and what to type instead."""

import errno
import os
import shlex
import subprocess
import sys

import pytest

from deployer.cli.complaints import refusal
from tests.cli.commands import typed
from tests.engine.stage import SOON, Stage


@pytest.mark.parametrize("words", [(), ("schedule",)], ids=["deployer", "deployer schedule"])
def test_without_words_the_help_is_shown_line_by_line(words: tuple[str, ...]) -> None:
    asked = typed(*words, "--help").stdout

    ended = typed(*words)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == asked


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (
            ("aply", "x"),
            ['error: deployer: there is no command aply (did you mean "apply"?)', "  see: deployer --help"],
        ),
        (
            ("schedule", "lst"),
            [
                'error: deployer schedule: there is no command lst (did you mean "list"?)',
                "  see: deployer schedule --help",
            ],
        ),
        (
            ("apply", "--ye"),
            ['error: deployer apply: there is no option --ye (did you mean "--yes"?)', "  see: deployer apply --help"],
        ),
        (("run", "--yes"), ["error: deployer run: there is no option --yes", "  see: deployer run --help"]),
        (
            ("approve",),
            [
                "error: deployer approve: option --plan is missing",
                "  --plan DIGEST  The plan that is approved; deployer status names it.",
                "  usage: deployer approve [OPTIONS] [MANIFEST]",
                "  see: deployer approve --help",
            ],
        ),
        (
            ("explain",),
            [
                "error: deployer explain: argument TENANT is missing",
                "  usage: deployer explain [OPTIONS] TENANT [FIELD]",
                "  see: deployer explain --help",
            ],
        ),
        (
            ("plan", "a", "b\x1b[31m\nerror: forged"),
            [
                "error: deployer plan: got unexpected extra argument (b[31m error: forged)",
                "  usage: deployer plan [OPTIONS] [MANIFEST]",
                "  see: deployer plan --help",
            ],
        ),
        (("apply", "--tenant"), ["error: option '--tenant' requires an argument"]),
    ],
    ids=[
        "command",
        "command of a group",
        "option",
        "unlike any",
        "missing option",
        "missing argument",
        "too many",
        "no value",
    ],
)
def test_a_wrong_command_line_is_told_as_any_error_is(words: tuple[str, ...], lines: list[str]) -> None:
    ended = typed(*words)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == lines


def test_a_reader_that_goes_away_is_told_from_a_rollout_that_failed(stage: Stage) -> None:
    stage.apply()
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        command = [sys.executable, "-m", "deployer", "status", "--json"]
        ended = subprocess.run(
            command, cwd=stage.directory, stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=SOON
        )
    finally:
        os.close(theirs)

    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (
            ("explain", "acme", "rollout.yaml"),
            '"rollout.yaml" is no field of a flow',
            "a manifest is named by an option: deployer explain acme -m rollout.yaml",
        ),
        (("resolve", "acne", "--retry"), 'has no tenant "acne"', "see who is in it: deployer status -o table"),
        (("apply", "--plan", "abcdef"), "no saved plan begins with abcdef", "make it: deployer plan"),
        (("pause",), "no rollout of order-sync is unfinished", "see how the last one ended: deployer status"),
        (("abort",), "no rollout of order-sync is unfinished", "see how the last one ended: deployer status"),
        (
            ("status", "--journal", "tenants.csv"),
            "tenants.csv is no journal: file is not a database",
            "name the journal with --journal; after it was lost: deployer rebuild",
        ),
        (
            ("plan", "absent.yaml"),
            "absent.yaml: there is no such file",
            "name your manifest after the command, or write a first one: deployer init",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_mistake_is_answered_with_what_to_type(stage: Stage, words: tuple[str, ...], what: str, remedy: str) -> None:
    stage.apply()

    ended = stage.run(*words)

    said, *remedies = ended.err.splitlines()
    assert said.startswith("error: ")
    assert said.endswith(what)
    assert remedies == [f"  {remedy}"]


@pytest.mark.parametrize(
    "words",
    [
        ("apply", "rollout.yaml", "--tenant", "acme", "--set", "region=a b", "--ours", "acme"),
        ("rollback", "--theirs", "acme", "--no-input"),
        ("delete", "--tenant", "acme", "rollout.yaml"),
        ("rebuild",),
    ],
    ids=" ".join,
)
def test_who_cannot_be_asked_is_told_the_same_command_with_the_answer(stage: Stage, words: tuple[str, ...]) -> None:
    stage.apply()
    again = [word for word in words if word != "--no-input"]
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    ended = stage.run(*words)

    assert ended.code == 2
    assert f"  look at it, then: {shlex.join(['deployer', *again, '--yes'])}" in ended.err.splitlines()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC], ids=errno.errorcode.get)
def test_what_the_machine_refuses_says_where_and_what_to_do(number: int) -> None:
    said, remedy = refusal(OSError(number, os.strerror(number), ".deployer"))
    assert said == f"error: .deployer: {os.strerror(number)}"
    assert remedy.startswith("  ")


def test_of_what_else_the_machine_refuses_nothing_is_made_up() -> None:
    assert list(refusal(OSError(errno.ELOOP, "too many links"))) == ["error: this machine: too many links"]
