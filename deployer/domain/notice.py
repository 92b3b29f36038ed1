"""Notices: what people are told of a rollout, or of a night that failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from deployer.domain.documents import canonical
from deployer.domain.firing import Firing
from deployer.domain.notify import Occasion


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is told: times are UTC, ISO-8601; `command` is what to type next, if anything.

    Of a failed night only the `firing` is known for certain: it may have begun no rollout.
    """

    occasion: Occasion
    at: str
    name: str
    outcome: str
    reason: str = ""
    rollout: str = ""
    kind: str = ""
    plan: str = ""
    who: str = ""
    started_at: str = ""
    wave: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    command: str = ""
    firing: Firing | None = None

    @property
    def id(self) -> str:
        """Return what two notices of the same have in common: who stops between telling and writing so tells again."""
        if self.firing is not None:
            same = [self.firing.of, self.firing.schedule, self.firing.local, self.outcome]
        else:
            same = [self.rollout, self.outcome, self.reason, self.wave, *(f"{k}={n}" for k, n in self.counts.items())]
        return sha256(canonical([self.occasion.value, *same]).encode()).hexdigest()[:24]
