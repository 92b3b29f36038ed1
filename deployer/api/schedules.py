"""Schedules: which are in force, what lets one rest, and what comes of each next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from pydantic import ValidationError

from deployer.domain.firing import Firing
from deployer.domain.manifest_rules import complaints
from deployer.domain.scalars import slug
from deployer.domain.schedule import Kept, Pause, Schedule
from deployer.domain.wording import did_you_mean
from deployer.engine.clock import Clock, SystemClock
from deployer.engine.load import Loaded
from deployer.engine.whoever import whoever
from deployer.errors import GuardError, UsageError
from deployer.journal.calendar import Calendar
from deployer.journal.home import Home

__all__ = [
    "Clock",
    "Firing",
    "Kept",
    "Outlook",
    "Schedule",
    "SystemClock",
    "add",
    "drop",
    "firings",
    "outlooks",
    "pause",
    "resume",
    "schedule_of",
    "take_up",
    "times_to_come",
]


@dataclass(frozen=True, slots=True)
class Outlook:
    """A schedule with its newest firing, and the times that are due next."""

    kept: Kept
    last: Firing | None
    coming: Sequence[tuple[str, datetime]]  # the local time, and when that is fired


async def take_up(home: Home, loaded: Loaded, clock: Clock) -> Sequence[Kept]:
    """Put the schedules of a manifest in force, and those that left it out of it; return what is in force.

    One that is as it was stays as it is. Raise UsageError where one of them was added by hand under the same name.
    """
    rollout, stated = loaded.manifest.name, loaded.manifest.schedules
    async with home.calendar() as calendar:
        known, now = {each.name: each for each in await calendar.schedules(rollout)}, await calendar.now(clock.utc)
        if both := sorted(name for name in stated if name in known and not known[name].stated):
            what = f"schedule {both[0]} was added by hand, and stands in the manifest too"
            raise UsageError(what, where=str(loaded.path), remedy=f"remove one: deployer schedule remove {both[0]}")
        for name, schedule in stated.items():
            before = known.get(name)
            if before is None or before.schedule != schedule or before.manifest != str(loaded.path):
                since = before.since if before and before.schedule == schedule else now
                pause = before.pause if before else None
                await calendar.keep(Kept(rollout, name, schedule, str(loaded.path), since, stated=True, pause=pause))
        for name, before in known.items():
            if before.stated and name not in stated:
                await calendar.drop(rollout, name)
        return await calendar.schedules(rollout)


async def add(home: Home, loaded: Loaded, name: str, schedule: Schedule, clock: Clock) -> None:
    """Put a schedule in force that does not stand in the manifest, in place of the one of its name."""
    if name in loaded.manifest.schedules:
        raise UsageError(f"schedule {name} stands in the manifest", where=str(loaded.path), remedy="change it there")
    async with home.calendar() as calendar:
        since = await calendar.now(clock.utc)
        await calendar.keep(Kept(loaded.manifest.name, name, schedule, str(loaded.path), since, stated=False))


async def pause(home: Home, rollout: str, name: str, clock: Clock) -> None:
    """Let a schedule rest: its times are skipped, and that is written."""
    async with home.calendar() as calendar:
        kept = await _found(calendar, rollout, name)
        if kept.pause:
            raise GuardError(f"schedule {name} was paused by {kept.pause.who} at {kept.pause.at}")
        await calendar.keep(replace(kept, pause=Pause(whoever(), await calendar.now(clock.utc))))


async def resume(home: Home, rollout: str, name: str, clock: Clock) -> None:
    """Let a schedule fire again, from now on: nothing is made up for."""
    async with home.calendar() as calendar:
        kept = await _found(calendar, rollout, name)
        if not kept.pause:
            raise GuardError(f"schedule {name} is not paused")
        await calendar.keep(replace(kept, pause=None, since=await calendar.now(clock.utc)))


async def drop(home: Home, rollout: str, name: str) -> None:
    """Put a schedule that was added by hand out of force; what is written of its firings stays."""
    async with home.calendar() as calendar:
        kept = await _found(calendar, rollout, name)
        if kept.stated:
            remedy = "take it out there, then: deployer schedule sync"
            raise UsageError(f"schedule {name} stands in the manifest {kept.manifest}", remedy=remedy)
        await calendar.drop(rollout, name)


async def outlooks(home: Home, rollout: str | None, clock: Clock, *, most: int = 1) -> Sequence[Outlook]:
    """Return the schedules of a rollout, or of all, each with its newest firing and so many of the times to come."""
    async with home.calendar(read_only=True) as calendar:
        now = datetime.fromisoformat(await calendar.now(clock.utc))
        found: list[Outlook] = []
        for kept in await calendar.schedules(rollout):
            last = await calendar.firings(kept.rollout, kept.name, limit=1)
            coming = zip(kept.coming(now), range(most), strict=False)
            times = [(kept.label(each), kept.fires_at(each)) for each, _ in coming]
            found.append(Outlook(kept, last[0] if last else None, times))
        return found


async def firings(home: Home, rollout: str, name: str | None, *, limit: int) -> Sequence[Firing]:
    """Return the firings that were due last, of a schedule or of all, oldest first."""
    async with home.calendar(read_only=True) as calendar:
        if name is not None:
            known = {each.schedule for each in await calendar.firings(rollout, name, limit=1)}
            if name not in known:
                await _found(calendar, rollout, name)
        return await calendar.firings(rollout, name, limit=limit)


async def _found(calendar: Calendar, rollout: str, name: str) -> Kept:
    known = {each.name: each for each in await calendar.schedules(rollout)}
    if name not in known:
        hint = did_you_mean(name, known) or f": there {'are ' + ', '.join(known) if known else 'is none'}"
        raise UsageError(f"no schedule {name} of {rollout} is in force{hint}", remedy="see: deployer schedule list")
    return known[name]


def schedule_of(name: str, words: Mapping[str, str]) -> Schedule:
    """Return the schedule that options say; raise UsageError for what is none."""
    try:
        slug(name)
        return Schedule.model_validate(words)
    except ValidationError as error:
        [first, *_] = complaints(error, {})
        raise UsageError(f"--{str(first.steps[0]).replace('_', '-')}: {first.what}") from None
    except ValueError as error:
        raise UsageError(f"the name {error}") from None


def times_to_come(loaded: Loaded, *, days: int) -> list[datetime]:
    """Return when the schedules of a manifest are due within so many days."""
    now = datetime.now(UTC)
    until, name = now + timedelta(days=days), loaded.manifest.name
    kept = [Kept(name, one, each, "", "", stated=True) for one, each in loaded.manifest.schedules.items()]
    return [each.due for one in kept for each in takewhile(lambda each: each.due < until, one.coming(now))]
