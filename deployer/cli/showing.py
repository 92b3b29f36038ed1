"""Print how a rollout stands: a summary, a list, one JSON document, reports in files, annotations on GitHub."""

import shutil
import sys
from functools import partial
from typing import TextIO

import anyio.to_thread
import click

from deployer.api.reporting import reported
from deployer.api.rollouts import SavedPlan
from deployer.api.standing import Standing
from deployer.cli.manner import Manner
from deployer.cli.meanwhile import is_animated, say
from deployer.domain.outcome import exit_code
from deployer.report.annotations import NAMES, of_causes
from deployer.report.causes import gather
from deployer.report.columns import OUTCOMES, PLANNED
from deployer.report.listing import Form, write_list
from deployer.report.passing import Passing
from deployer.report.plan_view import plan_head, plan_tenant
from deployer.report.summary import summary_text
from deployer.report.text import plain, wrapped

READ = "reading the rollout"  # what is done first for a report
EACH = "--plan -o table"  # shows each tenant of what is undone or parted with, where --all is of tenants


async def show(now: Standing, manner: Manner, *, at_work: bool = False) -> int:
    """Print how a rollout stands as the manner asks for, and return the exit code."""
    say("adding up")
    if manner.reports:
        await _report(now, manner)
    if manner.form is None:
        text = partial(
            summary_text,
            now.head,
            width=columns(),
            manifest=str(manner.manifest),
            at_work=at_work,
        )
        click.echo(await now.feed(text, troubled=True), err=manner.to_stderr)
    else:
        form: Form = manner.form  # type: ignore[assignment]  # click lets no other pass
        await now.feed(partial(write_list, out(manner), form, OUTCOMES, now.head, width=list_width()))
    await _annotate(now)
    return exit_code(str(now.head["outcome"]))


async def _report(now: Standing, manner: Manner) -> None:
    with passing(now, quiet=manner.quiet) as going_by:
        async with reported(now, watch=partial(going_by.see, READ)) as found:
            for report in manner.reports:
                tenants = going_by.each(f"writing {report.path}", found.tenants())
                await anyio.to_thread.run_sync(report.write, found.head, tenants)


def passing(now: Standing, *, quiet: bool = False) -> Passing:
    """Return what tells how many tenants of a rollout a report has come to, where that takes its time."""
    return Passing(0 if quiet else sum(now.counts.values()), sys.stderr, live=is_animated(sys.stderr))


def show_plan(saved: SavedPlan, manner: Manner) -> None:
    """Print a plan that is not carried out, where standard output is for a list or a program."""
    if manner.form is not None:
        form: Form = manner.form  # type: ignore[assignment]  # click lets no other pass
        tenants = map(plan_tenant, saved.plan.tenants)
        write_list(out(manner), form, PLANNED, plan_head(saved.plan, saved.digest), tenants, width=list_width())


async def _annotate(now: Standing) -> None:
    """Leave the annotations of what went wrong with whoever called, if anybody wants them."""
    notes = click.get_current_context().obj
    if notes is not None:
        causes = await now.feed(partial(gather, names=NAMES), troubled=True)
        notes += of_causes(causes, rollout=now.rollout.name)


def tell(sentence: str) -> None:
    """Print a sentence to standard error, whole words a line."""
    for line in wrapped("", plain(sentence).split(" "), width=columns(), hang=0, gap=" "):
        click.echo(line, err=True)


def columns() -> int:
    """Return how wide text may be."""
    return shutil.get_terminal_size().columns


def list_width() -> int | None:
    """Return how wide a list may be: as a terminal is, and without bounds elsewhere."""
    return columns() if sys.stdout.isatty() else None


def out(manner: Manner) -> TextIO:
    """Return where results go, lines ending as they are written: CSV has ends of its own."""
    stream = sys.stderr if manner.to_stderr else sys.stdout
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(newline="")
    return stream
