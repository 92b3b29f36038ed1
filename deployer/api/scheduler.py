"""The process that fires schedules: once, for what is due now, or until it is told to stop."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial

import anyio

from deployer.api.firing import Carry, Firer, firing_alone
from deployer.api.rolling import Stop, carried_out, sole
from deployer.api.workplace import Rollout, Workplace
from deployer.domain.firing import Firing, State, window_of
from deployer.errors import GuardError, JournalError

__all__ = ["carrying_here", "fire_due", "keep_firing"]

_LOOK = 1.0  # seconds between two looks at what is due


def carrying_here(stop: Stop) -> Carry:
    """Return what carries rollouts out in this process, until the stop is asked for."""
    return partial(_carry, stop)


async def _carry(stop: Stop, place: Workplace, rollout: Rollout) -> bool:
    async with carried_out(place, rollout) as rolling, anyio.create_task_group() as group:

        async def pass_on() -> None:
            await stop.wait()
            rolling.stop()

        group.start_soon(pass_on)
        async for _ in rolling:
            pass
        group.cancel_scope.cancel()
    return not stop.asked


async def fire_due(firer: Firer, rollout: str, stop: Stop) -> Sequence[Firing]:
    """Fire what is due, and what a process that died left unended; return what ended or was missed, oldest first.

    What a jitter still puts off is waited for. Raise GuardError where another process fires the schedules: what is due
    is written, and left to it.
    """
    await _wait_for_jitter(firer, rollout, stop)
    missed = [each for each in await firer.look(rollout) if each.failed]
    async with _alone(firer, rollout):
        ended = [*missed, *await _fire_open(firer, rollout, stop)]
        while not stop.asked and await _is_anything_open(firer, rollout):
            await _rest(stop)
            ended += await _fire_open(firer, rollout, stop)
        return ended


async def keep_firing(firer: Firer, rollout: str, stop: Stop, *, stands_by: Callable[[str], None]) -> None:
    """Fire what comes due until the stop is asked for.

    Where another process does, or a database is not to be had, stand by, and say so once.
    """
    said = ""
    while not stop.asked:
        try:
            await firer.look(rollout)
            async with _alone(firer, rollout):
                said = ""
                await _fire_on(firer, rollout, stop)
        except (GuardError, JournalError) as error:
            if isinstance(error, JournalError) and not firer.home.is_shared:
                raise
            if error.what != said:
                stands_by(error.what)
            said = error.what
            await _rest(stop)


def _alone(firer: Firer, rollout: str) -> AbstractAsyncContextManager[None]:
    return firing_alone(firer.home, rollout, firer.office.clock.moment().boot)


async def _fire_on(firer: Firer, rollout: str, stop: Stop) -> None:
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_keep_looking, firer, rollout)
            while not stop.asked:
                await _fire_open(firer, rollout, stop)
                await _rest(stop)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as several:
        raise sole(several) from None


async def _keep_looking(firer: Firer, rollout: str) -> None:
    """Judge times as they come, also while a firing is under way."""
    while True:
        await firer.look(rollout)
        await anyio.sleep(_LOOK)


async def _fire_open(firer: Firer, rollout: str, stop: Stop) -> list[Firing]:
    ended: list[Firing] = []
    async with firer.home.calendar() as calendar:
        found = await calendar.open_firings(rollout)
    for firing in found:
        if stop.asked or await _is_kept_waiting(firer, firing):
            continue
        end = await firer.fire(firing)
        if end is not None:
            ended.append(end)
    return ended


async def _is_anything_open(firer: Firer, rollout: str) -> bool:
    async with firer.home.calendar() as calendar:
        return bool(await calendar.open_firings(rollout))


async def _is_kept_waiting(firer: Firer, firing: Firing) -> bool:
    """Tell whether somebody works on the journal, whose end is waited for: before it begins, until it is late."""
    if firer.home.holder() is None:
        return False
    if firing.state is State.RUNNING:  # and a person goes on with what it began
        return True
    async with firer.home.calendar() as calendar:
        schedules = {each.name: each for each in await calendar.schedules(firing.of)}
        now = datetime.fromisoformat(await calendar.now(firer.office.clock.utc))
    kept = schedules.get(firing.schedule)
    if kept is None:
        return False
    return now - datetime.fromisoformat(firing.due) - kept.put_off(firing.local) <= window_of(kept)


async def _wait_for_jitter(firer: Firer, rollout: str, stop: Stop) -> None:
    async with firer.home.calendar() as calendar:
        now = datetime.fromisoformat(await calendar.now(firer.office.clock.utc))
        put_off = [until for each in await calendar.schedules(rollout) if (until := each.put_off_until(now))]
    if put_off:
        with anyio.move_on_after((max(put_off) - now).total_seconds()):
            await stop.wait()


async def _rest(stop: Stop) -> None:
    with anyio.move_on_after(_LOOK):
        await stop.wait()
