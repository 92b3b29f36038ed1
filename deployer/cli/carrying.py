"""Carry a rollout out in front of a person: progress, signals, the summary, the exit code."""

import io
import json
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import anyio
import click

from deployer.cli.options import state_directory
from deployer.cli.wiring import Workplace
from deployer.domain.deployment import Deployment, count
from deployer.domain.documents import Document
from deployer.domain.outcome import exit_code, judge
from deployer.engine.execute import DRAIN, Stop, Watcher
from deployer.engine.rollouts import Crew, carry_out, every_deployment
from deployer.journal.protocol import Rollout
from deployer.report.progress import Budget, LiveProgress, PlainProgress
from deployer.report.summary import summary, summary_text
from deployer.telemetry import LogWatcher


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

    stop: Stop
    scope: anyio.CancelScope
    signal: Signals | None = None

    async def heed(self) -> None:
        """Heed SIGINT and SIGTERM until cancelled."""
        with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
            async for received in signals:
                if self.signal:
                    self.scope.cancel()
                    return
                self.signal = received
                _say(f"stopping: nothing new is started, what is in flight gets {DRAIN:g} s; again leaves at once")
                self.stop.ask()


@dataclass(frozen=True, slots=True)
class _Both:
    """Two watchers as one."""

    watchers: Iterable[Watcher]

    def moved(self, before: Deployment, after: Deployment) -> None:
        for watcher in self.watchers:
            watcher.moved(before, after)

    def waiting(self, deployment: Deployment, seconds: float, why: str) -> None:
        for watcher in self.watchers:
            watcher.waiting(deployment, seconds, why)

    def held(self, account: str, seconds: float, why: str) -> None:
        for watcher in self.watchers:
            watcher.held(account, seconds, why)

    def halted(self, account: str, cause: str) -> None:
        for watcher in self.watchers:
            watcher.halted(account, cause)


@dataclass(frozen=True, slots=True)
class Attended:
    """How the work ended: which accounts halted and why, and the signal that cut it short."""

    halted: dict[str, str]
    signal: Signals | None


async def carry(place: Workplace, rollout: Rollout, manner: Manner) -> int:
    """Carry a rollout out, write how it ended, print that, and return the exit code."""
    attended = await attend(place, rollout, manner)
    code = await conclude(place, rollout, manner, attended.halted)
    return 128 + attended.signal if attended.signal else code


async def attend(place: Workplace, rollout: Rollout, manner: Manner, *, settle_only: bool = False) -> Attended:
    """Work on a rollout while progress is shown and signals are heeded."""
    place.accounts.demand_one()
    stop = Stop()
    halted: dict[str, str] = {}
    place.log.info("rollout.started", rollout=rollout.id, plan=rollout.plan, settle_only=settle_only)
    counts = count([deployment.status async for deployment in every_deployment(place.journal, rollout.id)])
    await place.journal.conclude(rollout.id, outcome="running", reason="", ended_at=None)
    with _progress(place, counts, quiet=manner.quiet) as progress:
        crew = _crew(place, stop, progress)
        async with anyio.create_task_group() as group:
            interruption = Interruption(stop, group.cancel_scope)
            group.start_soon(interruption.heed)
            group.start_soon(progress.heartbeat)
            if manner.timeout is not None:
                group.start_soon(_ask_after, stop, manner.timeout)
            halted = await carry_out(crew, rollout, place.accounts, settle_only=settle_only)
            group.cancel_scope.cancel()
    return Attended(halted, interruption.signal)


async def conclude(place: Workplace, rollout: Rollout, manner: Manner, halted: dict[str, str]) -> int:
    """Write how a rollout stands now, print it, and return the exit code."""
    deployments = [deployment async for deployment in every_deployment(place.journal, rollout.id)]
    outcome = judge(count(deployment.status for deployment in deployments), halted=bool(halted))
    reason = "; ".join(f"{account}: {cause}" for account, cause in halted.items())
    ended_at = None if outcome in {"running", "halted"} else place.clock.utc()
    await place.journal.conclude(rollout.id, outcome=outcome, reason=reason, ended_at=ended_at)
    place.log.info("rollout.ended", rollout=rollout.id, outcome=outcome, reason=reason)
    now = replace(rollout, outcome=outcome, reason=reason, ended_at=ended_at)
    show(summary(now, deployments, halted=halted), manner)
    return exit_code(outcome)


def show(document: Document, manner: Manner) -> None:
    """Print a summary: one JSON document, or text as wide as the terminal."""
    if manner.as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo(summary_text(document, width=shutil.get_terminal_size().columns, manifest=str(manner.manifest)))


async def _ask_after(stop: Stop, seconds: float) -> None:
    await anyio.sleep(seconds)
    _say(f"stopping: --timeout of {seconds:g} s is over")
    stop.ask()


def _say(sentence: str) -> None:
    """Print a sentence above the live view, which stands in for `sys.stderr` while it is drawn."""
    click.echo(sentence, file=sys.stderr)


def _crew(place: Workplace, stop: Stop, progress: Watcher) -> Crew:
    watcher = _Both((LogWatcher(place.log), progress))
    emergency = place.journal_path.with_name("emergency.jsonl")
    safety = place.loaded.manifest.safety
    locks = state_directory() / "locks"
    return Crew(
        place.journal,
        place.clock,
        watcher,
        stop,
        partial(_rescue, emergency),
        locks,
        safety,
        str(place.journal_path.resolve()),
    )


def _rescue(path: Path, tenant: str, flow: str) -> None:
    """Save what the journal could not be told, in every place that may still take it."""
    line = json.dumps({"tenant": tenant, "flow": flow}, ensure_ascii=False)
    _say(f"the journal cannot be written; keep this line: {line}")
    with suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def _progress(place: Workplace, counts: dict[str, int], *, quiet: bool) -> LiveProgress | PlainProgress:
    limiters = {id(account.limiter): account.limiter for account in place.accounts.opened.values()}

    def budget() -> Budget:
        return Budget(
            sent=sum(limiter.sent for limiter in limiters.values()),
            throttled=sum(limiter.throttled for limiter in limiters.values()),
            in_flight=sum(limiter.in_flight for limiter in limiters.values()),
            paused_for=max((limiter.paused_for for limiter in limiters.values()), default=0.0),
            rate=sum(limiter.rate for limiter in limiters.values()),
        )

    if sys.stderr.isatty() and not quiet:
        return LiveProgress(counts, budget, sys.stderr)
    return PlainProgress(counts, budget, io.StringIO() if quiet else sys.stderr)
