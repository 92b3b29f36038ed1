"""Pins: tenants that stay on one revision of the template until a day, by whom, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from deployer.domain.model import Part
from deployer.domain.scalars import Name

REVISION_DIGITS = 6  # that people are shown


def _day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise ValueError("must be a day such as 2026-12-31") from None


def _revision(text: object) -> Any:  # noqa: ANN401 - whatever stands there, for the type to refuse
    digits = str(text).removeprefix("rev:")
    if not 6 <= len(digits) <= 64 or set(digits) - set("0123456789abcdef"):  # noqa: PLR2004 - as of a plan's digest
        raise ValueError("must be 6 to 64 hex digits, as status and plan show them")
    return digits


class Pin(Part):
    """A tenant that stays on a revision; on the day `until` begins, in UTC, it is free again."""

    tenant: Name
    revision: Annotated[str, BeforeValidator(_revision)]
    until: Annotated[date, BeforeValidator(_day), PlainSerializer(lambda day: day.isoformat())]
    by: Name
    why: Name


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pin as a plan meets it: `said` names it, and `holds` tells whether it is still in force."""

    revision: str
    said: str
    holds: bool

    def allows(self, revision: str) -> bool:
        """Tell whether a flow that is on a revision is where the pin wants it."""
        return revision.startswith(self.revision)


def pinned(pins: Iterable[Pin], today: date) -> Mapping[str, Pinned]:
    """Return the pins by tenant, as they are today."""
    return {pin.tenant: Pinned(pin.revision, _said(pin, today), today < pin.until) for pin in pins}


def _said(pin: Pin, today: date) -> str:
    word = "pinned" if today < pin.until else "was pinned"
    return f"{word} to rev:{pin.revision[:REVISION_DIGITS]} until {pin.until} by {pin.by}: {pin.why}"
