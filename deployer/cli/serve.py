"""`deployer serve`: a page of what runs, what was and what comes, live, for a browser on this machine."""

import errno
from pathlib import Path
from signal import SIGINT, SIGTERM

import anyio
import click

from deployer.cli.options import JOURNAL, MANIFEST, command, together

_HOSTS = ("127.0.0.1", "::1", "localhost")


@command(
    "deployer serve rollout.yaml",
    "deployer serve rollout.yaml --allow-actions",
    "deployer serve --journal postgresql://journal.example/deployer",
    stays=True,
)
@together(MANIFEST, JOURNAL)
@click.option("--host", type=click.Choice(_HOSTS), default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8766, show_default=True, help="0 takes any free one.")
@click.option(
    "--allow-actions", is_flag=True, help="Let whoever has the address pause, resume, approve and abort rollouts."
)
def serve(*, manifest: Path, journal: str | None, host: str, port: int, allow_actions: bool) -> None:
    """Show the rollouts in MANIFEST's journal in a browser, live, until Ctrl-C.

    Only the journal is read, of this or any other process: no token is needed, and nothing is sent. The address that is
    printed holds a token of its own: who has it sees everything, and with --allow-actions may act.
    """
    from deployer.api.places import journal_home
    from deployer.api.schedules import SystemClock
    from deployer.api.watching import Watch
    from deployer.report.text import plain
    from deployer.web.guard import Guard
    from deployer.web.serving import serving
    from deployer.web.site import Site

    guard = Guard()
    home = journal_home(manifest, journal)
    site = Site(Watch(home), SystemClock(), str(manifest), _name(manifest), allow_actions, guard.check)

    async def show() -> None:
        async with serving(site, guard, host=host, port=port) as address:
            with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
                click.echo(plain(f"the dashboard of {home}: {address}"))
                if not allow_actions:
                    click.echo("nothing can be changed from it; --allow-actions lets it", err=True)
                click.echo("Ctrl-C ends it", err=True)
                async for _ in signals:
                    return

    try:
        anyio.run(show)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise click.UsageError(f"port {port} of {host} is taken; --port 0 takes any free one") from None


def _name(manifest: Path) -> str | None:
    """Return the name of the manifest's rollouts; None where it cannot be read: the journal is there all the same."""
    from deployer.api.loading import name_in
    from deployer.errors import DeployerError

    try:
        return name_in(manifest)
    except (DeployerError, OSError):
        return None
