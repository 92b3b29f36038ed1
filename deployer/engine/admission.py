"""Who may begin in a wave: as many tenants at once, and as many failures, as it bounds, over all its accounts."""

from collections.abc import Callable

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.waves import Wave

_FAILURES = frozenset({Status.FAILED, Status.UNKNOWN})


class Admission:
    """The bounds of a wave, or of none, while it is carried out.

    `failed` tenants there are already, and `begun` ones that nobody has to let in again.
    """

    def __init__(self, wave: Wave | None, *, strict: bool, failed: int = 0, begun: int = 0) -> None:
        self.failed = failed
        self._wave = wave
        self._strict = strict
        self._in_flight = begun
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

    def admits(self) -> bool:
        """Let one more tenant begin, or not now."""
        if self.is_over:
            return False
        if self._wave and not self._wave.room(self.failed, self._in_flight, strict=self._strict):
            return False
        self._in_flight += 1
        return True

    def rested(self, deployment: Deployment) -> None:
        """Count a tenant that has nothing left to do, and let the next one begin."""
        if deployment.status not in OPEN:
            self._in_flight -= 1
            self.failed += deployment.status in _FAILURES
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
