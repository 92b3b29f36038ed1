"""Fire what is due: an apply, a run or a drift check, begun once whoever fires, and gone on with after any death."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from deployer.api.freezing import frozen_now
from deployer.api.loading import Scope, load
from deployer.api.rollouts import (
    begin,
    demand_not_paused,
    demand_same,
    heed_guards,
    is_unfinished,
    last_rollout,
    new_plan,
    plan_drift,
    run_rollout,
)
from deployer.api.standing import find_standing
from deployer.api.workplace import Office, Rollout, Workplace, workplace
from deployer.domain.firing import Cause, Firing, State, missed
from deployer.domain.outcome import exit_code
from deployer.domain.schedule import Kept
from deployer.engine.rollouts import new_id
from deployer.engine.whoever import whoever
from deployer.errors import DeployerError, GuardError, JournalError, UsageError
from deployer.journal.calendar import Calendar
from deployer.journal.home import Home
from deployer.journal.lock import exclusive
from deployer.report.drift import drift_code, drift_counts, drift_sentence
from deployer.report.problems import error_lines
from deployer.telemetry.events import Event

_NEAR: Final = 200  # firings that may have kept one waiting

Carry = Callable[[Workplace, Rollout], Awaitable[bool]]
"""Carries a rollout out, or has others do so; tells whether that came to its end, and was not told to stop."""


@dataclass(frozen=True, slots=True)
class Firer:
    """What fires the schedules of a journal.

    `address` is the journal as workplaces take it, `folder` where manifests lie; `heard` is told of each firing that
    began, ended or was skipped, before that is written as done.
    """

    home: Home
    address: str | None
    folder: Path
    office: Office
    carry: Carry
    heard: Callable[[Firing], Awaitable[None]]
    alone: bool = True

    async def look(self, rollout: str | None = None) -> Sequence[Firing]:
        """Write what becomes of the times that have come, of one rollout's schedules or of all, and return it."""
        async with self.home.calendar() as calendar:
            now = datetime.fromisoformat(await calendar.now(self.office.clock.utc))
            found = await calendar.look(rollout, now, whoever())
            kept = {each.name: each for each in await calendar.schedules(rollout)} if found else {}
            for firing in found:
                await self._tell(firing, kept.get(firing.schedule))
            return found

    async def fire(self, firing: Firing) -> Firing | None:
        """Do what a firing asks for, or go on with it; return how it ended, None where it did not or is another's."""
        async with self.home.calendar() as calendar:
            kept = {each.name: each for each in await calendar.schedules(firing.of)}.get(firing.schedule)
            paper = _Paper(calendar, firing, self.office)
            if firing.state is State.DUE:
                if late := await self._missed(calendar, kept, paper):
                    return late
                id_ = new_id(firing.of, self.office.clock, Random())
                if not await paper.move(state=State.RUNNING, began_at=await paper.now(), who=whoever(), rollout=id_):
                    return None
                await self._tell(paper.firing, kept)
            end = await self._attempted(kept, paper)
            return await self._end(paper, end, kept) if end else None

    async def _missed(self, calendar: Calendar, kept: Kept | None, paper: "_Paper") -> Firing | None:
        """Skip what is too late by now, such as what nobody was there for since it was due, and return it."""
        late = await _late(calendar, kept, paper)
        return await self._end(paper, _skipped(Cause.MISSED, late), kept) if late else None

    async def _end(self, paper: "_Paper", end: dict[str, Any], kept: Kept | None) -> Firing | None:
        """Tell how a firing ended, then write it: who dies in between tells it again. None where it was another's."""
        await self._tell(replace(paper.firing, **end), kept)
        return paper.firing if await paper.move(**end, ended_at=await paper.now()) else None

    async def _attempted(self, kept: Kept | None, paper: "_Paper") -> dict[str, Any] | None:
        try:
            return await self._done(kept, paper)
        except DeployerError as error:
            if isinstance(error, JournalError) and self.home.is_shared:
                raise  # whoever reaches it again goes on
            return {"state": State.ENDED, "code": error.exit_code, "reason": "; ".join(_said(error))}

    async def _done(self, kept: Kept | None, paper: "_Paper") -> dict[str, Any] | None:
        """Do it, and return what is to be written of its end; None where it has not come to that."""
        if kept is None:
            return _skipped(Cause.PAUSED, "the schedule is not in force any more")
        loaded = load(self.folder / kept.manifest, env=self.office.env)
        if loaded.manifest.name != kept.rollout:
            raise UsageError(f"it is of rollout {loaded.manifest.name}, not {kept.rollout}", where=str(loaded.path))
        reads = kept.schedule.do == "drift"
        opened = workplace(loaded, journal=self.address, office=self.office, read_only=reads, alone=self.alone)
        async with opened as place:
            if reads:
                return await _drift(place)
            rollout = await _of_id(place, paper.firing.rollout)
            ended = rollout is not None and rollout.outcome != "running"  # before whoever had it could write so
            if rollout is None:
                if late := await _late(paper.calendar, kept, paper):  # whoever was to begin it died before
                    return _skipped(Cause.MISSED, late)
                if freeze := frozen_now(place):
                    return _skipped(Cause.FROZEN, freeze.said)
                rollout = await _begun(place, kept.schedule.do, paper)
            if not ended and not await self.carry(place, rollout):
                return None
        standing = await find_standing(self.home, rollout=rollout.id)
        outcome = standing.rollout.outcome
        counts = {status.value: count for status, count in standing.counts.items() if count}
        reason = f"{outcome}: {standing.rollout.reason}" if standing.rollout.reason else outcome
        return {"state": State.ENDED, "code": exit_code(outcome), "reason": reason, "counts": counts}

    async def _tell(self, firing: Firing, kept: Kept | None) -> None:
        fields: dict[str, Any] = {
            "schedule": firing.schedule,
            "of": firing.of,
            "local": firing.local,
            "reason": firing.reason,
            "rollout": firing.rollout,
            "code": firing.code,
        }
        self.office.tell(Event(_name(firing), self.office.clock.utc(), fields))
        await self.heard(firing)
        if firing.failed and kept is not None:
            await self._notify(firing, kept.manifest)

    async def _notify(self, firing: Firing, manifest: str) -> None:
        """Tell whoever the manifest says; one that cannot be read names nobody, which is why it failed."""
        from deployer.api.notifying import notice_of_firing, notifier_of  # noqa: PLC0415 - most nights do not fail

        with suppress(DeployerError):
            loaded = load(self.folder / manifest, env=self.office.env, scope=Scope(tenants=False))
            if loaded.manifest.notify:
                notifier = await notifier_of(loaded, self.office, self.office.tell)
                await notifier.tell(notice_of_firing(firing, at=self.office.clock.utc(), manifest=manifest))


