"""What a local time means where clocks are put forward and back."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo


def utc_text(moment: datetime) -> str:
    """Return a moment as it is written everywhere: UTC, ISO-8601 with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instants(local: datetime, zone: str) -> tuple[datetime, datetime]:
    """Return the first and the last moment, in UTC, that a local time without a zone may mean in one.

    There are two where clocks are put back; one that is skipped means the moment when they are put forward.
    """
    there = local.replace(tzinfo=ZoneInfo(zone))
    if there.utcoffset() == there.replace(fold=1).utcoffset():
        only = there.astimezone(UTC)
        return only, only
    first, second = sorted(there.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(there.tzinfo).replace(tzinfo=None) == local:
        return first, second
    moment = _change_of_clocks(first, second, there.tzinfo)
    return moment, moment


def _change_of_clocks(before: datetime, after: datetime, zone: tzinfo | None) -> datetime:
    """Return the first second with the offset that the zone has `after`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (before, middle) if middle.astimezone(zone).utcoffset() == offset else (middle, after)
    return after
