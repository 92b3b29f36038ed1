"""`deployer schedule`: what is done at which times, and the process that does it."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import click

from deployer.cli.completing import complete_schedule
from deployer.cli.firing import export, run
from deployer.cli.manner import Manner
from deployer.cli.options import JOURNAL, JSON, MANIFEST, Exemplified, together
from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.report.listing import Listing

_NAME = click.argument("name", shell_complete=complete_schedule)


@click.group()
def schedule() -> None:
    """Do things at set times: nightly applies, runs of every flow, drift checks.

    Schedules stand under schedules: in the manifest, or are added by hand. Workers on Postgres fire those that were
    put in force with schedule sync.
    """


@schedule.command(
    "list",
    cls=Exemplified,
    examples=("deployer schedule list rollout.yaml", "deployer schedule list rollout.yaml --json"),
)
@together(MANIFEST, JOURNAL, JSON)
def list_(*, manifest: Path, journal: str | None, as_json: bool) -> None:
    """Show what is in force, with its last firing and its next.

    Schedules of MANIFEST that are not in force are named.
    """
    from deployer.api.schedules import outlooks
    from deployer.report.schedules import SCHEDULES, schedule_row, time_row

    found = anyio.run(outlooks, *_asked(manifest, journal))
    rows = [schedule_row(each.kept, each.last, [time_row(each.kept, *one) for one in each.coming]) for each in found]
    _write(SCHEDULES, rows, manifest, as_json=as_json)
    _tell_of_the_rest(manifest, [each.kept.name for each in found])


@schedule.command(
    "next",
    cls=Exemplified,
    examples=("deployer schedule next rollout.yaml", "deployer schedule next rollout.yaml --limit 3"),
)
@together(MANIFEST, JOURNAL, JSON)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="So many times.")
def next_(*, manifest: Path, journal: str | None, as_json: bool, limit: int) -> None:
    """Show the times to come, in order.

    A time that clocks skip is fired right after that, one that they repeat is fired once.
    """
    from functools import partial

    from deployer.api.schedules import outlooks
    from deployer.report.schedules import NEXT, time_row

    found = anyio.run(partial(outlooks, most=limit), *_asked(manifest, journal))
    rows = [time_row(each.kept, *one) for each in found if not each.kept.pause for one in each.coming]
    _write(NEXT, sorted(rows, key=lambda row: str(row["at"]))[:limit], manifest, as_json=as_json)


@schedule.command(
    cls=Exemplified,
    examples=(
        "deployer schedule firings rollout.yaml",
        "deployer schedule firings rollout.yaml --name nightly --limit 5",
    ),
)
@click.option("--name", shell_complete=complete_schedule, metavar="NAME", help="Of this schedule alone.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="So many at most.")
@together(MANIFEST, JOURNAL, JSON)
def firings(*, name: str | None, limit: int, manifest: Path, journal: str | None, as_json: bool) -> None:
    """Show what became of each time, and why.

    The oldest is first.
    """
    from functools import partial

    from deployer.api import schedules
    from deployer.report.schedules import FIRINGS, firing_row

    home, rollout, _ = _asked(manifest, journal)
    found = anyio.run(partial(schedules.firings, home, rollout, name, limit=limit))
    _write(FIRINGS, map(firing_row, found), manifest, as_json=as_json)


@schedule.command(
    cls=Exemplified,
    examples=(
        'deployer schedule add hourly --do drift --cron "5 * * * *" --timezone UTC',
        'deployer schedule add runs --do run --cron "0 4 * * *" --timezone Asia/Tokyo',
    ),
)
@click.argument("name")
@together(MANIFEST, JOURNAL)
@click.option("--do", required=True, metavar="WHAT", help="apply, run or drift.")
@click.option("--cron", required=True, metavar="TIMES", help="Five fields, or six with a leading ?.")
@click.option("--timezone", required=True, metavar="ZONE", help="Such as Europe/Paris.")
@click.option(
    "--overlap",
    metavar="WHAT",
    default="skip",
    show_default=True,
    help="skip or queue what comes while one is under way.",
)
@click.option("--catch-up", metavar="DURATION", default="1h", show_default=True, help="How late a time may be fired.")
@click.option(
    "--jitter", metavar="DURATION", default="0s", show_default=True, help="By how much at most each is put off."
)
def add(*, name: str, manifest: Path, journal: str | None, **words: str) -> None:
    """Put a schedule in force that MANIFEST does not have."""
    from deployer.api import schedules
    from deployer.api.loading import load

    loaded = load(manifest)
    home, _, clock = _asked(manifest, journal)
    made = schedules.schedule_of(name, words)
    anyio.run(schedules.add, home, loaded, name, made, clock)
    click.echo(f"{name}: {made.said()}")


@schedule.command(cls=Exemplified, examples=("deployer schedule sync rollout.yaml",))
@together(MANIFEST, JOURNAL)
def sync(*, manifest: Path, journal: str | None) -> None:
    """Put the schedules of MANIFEST in force.

    Those that left it go out of force. schedule run does so as it starts; workers fire what was put in force.
    """
    from deployer.api.loading import load
    from deployer.api.schedules import take_up

    loaded = load(manifest)
    home, _, clock = _asked(manifest, journal)
    for kept in anyio.run(take_up, home, loaded, clock):
        click.echo(f"{kept.name}: {kept.schedule.said()}{' (added by hand)' if not kept.stated else ''}")


@schedule.command(cls=Exemplified, examples=("deployer schedule pause nightly rollout.yaml",))
@_NAME
@together(MANIFEST, JOURNAL)
def pause(*, name: str, manifest: Path, journal: str | None) -> None:
    """Let schedule NAME rest.

    Its times are skipped until it is resumed; that is written.
    """
    from deployer.api.schedules import pause as pause_schedule

    home, rollout, clock = _asked(manifest, journal)
    anyio.run(pause_schedule, home, rollout, name, clock)
    click.echo(f"{name} is paused; what is under way goes on")


@schedule.command(cls=Exemplified, examples=("deployer schedule resume nightly rollout.yaml",))
@_NAME
@together(MANIFEST, JOURNAL)
def resume(*, name: str, manifest: Path, journal: str | None) -> None:
    """Let schedule NAME fire again, from now on."""
    from deployer.api.schedules import resume as resume_schedule

    home, rollout, clock = _asked(manifest, journal)
    anyio.run(resume_schedule, home, rollout, name, clock)
    click.echo(f"{name} fires again")


@schedule.command(cls=Exemplified, examples=("deployer schedule remove hourly rollout.yaml",))
@_NAME
@together(MANIFEST, JOURNAL)
def remove(*, name: str, manifest: Path, journal: str | None) -> None:
    """Put a schedule out of force that was added by hand.

    What is written of its firings stays.
    """
    from deployer.api.schedules import drop

    home, rollout, _ = _asked(manifest, journal)
    anyio.run(drop, home, rollout, name)
    click.echo(f"{name} is removed")


def _asked(manifest: Path, journal: str | None) -> tuple[Any, str, Any]:
    """Return where the journal is, the rollout's name, and the clock."""
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.api.workplace import Office

    name = name_in(manifest)
    if name is None:
        raise UsageError("the manifest has no name that can be read", where=str(manifest))
    return journal_home(manifest, journal), name, Office().clock


def _write(listing: "Listing", rows: Iterable[Any], manifest: Path, *, as_json: bool) -> None:
    from deployer.cli.showing import list_width, out
    from deployer.report.listing import write_list
    from deployer.report.schedules import schedules_head

    form = "json" if as_json else "table"
    write_list(out(Manner(manifest)), form, listing, schedules_head(), rows, width=list_width())  # type: ignore[arg-type]  # one of two


def _tell_of_the_rest(manifest: Path, known: list[str]) -> None:
    """Say which schedules of the manifest are not in force."""
    from deployer.api.loading import load

    missing = [name for name in load(manifest).manifest.schedules if name not in known]
    if missing:
        said = f"not in force: {', '.join(missing)}; deployer schedule sync puts them, schedule run fires them"
        click.echo(said, file=sys.stderr)


schedule.add_command(run)
schedule.add_command(export)
