"""`deployer resume`: go on with an unfinished rollout, as it was planned."""

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
@click.option("--failed", is_flag=True, help="Try failed tenants again too.")
def resume(  # noqa: PLR0913 - one argument per option
    *,
    manifest: Path,
    journal: str | None,
    as_json: bool,
    quiet: bool,
    verbose: int,
    timeout: str | None,
    failed: bool,
) -> int:
    """Go on with the unfinished rollout of MANIFEST as it was planned, whatever was edited since.

    Accounts and tokens are taken from MANIFEST, everything else from the plan in the journal.
    """
    from deployer.api import rollouts
    from deployer.cli.carrying import Manner, carry
    from deployer.cli.wiring import loaded, opened

    async def resume_last() -> int:
        async with opened(loaded(manifest, tenants=False), journal=journal, verbose=verbose) as place:
            last = await rollouts.demand_unfinished(place, failed=failed)
            await rollouts.demand_template(place, last)
            if failed:
                await rollouts.retry(place, last)
            return await carry(place, last, Manner(as_json, quiet, seconds(timeout), manifest))

    return anyio.run(resume_last)
