"""`deployer report`: what became of a rollout, as one page that needs nothing else, or for programs."""

import sys
from functools import partial
from pathlib import Path
from typing import TextIO

import anyio
import click

from deployer.cli.completing import complete_rollout_id
from deployer.cli.options import JOURNAL, MANIFEST, command, together
from deployer.errors import UsageError

_FORMS = ("html", "json", "md", "csv", "junit")


@command(
    "deployer report rollout.yaml --output report.html",
    "deployer report rollout.yaml -o csv",
)
@together(MANIFEST, JOURNAL)
@click.option(
    "--rollout",
    metavar="ID",
    help="This rollout, instead of the last; its id may be cut short.",
    shell_complete=complete_rollout_id,
)
@click.option("-o", "form", type=click.Choice(_FORMS), default="html", show_default=True, help="What is written.")
@click.option("--output", "file", type=click.Path(path_type=Path), metavar="FILE", help="Where to, instead of stdout.")
def report(*, manifest: Path, journal: str | None, rollout: str | None, form: str, file: Path | None) -> None:
    """Write what became of a rollout: outcomes, times, requests, causes. Nothing is sent.

    It is read from the journal alone, also while another process carries the rollout out.
    """
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.api.reporting import reported
    from deployer.api.standing import find_standing
    from deployer.cli.meanwhile import hush, say
    from deployer.cli.showing import READ, passing
    from deployer.report.files import WRITERS, Report, demand_writable
    from deployer.report.text import plain

    if file is None and form == "html" and sys.stdout.isatty():
        raise UsageError("a page is nothing for a terminal", remedy="deployer report --output report.html")
    if file is not None and file.name in _FORMS:
        raise UsageError(f"--output takes a file, and {file} looks like a form", remedy=f"deployer report -o {file}")
    if file is not None:
        demand_writable(file, "the report")

    async def written() -> None:
        say("reading the journal")
        home = journal_home(manifest, journal)
        name = None if rollout else name_in(manifest)
        now = await find_standing(home, name=name, rollout=rollout)
        hush()
        with passing(now, quiet=file is None and sys.stdout.isatty()) as going_by:  # where it is written itself
            async with reported(now, watch=partial(going_by.see, READ)) as found:
                tenants = going_by.each(f"writing {file or 'it'}", found.tenants())
                write = partial(WRITERS[form], _stdout()) if file is None else Report(form, file).write
                await anyio.to_thread.run_sync(write, found.head, tenants)
        if file is not None:
            click.echo(f"wrote {plain(file)}", err=True)

    anyio.run(written)


def _stdout() -> TextIO:
    """Return standard output, to which lines go as they are, in UTF-8 as the page says."""
    stream = sys.stdout
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(encoding="utf-8", newline="")
    return stream
