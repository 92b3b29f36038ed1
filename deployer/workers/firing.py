"""Schedules where there are workers: one of them fires each time, and all of them carry out what it begins."""

from functools import partial
from pathlib import Path

import anyio

from deployer.api.firing import Firer, firing_alone
from deployer.api.workplace import Rollout, Workplace
from deployer.workers.handing import leave
from deployer.workers.tasks import Shift, UnfinishedError, shared, unfinished_without_journal

_LOOK = 1.0  # seconds between two looks at how far a rollout is


async def look(shift: Shift) -> None:
    """Judge the times that have come of all schedules, and queue what there is to fire."""
    await _firer(shift).look()
    async with shift.home.calendar() as calendar:
        for firing in await calendar.open_firings():
            await shift.queue.fire(firing.of, firing.schedule, firing.local)


async def fire(shift: Shift, of: str, schedule: str, local: str) -> None:
    """Fire one time of a schedule, or go on with it; raise UnfinishedError where that has not come to its end."""
    async with unfinished_without_journal(), firing_alone(shift.home, of, shift.office.clock.moment().boot):
        async with shift.home.calendar() as calendar:
            found = [
                each for each in await calendar.open_firings(of) if (each.schedule, each.local) == (schedule, local)
            ]
        for firing in found:
            if await _firer(shift).fire(firing) is None and shift.stop.asked:
                raise UnfinishedError


def _firer(shift: Shift) -> Firer:
    carry = partial(_carry, shift)
    return Firer(shift.home, shift.address, Path(shift.folder), shift.office, carry, shift.heard, alone=False)


async def _carry(shift: Shift, place: Workplace, rollout: Rollout) -> bool:
    """Leave a rollout to the workers, and wait until it goes no further; tell False where this one stops before."""
    await leave(shift.queue, place, rollout, despite=None)
    while not shift.stop.asked:
        [found] = await shared(place.journal).rollouts(begins=rollout.id, limit=1)
        if found.outcome != "running":
            return True
        with anyio.move_on_after(_LOOK):
            await shift.stop.wait()
    return False
