"""Who is told, by a webhook, that a rollout needs a person or needs nobody any more."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from deployer.domain.deployment import Status
from deployer.domain.model import Part

_WHERE: Final = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+|command:.+)")


class Occasion(StrEnum):
    """What somebody may be told of."""

    FINISHED = "finished"
    HALTED = "halted"
    WAITING = "waiting"
    FAILED_NIGHT = "failed_night"


_OCCASIONS: Final[Mapping[str, Occasion]] = {
    "succeeded": Occasion.FINISHED,
    "succeeded_with_failures": Occasion.FINISHED,
    "failed": Occasion.FINISHED,
    "aborted": Occasion.FINISHED,
    "superseded": Occasion.FINISHED,
    "halted": Occasion.HALTED,
    "waiting": Occasion.WAITING,
}


@dataclass(frozen=True, slots=True)
class Stood:
    """How a rollout stood: what differs from that is news."""

    outcome: str
    reason: str
    counts: Mapping[Status, int]


def occasion_of(outcome: str, *, held: bool = False) -> Occasion | None:
    """Return what a rollout's outcome is to be told as: nothing where it goes on, or a person keeps it from that.

    One that is `held`, since nobody could tell whether it is well, waits for a person too.
    """
    return Occasion.WAITING if held and outcome == "paused" else _OCCASIONS.get(outcome)


def is_news(occasion: Occasion | None, asked: str, told: Collection[str], *, changed: bool) -> bool:
    """Tell whether people are to be told now: what a gate asks once, whoever comes to it, all else if it changed.

    `asked` is what a gate asks now, as `told` has what gates asked that people were told of.
    """
    return asked not in told if occasion is Occasion.WAITING else occasion is not None and changed


def _webhook(text: str) -> str:
    if not _WHERE.fullmatch(text):
        raise ValueError("a webhook's address is a secret: write where it is, as env:NAME, file:PATH or command:…")
    return text


def _some(occasions: tuple[Occasion, ...]) -> tuple[Occasion, ...]:
    if not occasions:
        raise ValueError("must not be empty")
    return occasions


class Hook(Part):
    """Somebody who is told: where, in whose format, and of what."""

    url: Annotated[str, AfterValidator(_webhook)]
    kind: Literal["json", "slack", "teams"] = "json"
    on: Annotated[tuple[Occasion, ...], AfterValidator(_some)] = tuple(Occasion)
