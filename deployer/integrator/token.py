"""An account's secret: read from where the manifest says it lies, and kept out of every text."""

import os
import re
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployer.errors import AccountError, UsageError

_WELL_FORMED: Final = re.compile(r"[!-~]{1,4096}")
_PATIENCE: Final = 10.0  # seconds that a command may take to print a token


class Token:
    """An API token that no text shows: not a str, so that it is never joined, logged or written by accident."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        if not _WELL_FORMED.fullmatch(secret):
            raise AccountError(
                "the token is empty, or has a blank, a line break or a letter outside ASCII in it",
                remedy="store the token alone, on one line",
            )
        self._secret = secret

    def __repr__(self) -> str:
        return "Token(…)"

    def __reduce__(self) -> str:
        raise TypeError("a token cannot be pickled or copied")

    def reveal(self) -> str:
        """Return the secret itself, for the one function that sends it."""
        return self._secret

    def hidden_in(self, body: bytes) -> bytes:
        """Return an answer without the secret, should a server repeat it."""
        return body.replace(self._secret.encode(), b"***")


def read_token(reference: str, *, env: Mapping[str, str], base: Path) -> Token:
    """Read the token named by `env:NAME`, `file:PATH` (relative to `base`) or `command:WORDS`.

    Raise UsageError for a reference of another form, AccountError where there is no token to be had.
    """
    return Token(read_secret(reference, env=env, base=base, what="token"))


def read_secret(reference: str, *, env: Mapping[str, str], base: Path, what: str) -> str:
    """Read a secret that is named as a token is; `what` it is, people are told where it cannot be had."""
    kind, _, rest = reference.partition(":")
    match kind:
        case "env" if rest:
            text = _from_env(rest, env, what)
        case "file" if rest:
            text = _from_file(base / Path(rest).expanduser(), what)
        case "command" if rest.strip():
            text = _from_command(rest, what)
        case _:
            # The reference is not shown: whoever writes the token itself here should not read it again in a log.
            raise UsageError(
                f"the {what} is named by env:NAME, file:PATH or command:WORDS",
                remedy=f"put the {what} into an environment variable and write env:ITS_NAME",
            )
    return text.strip()


def _from_env(name: str, env: Mapping[str, str], what: str) -> str:
    if name not in env:
        remedy = f"export {name}=<{what}>"
        raise AccountError(f"the environment variable {name} is not set", remedy=remedy)
    return env[name]


def _from_file(path: Path, what: str) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = "" if mode & 0o077 else file.read()
    except UnicodeDecodeError:
        raise AccountError(f"the file holds no {what}: it is not plain text", where=str(path)) from None
    except OSError as error:
        raise AccountError(f"cannot read the {what}: {error.strerror}", where=str(path)) from None
    if mode & 0o077:
        remedy = f"chmod 600 {shlex.quote(str(path))}"
        raise AccountError(f"others may read the file of the {what}", where=str(path), remedy=remedy)
    return text


def _from_command(words: str, what: str) -> str:
    command = _split(words, what)
    where = command[0]  # its arguments may be secret
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own command, given to no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_PATIENCE, check=True, encoding="ascii"
        )
    except UnicodeDecodeError:
        raise AccountError(f"the command prints no {what}: it is not plain text", where=where) from None
    except subprocess.TimeoutExpired:
        raise AccountError(f"the command of the {what} takes longer than {_PATIENCE:g} s", where=where) from None
    except subprocess.CalledProcessError as error:
        raise AccountError(f"the command of the {what} ended with {error.returncode}", where=where) from None
    except OSError as error:
        raise AccountError(f"the command of the {what} cannot be started: {error.strerror}", where=where) from None
    return answer.stdout


def _split(words: str, what: str) -> list[str]:
    try:
        return shlex.split(words)
    except ValueError as error:
        raise UsageError(f"the command of the {what} cannot be read: {error}") from None
