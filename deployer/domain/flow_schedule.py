"""When the platform starts a flow: its schedule in one normal form, and the zone it is meant in."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from deployer.domain.wording import did_you_mean

_UNRESTRICTED = ("*", "?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: Final[Sequence[tuple[str, Sequence[str]]]] = (
    ("minute", [str(minute) for minute in range(60)]),
    ("hour", [str(hour) for hour in range(24)]),
    ("day of month", [str(day) for day in range(1, 32)]),
    ("month", [*(str(month) for month in range(1, 13)), *_MONTHS]),
    ("day of week", _WEEKDAYS),
)
_LEADING_ZERO = re.compile(r"(?<![0-9])0+(?=[0-9])")
_PART = re.compile(r"(?:[*?]|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/[1-9][0-9]?)?")


@lru_cache(maxsize=1024)  # a hundred thousand tenants have a handful of schedules and zones
def normal_form(text: str) -> str:
    """Return the platform's six fields, `? minute hour day-of-month month day-of-week`; raise ValueError with a reason.

    Six fields pass as they are; five get the leading `?`, and `?` for the unrestricted one of the two day fields.
    """
    fields = text.split()
    match len(fields):
        case 6 if fields[0] == "?":
            return " ".join(fields)
        case 6:
            raise ValueError(f'the first of six schedule fields must be "?", not "{fields[0]}"')
        case 5:
            return _five(*_LEADING_ZERO.sub("", text.upper()).split())
        case count:
            raise ValueError(f'a schedule has five fields, or six with a leading "?", not {count}: "{text}"')


def _five(*fields: str) -> str:
    for (what, known), field in zip(_FIELDS, fields, strict=True):
        if what == "day of week" and re.search(r"(?<![/0-9])[0-9]", field):
            raise ValueError(f'write days of the week by name (MON-FRI), not "{field}": which day is 1 is not known')
        if not all(_is_part(part, known) for part in field.split(",")):
            raise ValueError(f'"{field}" is no {what} of a five-field schedule')
    minute, hour, day, month, weekday = fields
    if day not in _UNRESTRICTED and weekday not in _UNRESTRICTED:
        raise ValueError(f'day of month ("{day}") and day of week ("{weekday}") cannot both be restricted')
    if day in _UNRESTRICTED:
        return f"? {minute} {hour} ? {month} {weekday.replace('?', '*')}"
    return f"? {minute} {hour} {day} {month} ?"


def _is_part(part: str, known: Sequence[str]) -> bool:
    match = _PART.fullmatch(part)
    return match is not None and all(value in known for value in match.groups() if value)


@lru_cache(maxsize=1024)
def timezone(name: str) -> str:
    """Return `name` if it is an IANA zone, else raise ValueError. The zones are those that Python itself knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'unknown time zone "{name}"{did_you_mean(name, available_timezones())}') from None
    return name
