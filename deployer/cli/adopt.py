"""`deployer adopt`: take a flow over that is there already."""

from pathlib import Path

import anyio
import click

from deployer.cli.completing import complete_flow, complete_tenant
from deployer.cli.manner import Manner, carrying, freezing
from deployer.cli.options import JOURNAL, NO_INPUT, YES, command, together


@command(
    "deployer adopt acme 5f0000000000000000000f01 rollout.yaml",
    "deployer adopt acme 5f0000000000000000000f01 --ours --yes",
)
@click.argument("tenant", shell_complete=complete_tenant)
@click.argument("flow", shell_complete=complete_flow)
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False), default=Path("rollout.yaml"))
@together(JOURNAL, YES, NO_INPUT)
@click.option("--ours", is_flag=True, help="Write the manifest's values where the flow has others.")
@click.option("--theirs", is_flag=True, help="Leave the flow's values where the manifest has others.")
@carrying
@freezing
def adopt(  # noqa: PLR0913 - one argument per option
    *,
    manner: Manner,
    tenant: str,
    flow: str,
    journal: str | None,
    yes: bool,
    no_input: bool,
    ours: bool,
    theirs: bool,
) -> int:
    """Take FLOW over as the flow of TENANT, as if it had been deployed from MANIFEST.

    Shows what that changes, and asks. Where the flow and the manifest have different values, say --ours or --theirs.
    """
    from deployer.api.decisions import choices
    from deployer.api.loading import load
    from deployer.api.parting import demand_adoptable, demand_finished, taking_over
    from deployer.cli.applying import Applying, Wish
    from deployer.cli.asking import may_ask
    from deployer.cli.wiring import opened

    async def take_over() -> int:
        loaded = taking_over(load(manner.manifest), tenant, flow)
        decided = choices(loaded, ours=[tenant] * ours, theirs=[tenant] * theirs)
        ask = may_ask(no_input=no_input)
        wish = Wish(decided, None, failed=False, supersede=False, yes=yes, allow=frozenset(), ask=ask, verb="adopt")
        async with opened(loaded, journal=journal, manner=manner) as place:
            await demand_finished(place)
            await demand_adoptable(place, flow)
            return await Applying(place, wish, manner).go()

    return anyio.run(take_over)