@asynccontextmanager
async def firing_alone(home: Home, rollout: str, boot: str) -> AsyncIterator[None]:
    """Be the only one who fires the schedules of a rollout; raise GuardError where somebody else does."""
    what = f"schedules of {rollout}"
    if home.is_shared:
        async with home.open(alone=False) as book, book.holding({what: [what]}, boot):
            yield
    else:
        with exclusive(home.folder / "schedules.lock", f"the {what}"):
            yield


@dataclass(slots=True)
class _Paper:
    """A firing as it is written now."""

    calendar: Calendar
    firing: Firing
    office: Office

    async def now(self) -> str:
        return await self.calendar.now(self.office.clock.utc)

    async def move(self, **fields: Any) -> bool:  # noqa: ANN401 - the firing's
        """Write it anew; tell whether nobody else had."""
        after = replace(self.firing, **fields, written_at=await self.now())
        if not await self.calendar.move(self.firing, after):
            return False
        self.firing = after
        return True


async def _begun(place: Workplace, do: str, paper: _Paper) -> Rollout:
    """Return the rollout that a firing goes on with, or begins under the id that it was given before.

    Which one it is, is written first: whoever takes the firing over finds that one, and begins none beside it.
    """
    last = await last_rollout(place)
    if last and is_unfinished(last):
        if do == "apply":
            await demand_not_paused(place, last)
            await demand_same(place, last, digest=None)
        if not await paper.move(rollout=last.id):
            raise GuardError("somebody else goes on with this firing")
        return last if do == "apply" else await run_rollout(place)
    id_ = paper.firing.rollout
    if do == "run":
        return await run_rollout(place, id_=id_)
    saved = await new_plan(place)
    await heed_guards(place, saved.plan, frozenset())
    return await begin(place, saved, id_=id_)


async def _late(calendar: Calendar, kept: Kept | None, paper: _Paper) -> str | None:
    """Return why a firing is too late to begin by now, if it is."""
    if kept is None:
        return None
    past = await calendar.firings(kept.rollout, limit=_NEAR)
    return missed(kept, paper.firing, past, datetime.fromisoformat(await paper.now()))


async def _of_id(place: Workplace, id_: str) -> Rollout | None:
    found = await place.journal.rollouts(begins=id_, limit=1)
    return next((each for each in found if each.id == id_), None)


async def _drift(place: Workplace) -> dict[str, Any]:
    plan = await plan_drift(place)
    said, counts = drift_sentence(plan), drift_counts(plan)
    return {"state": State.ENDED, "code": drift_code(plan), "reason": said, "counts": counts}


def _skipped(cause: Cause, reason: str) -> dict[str, Any]:
    return {"state": State.SKIPPED, "cause": cause, "reason": reason}


def _said(error: DeployerError) -> list[str]:
    """Return an error's lines as parts of one."""
    return [line.removeprefix("error: ").strip() for line in error_lines(error)]


def _name(firing: Firing) -> str:
    if firing.failed:
        return "schedule.failed"
    return f"schedule.{'began' if firing.state is State.RUNNING else firing.state.value}"
