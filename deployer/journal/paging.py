"""Go through what does not fit the memory, a page at a time."""

from collections.abc import AsyncIterator
from typing import Final

from deployer.domain.deployment import Deployment
from deployer.journal.protocol import Journal

_PAGE: Final = 500


async def every_deployment(
    journal: Journal, rollout: str, *, troubled: bool = False, wave: int | None = None
) -> AsyncIterator[Deployment]:
    """Yield the deployments of a rollout, or of a wave, in the order of the tenants' list: all, or those in trouble."""
    after = -1
    while page := await journal.deployments(rollout, after=after, limit=_PAGE, troubled=troubled, wave=wave):
        for deployment in page:
            yield deployment
        after = page[-1].place
