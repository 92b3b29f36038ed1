"""`deployer worker`: carry out rollouts that were left to the workers of a journal on Postgres."""

import os
import sys
from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, VERBOSE, together


@click.command()
@together(JOURNAL)
@click.option(
    "--concurrency", type=click.IntRange(1, 100), default=5, show_default=True, help="Accounts worked on at a time."
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where files lie that manifests name, such as tokens; else here.",
)
@together(VERBOSE)
def worker(*, journal: str | None, concurrency: int, directory: Path, verbose: int) -> int:
    """Carry out rollouts that were left to the workers of a journal on Postgres, until SIGTERM or Ctrl-C.

    Start as many as you like, on as many machines: each account is worked on by one of them at a time, and whatever one
    leaves behind, however it dies, another takes over. The tokens that manifests name have to be here too.
    """
    from deployer.cli.serving import serve

    return anyio.run(serve, journal, concurrency, directory, verbose, os.environ, sys.stderr)
