"""The command line: words in, exit codes out. Commands are imported when they are called, and not before."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deployer.errors import DeployerError
from deployer.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name → what `--help` says of it, so that help imports nothing
COMMANDS = {
    "init": "Write a first manifest from what an account holds.",
    "validate": "Check a manifest and its tenants; nothing is sent.",
    "plan": "Show what apply would do; only reads are sent.",
    "rehearse": "Carry the plan out on a copy of the accounts.",
    "apply": "Roll the template out, or go on where the last apply ended.",
    "resume": "Go on with an unfinished rollout as it was planned.",
    "status": "Show how the last rollout stands.",
    "pause": "Let nothing more of a rollout begin.",
    "approve": "Let the next wave begin.",
    "exclude": "Leave a tenant out of a rollout.",
    "abort": "End a rollout where it stands.",
    "rollback": "Undo the last rollout.",
    "adopt": "Take a flow over that is there already.",
    "detach": "Forget the flows of tenants without deleting them.",
    "delete": "Delete the flows of tenants.",
    "drift": "Show what was changed outside.",
    "history": "Show the rollouts there were.",
    "prune": "Delete rollouts that ended long ago from the journal.",
    "report": "Write what became of a rollout: a page, or for programs.",
    "explain": "Show where the values of a tenant's fields come from.",
    "resolve": "Decide about a tenant that waits for a person.",
    "run": "Run every tenant's flow once.",
    "schedule": "Do things at set times: nightly applies, runs, drift checks.",
    "doctor": "Check token, account, template, connections, journal, clock.",
    "rebuild": "Find every flow again after the journal was lost or restored.",
    "sweep": "Name the copies that should not exist, or delete them.",
    "serve": "Show what runs, was and comes, live, in a browser.",
    "worker": "Carry out what is left to workers.",
    "simulate": "Pretend to be integrator.io on this machine.",
    "schema": "Print the JSON Schemas of what is read and printed.",
    "completion": "Print what makes a shell complete commands and names.",
}
EXIT_CODES = {
    "0": "Done, or nothing to do.",
    "1": "No tenant was done, or something of ours is broken.",
    "2": "The command or the manifest is wrong.",
    "3": "Some tenants failed, or wait; the others are done.",
    "4": "No account could work: a token, a permission, the connection.",
    "5": "--timeout is over, or a person is waited for.",
    "6": "Halted, or a guard or a lock refuses.",
    "130, 143": "Ended by Ctrl-C or SIGTERM; the same command goes on.",
    "141": "Nobody reads on, as behind a pipe into head; the same command goes on.",
}
TYPED = "deployer.typed"  # in a command's context: the words of the command line
_NARROWEST, _WIDEST = 50, 80  # columns of help
_SIGINT, _SIGPIPE = 130, 141  # as a shell has them


class LazyGroup(click.Group):
    """A group whose commands lie in modules of their own names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they were typed, for what tells how to type them again."""
        ctx.meta[TYPED] = tuple(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"deployer.cli.{cmd_name}"), cmd_name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Suggest commands without importing them, and the options."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=COMMANDS[name]) for name in COMMANDS if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Exit codes"):
            formatter.write_dl(list(EXIT_CODES.items()))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "DEPLOYER"})
@click.version_option(__version__, "--version", prog_name="deployer", message="%(prog)s %(version)s")
def deployer() -> None:
    """Roll one integrator.io flow out to many tenants: planned, resumable, and never twice.

    \b
    deployer plan rollout.yaml      see what would change
    deployer apply rollout.yaml     change it, and go on after any interruption
    deployer status rollout.yaml    see how it stands
    """  # noqa: D301 - click wants the backspace itself


def main(words: Sequence[str]) -> int:
    """Run a command line and return its exit code; every error ends here, as a sentence."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return _run(words, None)
    from deployer.cli.github import annotating

    with annotating() as notes:
        return _run(words, notes)


def _run(words: Sequence[str], notes: "list[str] | None") -> int:
    """Run a command line; `notes` takes the annotations of what went wrong."""
    if "_DEPLOYER_COMPLETE" in os.environ:
        from deployer.cli.bash import register

        register()
    try:
        code = deployer.main(
            args=list(words), prog_name="deployer", standalone_mode=False, terminal_width=_help_width(), obj=notes
        )
    except SystemExit as left:  # how click leaves when nobody reads what is printed, and after it completed words
        return _SIGPIPE if left.code else 0
    except Exception as error:  # noqa: BLE001 - what is not an answer to a person is raised again
        if notes is not None:
            from deployer.cli.github import of_error

            notes += of_error(error)
        return _answer(error)
    return code if isinstance(code, int) else 0


def _help_width() -> int:
    """Return how wide help is, as click has it, without shutil and the compressors that it imports: 6 ms of CPU."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):  # no terminal
        columns = _WIDEST
    return max(min(columns, _WIDEST) - 2, _NARROWEST)


def _answer(error: BaseException) -> int:
    """Say what went wrong, and return the exit code; raise what is our own bug."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort():
            click.echo("aborted", err=True)
            return _SIGINT
        case click.ClickException():
            from deployer.cli.complaints import complaint

            click.echo("\n".join(complaint(error)), err=True)
            return error.exit_code
        case DeployerError():
            from deployer.report.problems import error_lines

            click.echo("\n".join(error_lines(error)), err=True)
            return error.exit_code
        case BaseExceptionGroup():  # of tasks that ended together: the first is what happened
            return _answer(error.exceptions[0])
        case BrokenPipeError():
            sys.stderr.close()  # nobody reads on, and there is nothing left to say
            return _SIGPIPE
        case OSError():
            from deployer.cli.complaints import refusal

            click.echo("\n".join(refusal(error)), err=True)
            return 1
        case _:
            raise error
