"""Let go of what ended long ago: rollouts in the journal, and saved plans that are too old to be applied."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anyio import to_thread

from deployer.api.standing import Standing
from deployer.domain.local_time import utc_text
from deployer.engine.plans import FOLDER
from deployer.journal.home import Home

__all__ = ["Old", "Pruned", "look_for_old", "prune"]


@dataclass(frozen=True, slots=True)
class Old:
    """What may go of a name: rollouts that ended `before` a moment (UTC), oldest first, and saved plans.

    `needed` is how many more ended before and stay.
    """

    before: str
    rollouts: Sequence[Standing]
    plans: Sequence[Path]
    needed: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """The rollouts that went, by id, and why the journal's file is no smaller, if that is so."""

    rollouts: Sequence[str]
    stiff: str


async def look_for_old(home: Home, name: str, *, days: int) -> Old:
    """Return what ended more than so many days ago and nobody can need; of plans, those of every name."""
    until = datetime.now(UTC) - timedelta(days=days)
    before, plans = utc_text(until), sorted(_plans(home.folder / FOLDER, until.timestamp()))
    if not home.exists():
        return Old(before, (), plans, 0)
    async with home.open(read_only=True) as book:
        found = await book.prunable(name, before=before)
        ended = await book.ended(name, before=before)
        standings = [Standing(each, await book.counts(each.id), home) for each in found]
    return Old(before, standings, plans, ended - len(found))


def _plans(folder: Path, until: float) -> Iterator[Path]:
    """Yield the files of saved plans, and what is left of such that were never whole."""
    return (file for file in folder.glob("*") if file.is_file() and file.stat().st_mtime < until)


async def prune(home: Home, old: Old, watch: Callable[[int], None]) -> Pruned:
    """Delete what may go, and give the room back; `watch` is told how many rollouts are through.

    Raise GuardError where others are at work with a file. Each rollout goes whole or not at all, and who has come to be
    needed meanwhile stays.
    """
    gone, stiff = [], ""
    if old.rollouts:
        with home.hold():
            async with home.open(alone=False) as book:
                for number, each in enumerate(old.rollouts, 1):
                    if await book.prune(each.rollout, before=old.before):
                        gone.append(each.rollout.id)
                    watch(number)
            stiff = await to_thread.run_sync(home.shrink)
    for file in old.plans:
        file.unlink(missing_ok=True)
    return Pruned(gone, stiff)
