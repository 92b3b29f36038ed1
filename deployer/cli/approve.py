"""`deployer approve`: let the next wave begin."""

from functools import partial
from pathlib import Path

import anyio
import click

from deployer.cli.completing import complete_plan, complete_wave
from deployer.cli.options import JOURNAL, MANIFEST, command, together
from deployer.domain.command import typed


@command(
    "deployer approve rollout.yaml --plan b5dcfeb3989d",
    "deployer approve rollout.yaml --plan b5dcfeb3989d --wave canary",
)
@together(MANIFEST, JOURNAL)
@click.option(
    "--plan",
    "digest",
    metavar="DIGEST",
    required=True,
    help="The plan that is approved; deployer status names it.",
    shell_complete=complete_plan,
)
@click.option(
    "--wave",
    shell_complete=complete_wave,
    metavar="NAME",
    help="The wave after which to go on; the one that waits, if none is named.",
)
def approve(*, manifest: Path, journal: str | None, digest: str, wave: str | None) -> None:
    """Approve what a wave of MANIFEST's rollout did, so that the next may begin.

    Name the plan that is rolled out, as `deployer status` shows it: nobody approves what was planned since.
    """
    from deployer.api.control import approve as approve_wave
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.report.text import plain

    ask = partial(approve_wave, wave=wave, digest=digest)
    said = anyio.run(ask, journal_home(manifest, journal), name_in(manifest))
    click.echo(plain(f"{said}; go on with: {typed('resume', manifest)}"))
