"""What the steps of a rollout cost in requests, and how many are left, from what was sent for those that are behind."""

from dataclasses import dataclass
from typing import Final

from deployer.domain.lifecycle import State, StepKind

_SLOTS: Final = 8  # requests that are always under way
_DEAREST: Final = 2.0  # times what is planned
_POLLED: Final = 1.0  # the same where jobs are polled: what is beyond is sent because there is room for it
# Requests of one step where all is new: what it costs beside others, since what steps cost in fact is measured.
_COSTS: Final = {
    StepKind.CLONE: 2,
    StepKind.CREATE: 2,
    StepKind.COPY: 2,
    StepKind.ADJUST: 2,
    StepKind.CONFIGURE: 1,
    StepKind.RUN: 1,
    StepKind.FOLLOW: 3,
    StepKind.DELETE: 2,
}
_BEHIND: Final = frozenset({State.DONE, State.FAILED, State.UNKNOWN, State.SKIPPED})


@dataclass(slots=True)
class _Share:
    """What a tenant's steps cost that are behind, and half of the one that is under way."""

    behind: float = 0.0
    begun: float = 0.0

    @property
    def all(self) -> float:
        return self.behind + self.begun


class Costs:
    """Requests for each that is planned: what was sent is fitted by what is behind, and by how many tenants run.

    Those have requests ahead of what is behind, and how many each, only the fit tells: tenants may go in step, or all
    wait for the same. As long as little is behind, a step is taken to cost what is planned.
    """

    def __init__(self) -> None:
        self.rested = 0
        self._of_running = self._of_rested = 0.0  # what steps cost that are behind
        self._running: dict[str, _Share] = {}
        self._polls = False
        self._most = 0  # tenants that ran at once
        self._samples = 0
        self._behind2 = self._behind_running = self._sent_behind = 0.0  # sums of squares and products
        self._running2 = self._sent_running = 0

    @property
    def known(self) -> bool:
        """Tell whether any step of a tenant that rests is behind."""
        return self._of_rested > 0

    @property
    def _behind(self) -> float:
        return self._of_rested + self._of_running

    @property
    def tenant(self) -> float:
        """Return how many requests a tenant takes."""
        return self.each * self._of_rested / self.rested

    def step(self, tenant: str, step: StepKind, state: State) -> None:
        """Note that a step of a tenant's moved: one that is under way is half behind."""
        share = self._running.setdefault(tenant, _Share())
        before = share.all
        share.begun = _COSTS[step] / 2 if state is State.INTENDED else 0.0
        share.behind += _COSTS[step] if state in _BEHIND else 0
        self._of_running += share.all - before
        self._polls |= step is StepKind.FOLLOW

    def rest(self, tenant: str) -> None:
        """Note that a tenant came to rest."""
        share = self._running.pop(tenant, _Share())
        self.rested += 1
        self._of_rested += share.behind
        self._of_running -= share.all

    def sample(self, sent: int, running: int) -> None:
        """Note how many requests were sent until now, and how many tenants run."""
        self._samples += 1
        self._most = max(self._most, running)
        self._behind2 += self._behind**2
        self._running2 += running**2
        self._behind_running += self._behind * running
        self._sent_behind += sent * self._behind
        self._sent_running += sent * running

    @property
    def each(self) -> float:
        """Return how many requests there are for each that is planned."""
        return min(_POLLED if self._polls else _DEAREST, self._fitted)

    @property
    def _fitted(self) -> float:
        """Return the same by least squares, one being what is known beforehand: as surely as tenants go in step."""
        known = self._samples * (_SLOTS + self._most) ** 2
        behind2, running2 = self._behind2 + known, self._running2 + self._samples
        product = (self._sent_behind + known) * running2 - self._behind_running * self._sent_running
        return max(0.0, product / (behind2 * running2 - self._behind_running**2)) if self._samples else 1.0

    def left(self, sent: int, running: int) -> float:
        """Return how many requests the tenants still take that run, of which some may be sent already."""
        ahead = max(0.0, sent - self.each * self._behind)
        if self._fitted > self.each:  # polls that nobody needed are not ahead of anything
            ahead = min(ahead, _SLOTS + self._most, running)
        return max(0.0, running * self.tenant - self.each * self._of_running - ahead)
