"""`deployer run`: run every instance once, and follow the jobs."""

from typing import TYPE_CHECKING

import anyio

from deployer.cli.manner import Manner, carrying, freezing, scoped, spreading
from deployer.cli.options import JOURNAL, MANIFEST, command, together

if TYPE_CHECKING:
    from deployer.api.loading import Scope


@command(
    "deployer run rollout.yaml",
    "deployer run rollout.yaml --tenant acme --timeout 30m",
)
@together(MANIFEST, JOURNAL)
@scoped
@carrying
@freezing
@spreading
def run(*, manner: Manner, scope: "Scope", journal: str | None) -> int:
    """Run every tenant's deployed flow once, and follow the jobs to their end.

    Interrupted, the same command goes on; no flow is started a second time.
    """
    from deployer.api.freezing import demand_thawed
    from deployer.api.loading import load
    from deployer.api.rollouts import run_rollout
    from deployer.cli.carrying import carry
    from deployer.cli.wiring import opened

    async def start() -> int:
        async with opened(load(manner.manifest, scope=scope), journal=journal, manner=manner) as place:
            demand_thawed(place, manner.despite)
            return await carry(place, await run_rollout(place), manner)

    return anyio.run(start)
