"""Ask a person before something happens."""

import os
import shlex
import sys
from signal import SIGINT, default_int_handler, signal

import click

from deployer.cli import TYPED
from deployer.errors import GuardError, UsageError
from deployer.report.text import plain


def may_ask(*, no_input: bool) -> bool:
    """Tell whether a person may be asked: neither --no-input nor a CI forbids it."""
    return not (no_input or os.environ.get("CI"))


def confirm(question: str, *, about: str, ask: bool) -> None:
    """Ask, and tell of the command that does not; raise UsageError where nobody can be asked, GuardError at a no."""
    command = _answered()
    if not ask or not sys.stdin.isatty():
        raise UsageError(f"nobody is there to confirm {about}", remedy=f"look at it, then: {command}")
    if not _agreed(question):
        raise GuardError("not confirmed: nothing was changed")
    click.echo(plain(f"without the question: {command}"), err=True)


def _answered() -> str:
    """Return the command line as it was typed, with the answer in it."""
    words = (word for word in click.get_current_context().meta[TYPED] if word != "--no-input")
    return shlex.join(["deployer", *words, "--yes"])


def _agreed(question: str) -> bool:
    """Ask, and let Ctrl-C leave: while a person is asked there is no other task that could be told of it."""
    ours = signal(SIGINT, default_int_handler)
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)  # what is said next begins a line
        raise
    finally:
        signal(SIGINT, ours)
