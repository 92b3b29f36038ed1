"""`deployer exclude`: leave a tenant out of a rollout."""

from pathlib import Path

import anyio
import click

from deployer.cli.completing import complete_tenant
from deployer.cli.options import JOURNAL, command


@command("deployer exclude globex rollout.yaml")
@click.argument("tenant", shell_complete=complete_tenant)
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False), default=Path("rollout.yaml"))
@JOURNAL
def exclude(*, tenant: str, manifest: Path, journal: str | None) -> None:
    """Leave TENANT out of the rollout of MANIFEST: who has not begun is cancelled, who failed is skipped.

    The next plan has the tenant again.
    """
    from deployer.api.control import exclude as exclude_tenant
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.report.text import plain

    click.echo(plain(anyio.run(exclude_tenant, journal_home(manifest, journal), name_in(manifest), tenant)))
