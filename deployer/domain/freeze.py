"""Freezes: windows of the calendar in which nothing is begun, unless somebody says why it has to be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo, field_validator

from deployer.domain import flow_schedule
from deployer.domain.instructions import Instruction
from deployer.domain.local_time import instants
from deployer.domain.model import Part
from deployer.domain.scalars import Name

SOON: Final = timedelta(hours=24)  # before a freeze, in which a plan tells of it


_LOCAL: Final = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")


def _local(text: str) -> str:
    try:
        if _LOCAL.fullmatch(text):
            datetime.fromisoformat(text)
            return text
    except ValueError:
        pass
    raise ValueError("must be a day or a local time, such as 2026-12-20 or 2026-12-20T18:00")


class Freeze(Part):
    """A window of the calendar, in the time of a zone. A day alone means the moment it begins, also as the end."""

    timezone: Annotated[str, AfterValidator(flow_schedule.timezone)]
    start: Annotated[str, AfterValidator(_local)]
    end: Annotated[str, AfterValidator(_local)]
    why: Name

    @field_validator("end")
    @classmethod
    def _comes_after_the_start(cls, end: str, given: ValidationInfo) -> str:
        start, zone = given.data.get("start"), given.data.get("timezone")
        if start and zone and _moments(end, zone)[1] <= _moments(start, zone)[0]:
            raise ValueError(f"must be after the start, {start}")
        return end

    @property
    def begins(self) -> datetime:
        """Return when it begins, in UTC."""
        return _moments(self.start, self.timezone)[0]

    @property
    def ends(self) -> datetime:
        """Return when it ends, in UTC."""
        return _moments(self.end, self.timezone)[1]

    @property
    def said(self) -> str:
        """Return it as a phrase."""
        return f"frozen until {self.end} {self.timezone}: {self.why}"


def _moments(text: str, zone: str) -> tuple[datetime, datetime]:
    return instants(datetime.fromisoformat(text), zone)


def holding(freezes: Sequence[Freeze], now: datetime) -> Freeze | None:
    """Return the freeze that holds now, of several the one that ends last."""
    held = [freeze for freeze in freezes if freeze.begins <= now < freeze.ends]
    return max(held, key=lambda freeze: freeze.ends, default=None)


def coming(freezes: Sequence[Freeze], now: datetime) -> Freeze | None:
    """Return the freeze that begins next, if that is soon."""
    near = [freeze for freeze in freezes if now < freeze.begins <= now + SOON]
    return min(near, key=lambda freeze: freeze.begins, default=None)


@dataclass(frozen=True, slots=True)
class Thaw:
    """Why somebody goes on despite the freezes that held when they said so."""

    instruction: Instruction

    def covers(self, freeze: Freeze) -> bool:
        """Tell whether it was said of a freeze: of one that begins later it was not."""
        return freeze.begins <= datetime.fromisoformat(self.instruction.at) < freeze.ends

    @property
    def said(self) -> str:
        """Return it as a phrase."""
        return f"despite the freeze, by {self.instruction.who}: {self.instruction.about}"
