"""What every page is made from: the journal that is watched, and how the dashboard was started."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio.to_thread

from deployer.api.schedules import Clock, Firing, Outlook, firings, outlooks
from deployer.api.watching import Rollout, Standing, Watch, WatchedJournal
from deployer.errors import DeployerError, JournalError, UsageError

_ACTS: Final = 20  # of which the pages tell


class NothingYetError(JournalError):
    """Nothing was ever deployed from here."""


class MissingError(UsageError):
    """There is no such page."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did from here, to which rollout, when, and what came of it."""

    rollout: str
    verb: str
    at: str
    said: str
    failed: bool = False


@dataclass(slots=True)
class Site:
    """A dashboard. `manifest` is what commands to type name, of the rollouts of its `name`."""

    watch: Watch
    clock: Clock
    manifest: str
    name: str | None
    may_act: bool
    check: str  # what forms hold
    acts: deque[Act] = field(default_factory=lambda: deque(maxlen=_ACTS))

    @asynccontextmanager
    async def look(self) -> AsyncIterator[WatchedJournal]:
        """Open the journal; raise NothingYetError where there is none, JournalError where it cannot be read."""
        try:
            async with self.watch.look() as book:
                yield book
        except JournalError as error:
            if not await anyio.to_thread.run_sync(self.watch.home.exists):
                raise NothingYetError(error.what, remedy=error.remedy) from None
            raise

    async def calendar(self, *, times: int, past: int) -> tuple[Sequence[Outlook], list[Firing]]:
        """Return the schedules, each with so many of the times to come, and so many of their firings, newest first."""
        home = self.watch.home
        try:
            found = await outlooks(home, None, self.clock, most=times)
            names = {each.kept.rollout for each in found} | ({self.name} if self.name else set())
            fired = [each for name in names for each in await firings(home, name, None, limit=past)] if past else []
        except JournalError:
            if await anyio.to_thread.run_sync(home.exists):
                raise
            return (), []
        return found, sorted(fired, key=lambda each: (each.due, each.schedule), reverse=True)[:past]

    async def find(self, book: WatchedJournal, rollout: str) -> Rollout:
        """Return a rollout; raise MissingError where there is none of that id."""
        found = [each for each in await book.rollouts(begins=rollout, limit=1) if each.id == rollout]
        if not found:
            raise MissingError(f"the journal holds no rollout {rollout}")
        return found[0]

    async def is_newest(self, book: WatchedJournal, rollout: Rollout) -> bool:
        """Tell whether a rollout is the newest of its name: only that is told anything."""
        return (await book.rollouts(rollout.name, limit=1))[0].id == rollout.id

    def manifest_of(self, rollout: Rollout) -> str:
        """Return what a command about a rollout names."""
        return self.manifest if rollout.name == self.name else "MANIFEST"


def outcome_of(now: Standing, *, at_work: bool) -> str:
    """Return the one word for how a rollout stands: one that runs while nobody works on it is unfinished."""
    outcome = str(now.head["outcome"])
    return "unfinished" if outcome == "running" and not at_work else outcome


__all__ = ["Act", "DeployerError", "MissingError", "Rollout", "Site", "Standing", "Watch", "outcome_of"]
