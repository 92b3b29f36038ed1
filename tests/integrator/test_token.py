"""Where tokens come from, and that no text shows them."""

import copy
import pickle
import sys
import traceback
from pathlib import Path

import pytest

from deployer.errors import AccountError, DeployerError, UsageError
from deployer.integrator.token import Token, read_token

SECRET = "c4n4ry-s3cr3t-t0k3n"


def everything(error: BaseException) -> str:
    """Return all that a log or a terminal could show of an error."""
    shown = "".join(traceback.format_exception(error))
    return shown + repr(error) + ("".join(error.lines()) if isinstance(error, DeployerError) else "")


def test_a_token_is_revealed_only_on_demand() -> None:
    token = Token(SECRET)
    assert token.reveal() == SECRET
    assert SECRET not in f"{token} {token!r} {[token]} {token!s}"
    assert token.hidden_in(f"bad token {SECRET}!".encode()) == b"bad token ***!"


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, vars])
def test_a_token_cannot_be_taken_along(leak: object) -> None:
    assert callable(leak)
    with pytest.raises(TypeError):
        leak(Token(SECRET))


def test_the_environment_holds_a_token(tmp_path: Path) -> None:
    assert read_token("env:IO", env={"IO": f"{SECRET}\n"}, base=tmp_path).reveal() == SECRET


def test_a_private_file_holds_a_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    (tmp_path / "token").chmod(0o600)
    assert read_token("file:token", env={}, base=tmp_path).reveal() == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_may_touch_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "to ken"
    path.write_text(SECRET)
    path.chmod(mode)
    with pytest.raises(AccountError) as caught:
        read_token("file:to ken", env={}, base=tmp_path)
    assert caught.value.remedy == f"chmod 600 '{path}'"


def test_a_command_prints_a_token_without_a_shell(tmp_path: Path) -> None:
    command = f"command:{sys.executable} -c 'print(\"{SECRET}\")'"
    assert read_token(command, env={}, base=tmp_path).reveal() == SECRET
    assert read_token("command:echo $HOME;id", env={}, base=tmp_path).reveal() == "$HOME;id"


@pytest.mark.parametrize("text", ["", " ", f"{SECRET} x", f"{SECRET}\nx", f"{SECRET}\x00", f"{SECRET}é", "a" * 5000])
def test_a_malformed_token_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(AccountError) as caught:
        read_token("env:IO", env={"IO": text}, base=tmp_path)
    assert SECRET not in everything(caught.value)


@pytest.mark.parametrize("reference", [SECRET, f"literal:{SECRET}", "env:", "file:", "command: ", f"command:'{SECRET}"])
def test_a_reference_of_another_form_is_a_usage_error_that_does_not_repeat_it(tmp_path: Path, reference: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_token(reference, env={}, base=tmp_path)
    assert SECRET not in everything(caught.value)


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("env:ABSENT", "not set"),
        ("file:absent", "No such file"),
        ("file:binary", "not plain text"),
        ("command:false " + SECRET, "ended with 1"),
        ("command:./absent " + SECRET, "cannot be started"),
        ("command:cat binary", "not plain text"),
    ],
)
def test_a_token_that_cannot_be_read_says_why(
    tmp_path: Path, reference: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(SECRET.encode() + b"\xff")
    (tmp_path / "binary").chmod(0o600)
    with pytest.raises(AccountError, match=what) as caught:
        read_token(reference, env={}, base=tmp_path)
    assert SECRET not in everything(caught.value)
