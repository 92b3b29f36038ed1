"""Schedules and their firings, as rows for lists and programs, and as lines while they fire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from deployer.domain.documents import Document
from deployer.domain.firing import Firing, State
from deployer.domain.local_time import utc_text
from deployer.domain.schedule import Kept
from deployer.report.listing import Column, Listing, Row
from deployer.report.text import duration, plain

_FORMAT: Final = 1


def _state(row: Row) -> str:
    return f"paused by {row['paused_by']}" if row["paused_by"] else "in force"


def _last(row: Row) -> str:
    last = row["last"]
    return f"{last['outcome']}, {_second(last['due'])}" if last else ""


def _result(row: Row) -> str:
    """Return what a reader wants to know: the tenants of what went well, else the reason first."""
    counted = _counted(row["counts"])
    if row["outcome"] == "done":
        return counted or str(row["reason"])
    return f"{row['reason']} ({counted})" if counted else str(row["reason"])


def _took(row: Row) -> str:
    if not (row["began_at"] and row["ended_at"]):
        return ""
    spent = datetime.fromisoformat(row["ended_at"]) - datetime.fromisoformat(row["began_at"])
    return duration(spent.total_seconds())


SCHEDULES: Final = Listing(
    "schedules",
    (
        Column("schedule", lambda row: row["schedule"]),
        Column("do", lambda row: row["do"]),
        Column("next", lambda row: _second(row["next"][0]["at"]) if row["next"] else ""),
        Column("last", _last),
        Column("state", _state),
        Column("cron", lambda row: row["cron"]),
        Column("timezone", lambda row: row["timezone"]),
    ),
)
NEXT: Final = Listing(
    "times",
    (
        Column("at", lambda row: _second(row["at"])),
        Column("schedule", lambda row: row["schedule"]),
        Column("local time", lambda row: row["local"]),
        Column("do", lambda row: row["do"]),
    ),
)
FIRINGS: Final = Listing(
    "firings",
    (
        Column("local time", lambda row: row["local"]),
        Column("schedule", lambda row: row["schedule"]),
        Column("outcome", lambda row: row["outcome"]),
        Column("took", _took),
        Column("result", _result),
    ),
)


def schedules_head() -> Document:
    """Return what stands before a list in a document."""
    return {"format_version": _FORMAT}


def schedule_row(kept: Kept, last: Firing | None, coming: list[Document]) -> Document:
    """Return a schedule as lists show it, with its newest firing and the times to come."""
    schedule = kept.schedule
    return {
        "schedule": kept.name,
        "do": schedule.do,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "overlap": schedule.overlap,
        "catch_up": schedule.catch_up,
        "jitter": schedule.jitter,
        "stated": kept.stated,
        "since": kept.since,
        "paused_by": kept.pause.who if kept.pause else None,
        "paused_at": kept.pause.at if kept.pause else None,
        "next": list(coming),
        "last": firing_row(last) if last else None,
    }


def time_row(kept: Kept, local: str, at: datetime) -> Document:
    """Return a time to come: the local one, and when that is fired."""
    return {"schedule": kept.name, "do": kept.schedule.do, "local": local, "at": utc_text(at)}


def firing_row(firing: Firing) -> Document:
    """Return a firing as lists show it."""
    return {
        "of": firing.of,
        "schedule": firing.schedule,
        "local": firing.local,
        "due": firing.due,
        "outcome": _outcome(firing),
        "code": firing.code,
        "cause": firing.cause.value if firing.cause else None,
        "reason": firing.reason,
        "rollout": firing.rollout or None,
        "who": firing.who,
        "began_at": firing.began_at,
        "ended_at": firing.ended_at,
        "counts": dict(firing.counts),
        "failed": firing.failed,
    }


def firing_line(firing: Firing) -> str:
    """Return a firing as a line for people."""
    head = f"{firing.local}  {plain(firing.schedule)}  {_outcome(firing)}"
    counted = f" ({_counted(firing.counts)})" if firing.counts else ""
    return f"{head}: {plain(firing.reason)}{counted}" if firing.reason else f"{head}{counted}"


def _outcome(firing: Firing) -> str:
    if firing.state is State.ENDED:
        return "failed" if firing.failed else "done"
    return "missed" if firing.failed else firing.state.value


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())


def _second(moment: str | None) -> str:
    return f"{moment[:19]}Z" if moment else ""
