"""What is wrong with a command line, told as any other error is: what, and what to do about it."""

from collections.abc import Iterator

import click

from deployer.domain.wording import did_you_mean
from deployer.report.text import plain


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
            return f"there is no option {error.option_name}{did_you_mean(error.option_name, error.possibilities or ())}"
        case click.MissingParameter(param=click.Parameter() as missing) if context:
            return f"{missing.param_type_name} {missing.get_error_hint(context).strip(chr(39))} is missing"
        case _:
            said = error.format_message()
            return f"{said[:1].lower()}{said[1:]}".removesuffix(".")


def _remedies(error: click.ClickException, context: click.Context) -> Iterator[str]:
    """Yield how the command is called, and what the option that is missing is for."""
    if isinstance(error, click.MissingParameter) and isinstance(error.param, click.Option):
        yield f"  {error.param.opts[0]} {error.param.make_metavar(context)}  {error.param.help}"
    if not isinstance(error, click.exceptions.NoSuchCommand | click.NoSuchOption):
        yield f"  {context.get_usage().replace('Usage:', 'usage:')}"
    yield f"  see: {context.command_path} --help"
