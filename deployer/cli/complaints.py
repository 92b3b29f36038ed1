"""What is wrong with a command line, or with this machine, told as any error is: what, and what to do about it."""

import errno
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

import click

from deployer.domain.wording import did_you_mean
from deployer.report.text import plain

_MENDED: Final = {
    errno.EACCES: "see that you may read and write it; --journal FILE keeps journal and plans elsewhere",
    errno.EROFS: "nothing can be written there; --journal FILE keeps journal and plans elsewhere",
    errno.ENOSPC: "make room, and run the same command again: nothing that was begun is lost",
}


def refusal(error: OSError) -> Iterator[str]:
    """Yield what this machine refused, and what to do where that is known."""
    yield plain(f"error: {error.filename or 'this machine'}: {error.strerror}")
    if remedy := _MENDED.get(error.errno or 0):
        yield f"  {remedy}"


def complaint(error: click.ClickException) -> Iterator[str]:
    """Yield the lines a person reads; the words that were typed stay on their line, and help keeps its own."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        yield error.message
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    yield plain(f"error: {f'{context.command_path}: ' if context else ''}{_what(error, context)}")
    if context:
        yield from _remedies(error, context)


def _what(error: click.ClickException, context: click.Context | None) -> str:
    match error:
        case click.exceptions.NoSuchCommand() if context and isinstance(context.command, click.Group):
            near = did_you_mean(error.command_name, context.command.list_commands(context))
            return f"there is no command {error.command_name}{near}"
        case click.NoSuchOption():
            return f"there is no option {error.option_name}{_near(error.option_name, error.possibilities or ())}"
        case click.MissingParameter(param=click.Parameter() as missing) if context:
            return f"{missing.param_type_name} {missing.get_error_hint(context).strip(chr(39))} is missing"
        case _:
            said = error.format_message()
            return f"{said[:1].lower()}{said[1:]}".removesuffix(".")


def _near(option: str, known: Iterable[str]) -> str:
    """Return which option may have been meant: dashes, which all have, make none more like another."""
    near = get_close_matches(option.lstrip("-"), [each.lstrip("-") for each in known], n=1)
    return f' (did you mean "--{near[0]}"?)' if near else ""


def _remedies(error: click.ClickException, context: click.Context) -> Iterator[str]:
    """Yield how the command is called, and what the option that is missing is for."""
    if isinstance(error, click.MissingParameter) and isinstance(error.param, click.Option):
        yield f"  {error.param.opts[0]} {error.param.make_metavar(context)}  {error.param.help}"
    if not isinstance(error, click.exceptions.NoSuchCommand | click.NoSuchOption):
        yield f"  {context.get_usage().replace('Usage:', 'usage:')}"
    yield f"  see: {context.command_path} --help"
