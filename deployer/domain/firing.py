"""Firings: what becomes of each time of a schedule, decided from what is written of the times before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Final
from zoneinfo import ZoneInfo

from deployer.domain.cron import Occurrence, occurrences
from deployer.domain.local_time import utc_text
from deployer.domain.schedule import Kept

PUNCTUAL: Final = timedelta(seconds=60)  # after which a time is late, however short the window to catch up is
MOST: Final = 100  # times that are written one by one where nobody looked for long


class State(StrEnum):
    """How far a firing is."""

    DUE = "due"
    RUNNING = "running"
    ENDED = "ended"
    SKIPPED = "skipped"


class Cause(StrEnum):
    """Why a time is skipped."""

    PAUSED = "paused"
    FROZEN = "frozen"
    OVERLAP = "overlap"
    MISSED = "missed"
    STOOD_FOR = "stood for"  # by a later one


@dataclass(frozen=True, slots=True)
class Firing:
    """One time of a schedule, known by its local time, and what became of it; moments are UTC, ISO-8601.

    `rollout` is the id of the one it begins or goes on with; `code` is an exit code as the command's own would be.
    """

    of: str
    schedule: str
    local: str
    due: str
    state: State
    written_at: str
    cause: Cause | None = None
    reason: str = ""
    rollout: str = ""
    who: str = ""
    began_at: str | None = None
    ended_at: str | None = None
    code: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Tell whether somebody has to be told: it ended badly, or nobody was there in time."""
        return bool(self.code) if self.state is State.ENDED else self.cause is Cause.MISSED


def look(kept: Kept, past: Sequence[Firing], now: datetime, who: str) -> Sequence[Firing]:
    """Return what is to be written of the times that have come since the last look: at most one of them is due.

    `past` are firings of the rollout, of any schedule. Whoever looks at the same comes to the same.
    """
    in_force = datetime.fromisoformat(kept.since)
    come = takewhile(lambda each: kept.fires_at(each) <= now, _since(kept, past))
    ready = [each for each in come if each.due >= in_force]
    if not ready:
        return ()
    looked = _Look(kept, past, now.astimezone(UTC), who)
    forgotten, told = ready[:-MOST], ready[-MOST:]
    found = [looked.judge(each, newest=told[-1]) for each in told]
    if forgotten:
        reason = f"{found[0].reason}; so it is with {len(forgotten)} before it, from {kept.label(forgotten[0])} on"
        found[0] = replace(found[0], reason=reason)
    return found


def _since(kept: Kept, past: Sequence[Firing]) -> Iterator[Occurrence]:
    """Yield the times after the last that was written, without an end."""
    zone = kept.schedule.timezone
    own = [each.local.split(" ") for each in past if each.schedule == kept.name]
    written = [datetime.fromisoformat(local) for local, where in own if where == zone]
    since = datetime.fromisoformat(kept.since).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    after = max([*written, since - timedelta(days=1)])  # a time that was skipped is behind the clock when it is due
    return occurrences(kept.schedule.cron, zone, after=after)


@dataclass(frozen=True, slots=True)
class _Look:
    kept: Kept
    past: Sequence[Firing]
    now: datetime
    who: str

    def judge(self, occurrence: Occurrence, *, newest: Occurrence) -> Firing:
        """Return what becomes of a time that has come."""
        found = self._skipped(occurrence, newest)
        cause, reason = found or (None, "")
        return Firing(
            self.kept.rollout,
            self.kept.name,
            self.kept.label(occurrence),
            utc_text(occurrence.due),
            State.SKIPPED if found else State.DUE,
            utc_text(self.now),
            cause,
            reason,
            who=self.who,
        )

    def _skipped(self, occurrence: Occurrence, newest: Occurrence) -> tuple[Cause, str] | None:
        """Return why a time is skipped, if it is."""
        kept, fires_at = self.kept, self.kept.fires_at(occurrence)
        if kept.pause:
            return Cause.PAUSED, f"paused by {kept.pause.who}"
        under_way = [each for each in self.past if _was_under_way(each, fires_at)]
        own = [each for each in under_way if each.schedule == kept.name]
        if own and (kept.schedule.overlap == "skip" or any(each.state is State.DUE for each in own)):
            return Cause.OVERLAP, f"the one of {own[-1].local} {_still(own[-1])}"
        if late := _late(kept, fires_at, under_way, self.now):
            return Cause.MISSED, late
        if occurrence is not newest:
            return Cause.STOOD_FOR, f"the one of {kept.label(newest)} stands for it"
        return None


def missed(kept: Kept, firing: Firing, past: Sequence[Firing], now: datetime) -> str | None:
    """Return why a firing that is due is too late by now, if it is."""
    fires_at = datetime.fromisoformat(firing.due) + kept.put_off(firing.local)
    others = [each for each in past if each != firing and _was_under_way(each, fires_at)]
    return _late(kept, fires_at, others, now)


def _late(kept: Kept, fires_at: datetime, under_way: Sequence[Firing], now: datetime) -> str | None:
    free = max([fires_at, *(_ended(each) or now for each in under_way)])
    window = window_of(kept)
    return f"nobody could fire it within {_duration(window)}" if now - free > window else None


def window_of(kept: Kept) -> timedelta:
    """Return how late a time may be fired."""
    return max(PUNCTUAL, timedelta(seconds=kept.schedule.catch_up))


def _was_under_way(firing: Firing, at: datetime) -> bool:
    """Tell whether a firing was due at a moment and had not ended."""
    if firing.state is State.SKIPPED or datetime.fromisoformat(firing.due) > at:
        return False
    ended = _ended(firing)
    return ended is None or ended > at


def _ended(firing: Firing) -> datetime | None:
    return datetime.fromisoformat(firing.ended_at) if firing.ended_at else None


def _still(firing: Firing) -> str:
    return "had not begun" if firing.state is State.DUE else "was still under way"


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"
