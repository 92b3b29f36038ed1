"""`deployer resume`: go on with an unfinished rollout, as it was planned."""

import anyio
import click

from deployer.cli.manner import Manner, carrying, freezing, spreading
from deployer.cli.options import JOURNAL, MANIFEST, command, together


@command(
    "deployer resume rollout.yaml",
    "deployer resume rollout.yaml --failed   # once the cause is mended",
)
@together(MANIFEST, JOURNAL)
@carrying
@freezing
@spreading
@click.option("--failed", is_flag=True, help="Try failed tenants again too.")
def resume(*, manner: Manner, journal: str | None, failed: bool) -> int:
    """Go on with the unfinished rollout of MANIFEST as it was planned, whatever was edited since.

    Accounts and tokens are taken from MANIFEST, everything else from the plan in the journal.
    """
    from deployer.api import rollouts
    from deployer.api.freezing import demand_thawed
    from deployer.api.loading import Scope, load
    from deployer.cli.carrying import carry
    from deployer.cli.wiring import opened

    async def resume_last() -> int:
        loaded = load(manner.manifest, scope=Scope(tenants=False))
        async with opened(loaded, journal=journal, manner=manner) as place:
            last = await rollouts.demand_unfinished(place, failed=failed)
            if last.kind != "rollback":
                demand_thawed(place, manner.despite)
            await rollouts.demand_template(place, last)
            if failed:
                await rollouts.retry(place, last)
            return await carry(place, last, manner)

    return anyio.run(resume_last)
