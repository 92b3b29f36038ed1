"""`deployer run`: run every instance once, and follow the jobs."""

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
from deployer.errors import GuardError


@click.command()
@together(MANIFEST, JOURNAL, JSON, QUIET, VERBOSE, TIMEOUT)
def run(*, manifest: Path, journal: str | None, as_json: bool, quiet: bool, verbose: int, timeout: str | None) -> int:
    """Run every tenant's deployed flow once, and follow the jobs to their end.

    Interrupted, the same command goes on; no flow is started a second time.
    """
    from deployer.cli.carrying import Manner, carry
    from deployer.cli.wiring import Workplace, workplace
    from deployer.engine.load import load
    from deployer.engine.planning import plan_runs, recall
    from deployer.engine.rollouts import UNFINISHED, begin
    from deployer.journal.protocol import Rollout

    async def begun(place: Workplace) -> Rollout:
        last = await place.journal.latest(place.loaded.manifest.name)
        if last and last.outcome in UNFINISHED:
            if last.kind == "run":
                return last
            raise GuardError(f"rollout {last.id} is unfinished", remedy=f"finish it first: deployer resume {manifest}")
        remembered = await recall(place.loaded, place.journal)
        plan = await plan_runs(place.loaded, place.accounts, remembered, place.clock.utc())
        return await begin(place.journal, place.clock, plan, kind="run", chance=place.chance)

    async def start() -> int:
        loaded = load(manifest, env=os.environ, stdin=sys.stdin)
        async with workplace(loaded, journal_path(manifest, journal), verbose=verbose) as place:
            manner = Manner(as_json, quiet, seconds(timeout), manifest)
            return await carry(place, await begun(place), manner)

    return anyio.run(start)
