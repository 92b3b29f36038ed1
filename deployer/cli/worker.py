"""`deployer worker`: carry out rollouts that were left to the workers of a journal on Postgres."""

import os
import sys
from pathlib import Path

import anyio
import click

from deployer.cli.firing import HOOK
from deployer.cli.options import JOURNAL, METRICS, VERBOSE, command, scrape, together


@command(
    "deployer worker --concurrency 5",
    "deployer worker --directory . --on-failure ./tell",
)
@together(JOURNAL)
@click.option(
    "--concurrency", type=click.IntRange(1, 100), default=5, show_default=True, help="Accounts worked on at a time."
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where the manifests of schedules lie, and files that manifests name; else here.",
)
@together(HOOK, METRICS, VERBOSE)
def worker(
    *, journal: str | None, concurrency: int, directory: Path, hook: str | None, metrics: str | None, verbose: int
) -> int:
    """Carry out rollouts that were left to the workers of a journal on Postgres, until SIGTERM or Ctrl-C.

    Start as many as you like, on as many machines: each account is worked on by one of them at a time, and whatever one
    leaves behind, however it dies, another takes over. The tokens that manifests name have to be here too, and the
    manifests whose schedules were put in force: any worker may fire them.
    """
    from deployer.api.places import journal_home
    from deployer.cli.serving import Serving
    from deployer.cli.signalling import signals
    from deployer.workers.queue import address_of

    home = journal_home(directory / "rollout.yaml", journal)
    address_of(home)  # a file cannot be shared

    async def serve() -> int:
        with signals(shown) as found:
            return await Serving(home, concurrency, directory, verbose, hook, os.environ, sys.stderr, found).go()

    shown = scrape(metrics)
    return anyio.run(serve)
