"""Who may begin in a wave: as many tenants at once, and as many failures, as it bounds, over all who work on it."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeAlias

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.waves import Wave
from deployer.journal.protocol import Admitted

_FAILURES = frozenset({Status.FAILED, Status.UNKNOWN})
_AGAIN = 0.25  # seconds after which others may have made room

Ask: TypeAlias = Callable[[Deployment], Awaitable[Admitted]]
"""Asks the journal whether a tenant may begin, which counts it as in flight from then on."""


class Admission:
    """The bounds of a wave, or of none, while it is carried out: the journal checks them as it lets a tenant in.

    `failed` tenants there are already; where the wave is `shared`, others work on it at the same time.
    """

    def __init__(
        self, wave: Wave | None = None, ask: Ask | None = None, *, failed: int = 0, shared: bool = False
    ) -> None:
        self.failed = failed
        self.patience = _AGAIN if wave and shared else inf
        self._wave = wave
        self._ask = ask
        self._closed = False
        self._wakes: list[Callable[[], None]] = []

    @property
    def is_bounded(self) -> bool:
        """Tell whether anybody may have to wait."""
        return self._wave is not None

    @property
    def is_broken(self) -> bool:
        """Tell whether more failed than is tolerated."""
        return self._wave is not None and self._wave.is_broken(self.failed)

    @property
    def is_over(self) -> bool:
        """Tell whether nobody will be let in any more."""
        return self._closed or self.is_broken

    async def admits(self, deployment: Deployment) -> bool:
        """Let a tenant begin, or not now."""
        if self.is_over:
            return False
        if self._ask is None:
            return True
        admitted = await self._ask(deployment)
        self.failed = max(self.failed, admitted.failed)
        if admitted.closed:
            self.close()
        return admitted.granted and not self.is_over

    def rested(self, deployment: Deployment, *, anew: bool) -> None:
        """Count a tenant that has nothing left to do, if that is `anew`, and let the next one begin."""
        if deployment.status not in OPEN:
            self.failed += anew and deployment.status in _FAILURES
            self._wake()

    def close(self) -> None:
        """Let nobody in any more: what has begun goes on."""
        self._closed = True
        self._wake()

    def watch(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever somebody more may begin, or nobody any more."""
        self._wakes.append(wake)

    def _wake(self) -> None:
        if self.is_bounded:
            for wake in self._wakes:
                wake()
