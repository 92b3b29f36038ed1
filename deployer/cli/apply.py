"""`deployer apply`: roll out, or go on where the last apply ended."""

import os
from pathlib import Path

import anyio
import click

from deployer.cli.options import (
    ALLOW,
    JOURNAL,
    JSON,
    MANIFEST,
    NO_INPUT,
    OURS,
    QUIET,
    RECREATE,
    THEIRS,
    TIMEOUT,
    VERBOSE,
    YES,
    seconds,
    together,
)


@click.command()
@together(MANIFEST, JOURNAL, JSON, YES, NO_INPUT, QUIET, VERBOSE, TIMEOUT, RECREATE, OURS, THEIRS, ALLOW)
@click.option("--plan", "digest", metavar="DIGEST", help="Apply this saved plan and no other; never plans again.")
@click.option("--failed", is_flag=True, help="Try the failed tenants of the last rollout again.")
@click.option("--supersede", is_flag=True, help="Settle an unfinished rollout of another plan, leave it, start anew.")
def apply(  # noqa: PLR0913 - one argument per option
    *,
    manifest: Path,
    journal: str | None,
    as_json: bool,
    yes: bool,
    no_input: bool,
    quiet: bool,
    verbose: int,
    timeout: str | None,
    recreate: tuple[str, ...],
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    allow: tuple[str, ...],
    digest: str | None,
    failed: bool,
    supersede: bool,
) -> int:
    """Roll the template out to every tenant of MANIFEST, or go on where the last apply ended.

    Shows the plan and asks before anything is sent. After Ctrl-C, a crash or a power failure, the same command goes on.
    """
    from deployer.api.decisions import choices
    from deployer.cli.applying import Applying, Wish
    from deployer.cli.carrying import Manner
    from deployer.cli.wiring import loaded, opened

    async def roll_out() -> int:
        work = loaded(manifest)
        decided = choices(work, recreate=recreate, ours=ours, theirs=theirs)
        ask = not (no_input or os.environ.get("CI"))
        wish = Wish(decided, digest, failed=failed, supersede=supersede, yes=yes, allow=frozenset(allow), ask=ask)
        manner = Manner(as_json, quiet, seconds(timeout), manifest)
        async with opened(work, journal=journal, verbose=verbose) as place:
            return await Applying(place, wish, manner).go()

    return anyio.run(roll_out)
