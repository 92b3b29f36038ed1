"""`deployer apply`: roll out, or go on where the last apply ended."""

from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.completing import complete_plan
from deployer.cli.manner import Manner, carrying, freezing, scoped, spreading
from deployer.cli.options import JOURNAL, MANIFEST, NO_INPUT, NOT_ON, OURS, RECREATE, THEIRS, YES, command, together

if TYPE_CHECKING:
    from deployer.api.loading import Scope


@command(
    "deployer apply rollout.yaml",
    "deployer apply rollout.yaml --plan b5dcfeb3989d --yes   # what was shown",
    "deployer apply rollout.yaml --label ring=canary --set batchSize=500",
    "deployer apply rollout.yaml --yes --json --report junit=out.xml",
)
@together(MANIFEST, JOURNAL, YES, NO_INPUT)
@scoped
@together(RECREATE, OURS, THEIRS, NOT_ON)
@click.option(
    "--plan",
    "digest",
    shell_complete=complete_plan,
    metavar="DIGEST",
    help="Apply this saved plan and no other; never plans again.",
)
@click.option("--failed", is_flag=True, help="Try the failed tenants of the last rollout again.")
@click.option("--supersede", is_flag=True, help="Settle an unfinished rollout of another plan, leave it, start anew.")
@carrying
@freezing
@spreading
def apply(  # noqa: PLR0913 - one argument per option
    *,
    manner: Manner,
    scope: "Scope",
    journal: str | None,
    yes: bool,
    no_input: bool,
    recreate: tuple[str, ...],
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    not_on: str | None,
    digest: str | None,
    failed: bool,
    supersede: bool,
) -> int:
    """Roll the template out to the tenants of MANIFEST, or go on where the last apply ended.

    Shows the plan and asks before anything is sent. After Ctrl-C, a crash or a power failure, the same command goes on.
    """
    from deployer.api.decisions import choices
    from deployer.api.loading import load
    from deployer.cli.applying import Applying, Wish
    from deployer.cli.asking import may_ask
    from deployer.cli.wiring import opened

    async def roll_out() -> int:
        loaded = load(manner.manifest, scope=scope)
        decided = choices(loaded, recreate=recreate, ours=ours, theirs=theirs, not_on=not_on)
        ask = may_ask(no_input=no_input)
        wish = Wish(decided, digest, failed=failed, supersede=supersede, yes=yes, allow=scope.allow, ask=ask)
        async with opened(loaded, journal=journal, manner=manner) as place:
            return await Applying(place, wish, manner).go()

    return anyio.run(roll_out)
