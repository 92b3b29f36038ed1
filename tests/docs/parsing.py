"""A command line as the program reads it, without what it does."""

import shlex
from collections.abc import Iterator

import click

from deployer.cli import deployer

_OPERATORS = frozenset({"&", "&&", "|", ">", ";", "||"})


def parse(words: list[str]) -> click.Context:
    """Return the context of the command that is called; raise click's error where the words are none of a command."""
    command: click.Command = deployer
    context = click.Context(command, info_name="deployer", **command.context_settings)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no such command: {name}")
        command, context = found, click.Context(found, info_name=name, parent=context)
    return command.make_context(command.name, list(words), parent=context.parent)


def every_command() -> Iterator[tuple[list[str], click.Command]]:
    """Yield the words and the command of every command there is, those of groups too."""

    def below(words: list[str], command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
        yield words, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                if found := command.get_command(context, name):
                    yield from below([*words, name], found)

    yield from below([], deployer)


def calls(line: str) -> Iterator[list[str]]:
    """Yield the words of each call of deployer in a line for a shell."""
    words: list[str] | None = None
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    for word in [*lexer, ";"]:
        if word in _OPERATORS:
            if words:
                yield words
            words = None
        elif words is not None:
            words.append(word)
        elif word == "deployer":
            words = []
