"""Lists of a whole account that many tenants look at: one is read for all who may rely on it."""

from dataclasses import dataclass, field

import anyio

from deployer.domain.documents import Document
from deployer.domain.resources import ResourceKind
from deployer.engine.clock import Clock
from deployer.integrator.client import Client
from deployer.integrator.wire import Done, Outcome


@dataclass(slots=True)
class Listings:
    """The exports and imports of an account, as they were listed last, and when that began by the boot clock."""

    _listed: dict[ResourceKind, tuple[float, tuple[Document, ...]]] = field(default_factory=dict)
    _reading: anyio.Lock = field(default_factory=anyio.Lock)

    async def parts(
        self, client: Client, clock: Clock, kind: ResourceKind, *, since: float
    ) -> Outcome[tuple[Document, ...]]:
        """Return a list that was begun at `since` or later: an older one does not show what was made meanwhile."""
        async with self._reading:
            began, documents = self._listed.get(kind, (float("-inf"), ()))
            if began >= since:
                return Done(documents, 200)
            began = clock.moment().at
            outcome = await client.parts(kind)
            if isinstance(outcome, Done):
                self._listed[kind] = (began, outcome.value)
            return outcome
