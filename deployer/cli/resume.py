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
from deployer.errors import GuardError, UsageError


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
    from deployer.cli.carrying import Manner, carry
    from deployer.cli.wiring import workplace
    from deployer.engine.load import load
    from deployer.engine.planning import changed_templates
    from deployer.engine.rollouts import UNFINISHED, retry_failed

    async def go_on() -> int:
        loaded = load(manifest, env=os.environ, stdin=sys.stdin)
        async with workplace(loaded, journal_path(manifest, journal), verbose=verbose) as place:
            last = await place.journal.latest(loaded.manifest.name)
            if last is None or not (last.outcome in UNFINISHED or failed):
                raise UsageError(
                    f"no rollout of {loaded.manifest.name} is unfinished",
                    remedy=f"begin one: deployer apply {manifest}",
                )
            if last.kind == "apply" and loaded.document is None:  # a template from a file stands in the plan itself
                plan = await place.journal.plan(last.id)
                if changed := await changed_templates(plan, place.accounts, loaded):
                    raise GuardError(
                        f"the template in {', '.join(changed)} changed since the plan",
                        remedy=f"leave the rollout and start anew: deployer apply {manifest} --supersede",
                    )
            if failed:
                await retry_failed(place.journal, place.clock, last)
            return await carry(place, last, Manner(as_json, quiet, seconds(timeout), manifest))

    return anyio.run(go_on)
