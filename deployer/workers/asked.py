"""What the accounts of a rollout are asked by workers, from samples that come some seconds late."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

from deployer.domain.samples import Sample
from deployer.report.forecast import Lane
from deployer.report.tally import Budget

_LATE: Final = 2.0  # seconds after which a sample may come that is not late


@dataclass(slots=True)
class _Account:
    """An account's requests until the last sample, what they were refused, and the moment that sample was read."""

    number: int
    sent: int = 0
    throttled: int = 0
    last: Sample | None = None
    read: float = 0.0

    def add(self, sample: Sample, now: float) -> None:
        """Take in the next sample."""
        self.sent += sample.requests
        self.throttled += sample.throttled
        self.last, self.read = sample, now

    def since(self, now: float) -> float:
        """Return how many requests went out since, if it goes on like that: at most for as long as the sample took."""
        if self.last is None:
            return 0.0
        seconds = max(self.last.seconds, _LATE)
        return min(now - self.read, seconds) * self.last.requests / seconds

    def in_flight(self, now: float) -> int:
        """Return how many requests were on the wire at once, unless that was long ago."""
        if self.last is None or now - self.read > self.last.seconds + _LATE:
            return 0
        return self.last.in_flight


class Asked:
    """What the accounts were asked so far, and about how much since the workers wrote that down last."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._at_work: frozenset[str] = frozenset()
        self._at_once, self._in_turns = 0, False

    def working(self, at_work: Collection[str], *, waiting: int) -> None:
        """Note which accounts workers are at, and how many others wait; one that nobody is at is asked nothing."""
        self._at_work = frozenset(at_work)
        self._at_once = max(self._at_once, len(self._at_work))
        self._in_turns |= bool(at_work and waiting)  # where nobody is at any, the first may only just be queued

    def add(self, samples: Iterable[Sample], now: float) -> None:
        """Take in samples that were read at a moment."""
        for sample in samples:
            self._accounts.setdefault(sample.account, _Account(len(self._accounts))).add(sample, now)

    def budget(self, now: float) -> Budget:
        """Return what was sent and may be sent; how much of that at once, only the workers know."""
        accounts = self._accounts.items()
        lanes = {name: Lane(each.number, each.last.limit) for name, each in accounts if each.last}
        return Budget(
            sent=round(sum(each.sent + (each.since(now) if name in self._at_work else 0.0) for name, each in accounts)),
            throttled=sum(each.throttled for _, each in accounts),
            in_flight=sum(each.in_flight(now) for _, each in accounts),
            paused_for=0.0,
            rate=sum(lane.rate for lane in lanes.values()),
            lanes=lanes,
            at_once=self._at_once if self._in_turns else inf,
            at_work=self._at_work,
        )
