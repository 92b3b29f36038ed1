"""What may befall in one run, drawn from its seed: a few kinds of misfortune, and much or little of each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

# How likely each kind is where it is drawn: of a point of a process, a journey of a request, a request that arrives.
KINDS: Final = {
    "kill": 0.06,
    "still": 0.04,
    "jump": 0.02,
    "commit": 0.03,  # a commit whose answer is lost
    "lost": 0.3,  # of a process that ends: the journal is lost, and begun anew
    "gap": 0.0,  # a stop between the last check and the write, against which nothing helps
    "unreachable": 0.08,
    "vanish": 0.08,  # a request that never arrives
    "slow": 0.15,  # one that arrives late, and yet in time
    "silent": 0.08,  # an answer that never comes
    "late": 0.08,  # applied only after its sender has given up
    "broken": 0.12,  # an answer of 5xx, applied or not
    "garbled": 0.08,
    "half": 0.06,
    "throttled": 0.08,
    "twice": 0.05,  # a PUT that a proxy sends once more, perhaps late
    "doubled": 0.0,  # a POST likewise, against which nothing helps
    "edit": 0.05,
    "rename": 0.03,
    "switch": 0.03,  # on or off
    "remove": 0.02,
    "start": 0.03,
}
# The same of what was added later: drawn by itself, so that an older seed's run stays what it was.
ADDED: Final = {
    "unread": 0.1,  # a secret that cannot be read
    "copied": 0.3,  # of a process that ends: somebody keeps a copy of the journal, and restores it once it is lost
}
SHARE: Final = 0.4  # of the kinds are in one run
OUTAGE: Final = 3.0  # how much more likely everything is in the worst run


@dataclass(slots=True)
class Weather:
    """The likelihood of each kind now, and how often each struck."""

    odds: dict[str, float]
    intent: float  # seconds, as the manifest has them
    timeout: float
    settle: float
    lag: float
    stall: float
    struck: Counter[str] = field(default_factory=Counter)
    beyond: float = 1.0  # how much later effects come, and longer lists lag, than the manifest says
    calm: bool = False

    def strikes(self, chance: Random, kind: str) -> bool:
        """Tell whether a kind of misfortune strikes now."""
        return not self.calm and chance.random() < self.odds.get(kind, 0.0)

    def count(self, kind: str) -> None:
        """Count that something befell."""
        self.struck[kind] += 1

    def stillness(self, chance: Random) -> float:
        """Draw for how long a process stands still: around every deadline there is."""
        longest = chance.choice((self.intent, self.stall / 2, self.stall, self.timeout, self.timeout + self.settle))
        return chance.uniform(0.5, 1.5) * longest

    def lateness(self, chance: Random, timeout: float) -> float:
        """Draw after how many seconds a request is applied whose sender has given up."""
        return chance.uniform(0.0, timeout + self.settle * self.beyond) * 0.999


def drawn(
    chance: Random, added: Random, *, intent: float, timeout: float, settle: float, lag: float, stall: float
) -> Weather:
    """Draw a run's weather; of what was added later, by a chance of its own."""
    odds = _odds(chance, KINDS) | _odds(added, ADDED)
    return Weather(odds, intent, timeout, settle, lag, stall)


def _odds(chance: Random, kinds: Mapping[str, float]) -> dict[str, float]:
    severity = chance.choice((0.3, 1.0, OUTAGE))
    return {kind: min(0.5, likely * severity) for kind, likely in kinds.items() if chance.random() < SHARE}


@dataclass(frozen=True, slots=True)
class Bent:
    """How a run differs from what its seed says: odds that are set, and how much later things come than promised.

    `alone` says whether one process works at a time, `rebuilt` whether a journal that is lost is rebuilt, and plans are
    made under faults, or the old plan is begun anew; None leaves that to the seed.
    """

    odds: Mapping[str, float] = field(default_factory=dict)
    beyond: float = 1.0
    alone: bool | None = None
    rebuilt: bool | None = None
    rivals: bool = False  # two journals at a time, as if nothing kept those apart who work on one account
    kind: str = ""
