"""Cron expressions: the local times they name, and the moments these mean in a zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from deployer.domain.local_time import instants

_ANY_DAY: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - local times have no zone of their own
_NUMBERED: Final = re.compile(r"(?<![/#0-9])[0-9]")
_FIELDS: Final = ("minute", "hour", "day of month", "month", "day of week")
_DAYS: Final = (2, 4)  # the fields that may be "?"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A local time that an expression names, without a zone, and the moment it means, in UTC."""

    local: datetime
    due: datetime


def normal_cron(text: str) -> str:
    """Return five fields as cron has them, from five, or from the platform's six with a leading `?`.

    Raise ValueError with a reason. Where both days are restricted either will do, as cron has it.
    """
    fields = text.split()
    if len(fields) == len(_FIELDS) + 1:
        fields = _without_seconds(fields)
    if len(fields) != len(_FIELDS):
        raise ValueError(f'a schedule has five fields, or six with a leading "?", not {len(fields)}: "{text}"')
    fields = ["*" if number in _DAYS and field == "?" else field for number, field in enumerate(fields)]
    for number, field in enumerate(fields):
        alone = ["*"] * len(_FIELDS)
        alone[number] = field
        if not _is_cron(alone):
            raise ValueError(f'"{field}" is no {_FIELDS[number]} of a schedule')
    if not _is_cron(fields) or next(CronSim(" ".join(fields), _ANY_DAY), None) is None:
        raise ValueError(f'"{text}" never comes')
    return " ".join(fields)


def _without_seconds(fields: list[str]) -> list[str]:
    first, *others = fields
    if first != "?":
        raise ValueError(f'the first of six schedule fields must be "?", not "{first}"')
    if _NUMBERED.search(others[-1]):
        raise ValueError(
            f'write days of the week by name (MON-FRI), not "{others[-1]}": which day is 1 differs in six fields'
        )
    return others


def _is_cron(fields: list[str]) -> bool:
    try:
        CronSim(" ".join(fields), _ANY_DAY)
    except (CronSimError, ValueError):  # Python reads no number of thousands of digits
        return False
    return True


def occurrences(cron: str, zone: str, *, after: datetime) -> Iterator[Occurrence]:
    """Yield the occurrences of five fields after a local time that has no zone, in the order of their local times.

    A time that clocks skip is due right after that, one that they repeat the first time. Local times go on where
    clocks do not, so that several may be due at one moment.
    """
    for local in CronSim(cron, after):
        yield Occurrence(local, instants(local, zone)[0])


def coming(cron: str, zone: str, *, now: datetime) -> Iterator[Occurrence]:
    """Yield the occurrences that are due after a moment."""
    day = timedelta(days=1)  # no clock was ever put forward by more
    local = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (each for each in occurrences(cron, zone, after=local - day) if each.due > now.astimezone(UTC))
