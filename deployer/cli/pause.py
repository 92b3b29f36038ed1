"""`deployer pause`: let nothing more of a rollout begin."""

from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, MANIFEST, command, together
from deployer.domain.command import typed


@command(
    "deployer pause rollout.yaml",
    "deployer pause rollout.yaml && deployer status rollout.yaml",
)
@together(MANIFEST, JOURNAL)
def pause(*, manifest: Path, journal: str | None) -> None:
    """Pause the rollout of MANIFEST, here or in another process: what is in flight ends, nothing more begins.

    It stays paused until `deployer resume`.
    """
    from deployer.api.control import pause as pause_rollout
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.report.text import plain

    said = anyio.run(pause_rollout, journal_home(manifest, journal), name_in(manifest))
    click.echo(plain(f"{said}; go on with: {typed('resume', manifest)}"))
