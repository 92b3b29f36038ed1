"""Carry a rollout out in front of a person: progress, signals, the summary, the exit code."""

import io
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import anyio
import click

from deployer.api.rolling import DRAIN, Rolling, carried_out
from deployer.api.standing import Standing, standing
from deployer.api.workplace import Workplace
from deployer.domain.outcome import exit_code
from deployer.journal.protocol import Rollout
from deployer.report.progress import LiveProgress, PlainProgress
from deployer.report.streamed import write_document
from deployer.report.summary import summary_text


@dataclass(frozen=True, slots=True)
class Manner:
    """How a rollout is carried out: `timeout` in seconds, the rest as the options say."""

    as_json: bool
    quiet: bool
    timeout: float | None
    manifest: Path


@dataclass(slots=True)
class Interruption:
    """The first signal stops new work, the second leaves at once; both can be resumed."""

    rolling: Rolling
    signal: Signals | None = None

    async def heed(self) -> None:
        """Heed SIGINT and SIGTERM until cancelled."""
        with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
            async for received in signals:
                if self.signal:
                    self.rolling.leave()
                    return
                self.signal = received
                _say(f"stopping: nothing new is started, what is in flight gets {DRAIN:g} s; again leaves at once")
                self.rolling.stop()


async def carry(place: Workplace, rollout: Rollout, manner: Manner) -> int:
    """Carry a rollout out, print how it ended, and return the exit code."""
    signal = await attend(place, rollout, manner)
    code = await show(await standing(place.journal_path, rollout=rollout.id), manner)
    return 128 + signal if signal else code


async def attend(place: Workplace, rollout: Rollout, manner: Manner, *, settle_only: bool = False) -> Signals | None:
    """Work on a rollout while progress is shown and signals are heeded; return the signal that cut it short."""
    async with carried_out(place, rollout, settle_only=settle_only) as rolling:
        with _progress(rolling, quiet=manner.quiet) as progress:
            async with anyio.create_task_group() as group:
                interruption = Interruption(rolling)
                group.start_soon(interruption.heed)
                group.start_soon(progress.heartbeat)
                if manner.timeout is not None:
                    group.start_soon(_stop_after, rolling, manner.timeout)
                async for event in rolling:
                    progress.see(event)
                group.cancel_scope.cancel()
    return interruption.signal


async def show(now: Standing, manner: Manner, *, at_work: bool = False) -> int:
    """Print how a rollout stands, one JSON document or text as wide as the terminal, and return the exit code."""
    if manner.as_json:
        await now.feed(partial(write_document, sys.stdout, now.head))
    else:
        width = shutil.get_terminal_size().columns
        text = partial(summary_text, now.head, width=width, manifest=str(manner.manifest), at_work=at_work)
        click.echo(await now.feed(text, troubled=True))
    return exit_code(str(now.head["outcome"]))


async def _stop_after(rolling: Rolling, seconds: float) -> None:
    await anyio.sleep(seconds)
    _say(f"stopping: --timeout of {seconds:g} s is over")
    rolling.stop()


def _say(sentence: str) -> None:
    """Print a sentence above the live view, which stands in for `sys.stderr` while it is drawn."""
    click.echo(sentence, file=sys.stderr)


def _progress(rolling: Rolling, *, quiet: bool) -> LiveProgress | PlainProgress:
    counts = rolling.counts
    if sys.stderr.isatty() and not quiet:
        return LiveProgress(counts, lambda: rolling.budget, sys.stderr)
    return PlainProgress(counts, lambda: rolling.budget, io.StringIO() if quiet else sys.stderr)
