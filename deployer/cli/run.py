"""`deployer run`: run every instance once, and follow the jobs."""

from pathlib import Path

import anyio
import click

from deployer.cli.options import (
    JOURNAL,
    JSON,
    MANIFEST,
    QUIET,
    TIMEOUT,
    VERBOSE,
    seconds,
    together,
)


@click.command()
@together(MANIFEST, JOURNAL, JSON, QUIET, VERBOSE, TIMEOUT)
def run(*, manifest: Path, journal: str | None, as_json: bool, quiet: bool, verbose: int, timeout: str | None) -> int:
    """Run every tenant's deployed flow once, and follow the jobs to their end.

    Interrupted, the same command goes on; no flow is started a second time.
    """
    from deployer.api.rollouts import run_rollout
    from deployer.cli.carrying import Manner, carry
    from deployer.cli.wiring import loaded, opened

    async def start() -> int:
        async with opened(loaded(manifest), journal=journal, verbose=verbose) as place:
            return await carry(place, await run_rollout(place), Manner(as_json, quiet, seconds(timeout), manifest))

    return anyio.run(start)
