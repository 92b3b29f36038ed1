"""What people say to a rollout while it goes, and it to them, and what of that holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self


class Verb(StrEnum):
    """What is said."""

    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    EXCLUDE = "exclude"
    THAW = "thaw"
    TOLD = "told"  # said to people, by whoever came to a gate that asks something of them


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing that was said, by whom and when (UTC, ISO-8601), under an id of its own.

    `about` names a wave or a tenant, says why, or what was asked.
    """

    id: str
    rollout: str
    verb: Verb
    about: str
    who: str
    at: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds: by whom it is paused, if at all; the waves that were approved, the tenants that are excluded.

    `thawed` is why it goes on despite a freeze, as it was said last; `told` is what people were asked.
    """

    paused: Instruction | None = None
    approved: Mapping[str, Instruction] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    thawed: Instruction | None = None
    told: frozenset[str] = frozenset()

    @classmethod
    def of(cls, instructions: Iterable[Instruction]) -> Self:
        """Fold what was said, oldest first: the last word on a pause counts, and the first on anything else."""
        paused: Instruction | None = None
        thawed: Instruction | None = None
        approved: dict[str, Instruction] = {}
        excluded: set[str] = set()
        told: set[str] = set()
        for said in instructions:
            match said.verb:
                case Verb.PAUSE:
                    paused = said
                case Verb.RESUME:
                    paused = None
                case Verb.APPROVE:
                    approved.setdefault(said.about, said)
                case Verb.EXCLUDE:
                    excluded.add(said.about)
                case Verb.THAW:
                    thawed = said
                case Verb.TOLD:
                    told.add(said.about)
        return cls(paused, approved, frozenset(excluded), thawed, frozenset(told))
