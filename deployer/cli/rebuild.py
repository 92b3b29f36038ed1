"""`deployer rebuild`: make a journal good again that was lost, or of which an older copy was restored."""

import sys
from functools import partial
from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, JSON, MANIFEST, NO_INPUT, QUIET, VERBOSE, YES, command, together


@command(
    "deployer rebuild rollout.yaml",
    "deployer rebuild rollout.yaml --yes --json",
)
@together(MANIFEST, JOURNAL, JSON, YES, NO_INPUT, QUIET, VERBOSE)
def rebuild(  # noqa: PLR0913 - one argument per option
    *, manifest: Path, journal: str | None, as_json: bool, yes: bool, no_input: bool, quiet: bool, verbose: int
) -> int:
    """Find every flow of MANIFEST again after the journal was lost, or an older copy of it was restored.

    Nothing is sent but reads. What the journal had left to do is left for the next plan, and no flow is run again:
    where nobody can know whether one ran, it says so.
    """
    from deployer.api.loading import load
    from deployer.api.repair import rebuild_journal
    from deployer.cli.asking import confirm, may_ask
    from deployer.cli.manner import Manner
    from deployer.cli.showing import columns
    from deployer.cli.wiring import opened
    from deployer.report.repair import Rebuilt
    from deployer.report.streamed import write_document

    if not yes:
        question = "Leave what the journal has unfinished, and find every flow again?"
        ask = may_ask(no_input=no_input)
        confirm(question, about="it", ask=ask)

    async def mend() -> int:
        report = Rebuilt((lambda _: None) if quiet else partial(click.echo, err=True))
        async with opened(load(manifest), journal=journal, manner=Manner(manifest, verbose=verbose)) as place:
            report.undecided = await rebuild_journal(place, report)
            report.refused = place.accounts.reasons
        if as_json:
            write_document(sys.stdout, report.head, report.tenants)
        else:
            click.echo(report.text(width=columns(), manifest=str(manifest)))
        return 3 if report.undecided or report.refused else 0

    return anyio.run(mend)
