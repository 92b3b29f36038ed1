"""Options that several commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deployer.cli.completing import complete_tenant
from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.telemetry.asked import Scrape

Command = TypeVar("Command", bound=Callable[..., Any])

MANIFEST = click.argument(
    "manifest", type=click.Path(path_type=Path, dir_okay=False), default=Path("rollout.yaml"), required=False
)
JOURNAL = click.option(
    "--journal",
    metavar="WHERE",
    envvar="DEPLOYER_JOURNAL",
    help="A file, or the URL of a Postgres database; .deployer/journal.db beside the manifest.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
NO_INPUT = click.option("--no-input", is_flag=True, help="Never ask: fail where a question would come. CI implies it.")
QUIET = click.option("--quiet", "-q", is_flag=True, help="No progress, only the result.")
VERBOSE = click.option("--verbose", "-v", count=True, help="Log more: -v tenants, -vv every step and request.")
TIMEOUT = click.option("--timeout", metavar="DURATION", help="Start nothing new after so long, such as 30m; exit 5.")
METRICS = click.option(
    "--metrics",
    metavar="WHERE",
    help="Show Prometheus metrics: at ADDRESS:PORT, or :PORT of this machine alone, or in FILE.prom.",
)
RECREATE = click.option(
    "--recreate",
    multiple=True,
    metavar="TENANT",
    help="Make this tenant's flow again; it was deleted outside.",
    shell_complete=complete_tenant,
)


def _ending(name: str, values: str) -> Callable[[Command], Command]:
    """Return an option that ends conflicts of the tenants it names."""
    help_ = f"End its conflicts, or that of one field, with {values}."
    return click.option(name, multiple=True, metavar="TENANT[:FIELD]", help=help_, shell_complete=complete_tenant)


OURS, THEIRS = _ending("--ours", "the manifest's values"), _ending("--theirs", "the live values")
FORMER = _ending("--ours", "what stood before")
DESPITE = click.option(
    "--despite-freeze", "despite", metavar="REASON", help="Begin although the manifest has a freeze now, and say why."
)
NOT_ON = click.option("--not-on", metavar="REVISION", help="Leave out whose flow is on this revision of the template.")


class Exemplified(click.Command):
    """A command whose help ends with lines to type; what follows a `#` in one says what it is for."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), stays: bool = False, **rest: Any) -> None:  # noqa: ANN401 - as click has it
        super().__init__(*args, **rest)
        self.examples = examples
        self.stays = stays

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever the command gives
        """Call the command, and show what it is at until it has something to show, unless it stays for good."""
        manifest = ctx.params.get("manifest")
        if manifest is None or self.stays or ctx.params.get("quiet"):
            return super().invoke(ctx)
        from deployer.cli.meanwhile import shown

        with shown(ctx, f"reading {manifest}"):
            return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"  {line}\n")  # whole, since it is for a person to copy


def command(*examples: str, stays: bool = False) -> Callable[[Callable[..., Any]], Exemplified]:
    """Return the decorator of a command that is called as its function is; with `stays` it waits for what may come."""
    return click.command(cls=Exemplified, examples=examples, stays=stays)


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return one decorator for several options, shown in the order they are given."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def scrape(where: str | None) -> "Scrape | None":
    """Return where Prometheus finds metrics, if that was said; raise UsageError where that is nowhere."""
    if where is None:
        return None
    from deployer.telemetry.asked import Scrape

    return Scrape.of(where)


def seconds(duration: str | None) -> float | None:
    """Return a duration such as 30m in seconds; raise UsageError for anything else."""
    from deployer.domain.model import span

    try:
        return None if duration is None else span(duration)
    except ValueError as error:
        raise UsageError(f"--timeout {duration}: {error}") from None
