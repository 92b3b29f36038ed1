"""Carry a rollout out in front of a person: progress, events, signals, the exit code."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from typing import TYPE_CHECKING, TextIO

import anyio
import click

from deployer.api.rolling import Event, Rolling, carried_out
from deployer.api.standing import course_of, find_standing
from deployer.api.workplace import Rollout, Workplace
from deployer.cli.manner import ANYWHERE, AWAY, HERE, Manner
from deployer.cli.meanwhile import hush, is_animated
from deployer.cli.showing import show
from deployer.errors import UsageError
from deployer.report.event_lines import EventLines
from deployer.report.forecast import Course
from deployer.report.progress import LiveProgress, PlainProgress

if TYPE_CHECKING:
    from deployer.workers.following import Following


@dataclass(slots=True)
class Interruption:
    """The first signal stops new work, the second leaves at once; both can be resumed."""

    rolling: "Rolling | Following"
    signal: Signals | None = None

    async def heed(self) -> None:
        """Heed SIGINT and SIGTERM until cancelled."""
        with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
            async for received in signals:
                if self.signal:
                    self.rolling.leave()
                    return
                self.signal = received
                _say(self.rolling.stopping)
                self.rolling.stop()


async def carry(place: Workplace, rollout: Rollout, manner: Manner) -> int:
    """Carry a rollout out, print how it ended, and return the exit code."""
    if manner.at != HERE and await _is_left_to_workers(place, rollout, manner):
        if manner.at == AWAY:
            await show(await find_standing(place.home, rollout=rollout.id), manner)
            return 0
        from deployer.workers.following import followed

        signal = await _watch(followed(place, rollout), place, rollout, manner)
    else:
        signal = await attend(place, rollout, manner)
    code = await show(await find_standing(place.home, rollout=rollout.id), manner)
    return 128 + signal if signal else code


async def attend(place: Workplace, rollout: Rollout, manner: Manner, *, settle_only: bool = False) -> Signals | None:
    """Work on a rollout while progress is shown and signals are heeded; return the signal that cut it short."""
    under_way = carried_out(place, rollout, settle_only=settle_only, despite=manner.despite)
    return await _watch(under_way, place, rollout, manner)


async def _is_left_to_workers(place: Workplace, rollout: Rollout, manner: Manner) -> bool:
    """Leave a rollout to the workers of its journal; tell False where it has none, or none is alive."""
    if not place.home.is_shared and manner.at == ANYWHERE:
        return False
    from deployer.workers.handing import hand_over

    alive = await hand_over(place, rollout, despite=manner.despite, unseen=manner.at == AWAY)
    if manner.at == AWAY:
        _say(f"{rollout.id} is left to the workers: {'none is' if not alive else 'some are'} alive now")
    elif not alive:
        _say("no worker is alive: the work is done here")
    return bool(alive) or manner.at == AWAY


async def _watch(
    under_way: "AbstractAsyncContextManager[Rolling] | AbstractAsyncContextManager[Following]",
    place: Workplace,
    rollout: Rollout,
    manner: Manner,
) -> Signals | None:
    hush()
    course = await course_of(place.journal, rollout.id)
    async with under_way as rolling:
        with _progress(rolling, course, quiet=manner.quiet) as progress, _events(place, manner) as write:
            async with anyio.create_task_group() as group:
                interruption = Interruption(rolling)
                group.start_soon(interruption.heed)
                group.start_soon(progress.heartbeat)
                if manner.timeout is not None:
                    group.start_soon(_stop_after, rolling, manner.timeout)
                async for event in rolling:
                    progress.see(event)
                    write(event)
                group.cancel_scope.cancel()
    return interruption.signal


@contextmanager
def _events(place: Workplace, manner: Manner) -> Iterator[Callable[[Event], None]]:
    """Open where events go, if anywhere; a rollout that is settled first writes them into the same file."""
    if manner.events is None:
        yield lambda _: None
        return
    with ExitStack() as stack:
        stream = sys.stdout if manner.to_stderr else stack.enter_context(_appending(manner.events))
        lines = EventLines(stream, opened_at=place.clock.utc(), clean=place.office.redactor.clean)
        yield lines.write


def _appending(name: str) -> TextIO:
    path = Path(name)
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the events cannot be written: {error.strerror}", where=name) from None


async def _stop_after(rolling: "Rolling | Following", seconds: float) -> None:
    await anyio.sleep(seconds)
    _say(f"stopping: --timeout of {seconds:g} s is over")
    rolling.stop()


def _say(sentence: str) -> None:
    """Print a sentence above the live view, which stands in for `sys.stderr` while it is drawn."""
    click.echo(sentence, file=sys.stderr)


def _progress(rolling: "Rolling | Following", course: Course, *, quiet: bool) -> LiveProgress | PlainProgress:
    counts = rolling.counts
    if is_animated(sys.stderr) and not quiet:
        return LiveProgress(counts, lambda: rolling.budget, sys.stderr, course=course)
    return PlainProgress(counts, lambda: rolling.budget, io.StringIO() if quiet else sys.stderr, course=course)
