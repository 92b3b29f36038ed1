"""Instructions from other processes: files that are renamed into a folder, taken into the journal by its owner."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from typing import Final

import anyio

from deployer.domain.deployment import Deployment
from deployer.domain.instructions import Instruction, Standing, Verb
from deployer.domain.lifecycle import Event, State
from deployer.engine.clock import Clock
from deployer.engine.whoever import whoever
from deployer.journal.protocol import Entry, Journal

CONTROL: Final = "control"  # the folder, beside the journal or what goes with it
_EVERY: Final = 0.25  # seconds between two looks into the folder
_SUFFIX: Final = ".json"
_HOLDING: Final = frozenset({Verb.PAUSE, Verb.RESUME})


class Control:
    """What people say to one rollout. `said` is called with each instruction once it is in the journal."""

    def __init__(self, folder: Path, journal: Journal, rollout: str, said: Callable[[Instruction], None]) -> None:
        self.standing = Standing()
        self._folder = folder
        self._journal = journal
        self._rollout = rollout
        self._said = said
        self._known: set[str] = set()

    async def take(self) -> None:
        """Take what was said into the journal, where others may have written it themselves, and know what holds."""
        posted = _posted(self._folder, self._rollout)
        if not (posted or self._journal.is_shared):
            return
        for _, instruction in posted:
            await self._journal.instruct(instruction)
        news = await self._news()
        if any(instruction.verb in _HOLDING for instruction in news):
            await self._write_standing()
        for instruction in news:
            self._said(instruction)
        for path, _ in posted:
            path.unlink(missing_ok=True)

    async def _write_standing(self) -> None:
        """Write whether the rollout is paused by all that was said: of several at work, each hears of it by itself."""
        if paused := self.standing.paused:
            await self._journal.conclude(self._rollout, outcome="paused", reason=f"by {paused.who}", ended_at=None)
        else:
            await go_on(self._journal, self._rollout)

    async def heed(self) -> None:
        """Take what is said until cancelled."""
        while True:
            await self.take()
            await anyio.sleep(_EVERY)

    async def know(self) -> None:
        """Read what was said so far."""
        await self._news()

    async def _news(self) -> list[Instruction]:
        """Know what holds now, and return what people said that was not known before."""
        said = await self._journal.instructions(self._rollout)
        news = [instruction for instruction in said if instruction.id not in self._known]
        self._known |= {instruction.id for instruction in news}
        self.standing = Standing.of(said)
        return [instruction for instruction in news if instruction.verb is not Verb.TOLD]


async def go_on(journal: Journal, rollout: str) -> None:
    """Write that a rollout may go on, where it is paused."""
    [found] = await journal.rollouts(begins=rollout, limit=1)
    if found.outcome == "paused":
        await journal.conclude(found.id, outcome="running", reason="", ended_at=None)


async def tidy(folder: Path, journal: Journal) -> None:
    """Take what nobody took before its rollout ended into the journal: it changes nothing any more."""
    for path, instruction in _posted(folder, None):
        found = await journal.rollouts(begins=instruction.rollout, limit=1)
        if found and found[0].ended_at:
            await journal.instruct(instruction)
            path.unlink(missing_ok=True)


def instruction_of(clock: Clock, rollout: str, verb: Verb, about: str = "", *, who: str | None = None) -> Instruction:
    """Return what somebody says now: whoever is at work, if nobody is named."""
    return Instruction(token_hex(8), rollout, verb, about, who or whoever(), clock.utc())


def post(folder: Path, instruction: Instruction) -> Path:
    """Leave an instruction for whoever works on the rollout, whole or not at all; return its file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{instruction.id}{_SUFFIX}"
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(instruction), file)
        file.flush()
        os.fsync(descriptor)
    return draft.replace(path)


def _posted(folder: Path, rollout: str | None) -> list[tuple[Path, Instruction]]:
    """Return the instructions for a rollout, or all, that lie in the folder, oldest first; what is none stays."""
    found: list[tuple[Path, Instruction]] = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            record = json.loads(path.read_text("utf-8"))
            instruction = Instruction(**{**record, "verb": Verb(record["verb"])})
        except (OSError, ValueError, TypeError, KeyError):
            continue
        if rollout in {None, instruction.rollout}:
            found.append((path, instruction))
    return sorted(found, key=lambda pair: pair[1].at)


def leave_out(journal: Journal, clock: Clock, deployment: Deployment) -> Deployment:
    """Cancel what a tenant has not begun, skip what failed, and return it as it is then."""
    return _end(journal, clock, deployment, {State.READY: Event.CANCEL, State.FAILED: Event.SKIP})


def cancel(journal: Journal, clock: Clock, deployment: Deployment) -> Deployment:
    """Cancel what a tenant has not begun, and return it as it is then."""
    return _end(journal, clock, deployment, {State.READY: Event.CANCEL})


def _end(journal: Journal, clock: Clock, deployment: Deployment, events: Mapping[State, Event]) -> Deployment:
    for index, step in enumerate(deployment.steps):
        event = events.get(step.state)
        if event is not None:
            entry = Entry(deployment, index, event, step.meet(event), clock.utc())
            journal.note(entry)
            deployment = deployment.moved(index, entry.step)
    return deployment
