"""`deployer resume`: go on with an unfinished rollout, as it was planned."""

import os
import sys
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
    journal_path,
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
    from deployer.cli.applying import go_on
    from deployer.cli.carrying import Manner
    from deployer.cli.wiring import workplace
    from deployer.engine.load import load

    async def resume_last() -> int:
        loaded = load(manifest, env=os.environ, stdin=sys.stdin)
        async with workplace(loaded, journal_path(manifest, journal), verbose=verbose) as place:
            return await go_on(place, Manner(as_json, quiet, seconds(timeout), manifest), failed=failed)

    return anyio.run(resume_last)
