"""How a rollout stands, read from the journal alone, also while another process carries it out."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio.from_thread
import anyio.to_thread

from deployer.domain.deployment import Deployment, Status
from deployer.domain.documents import Document
from deployer.domain.plan import Plan
from deployer.errors import UsageError
from deployer.journal.home import Home
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Happening, Journal, Rollout
from deployer.report.forecast import Course
from deployer.report.summary import WaveStanding, rollout_head, tenant_view

_PAGE = 500
T = TypeVar("T")
Tenant = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """A rollout as it stood when it was asked for; its tenants are read from the journal when they are gone through."""

    rollout: Rollout
    counts: Mapping[Status, int]
    home: Home
    waves: Sequence[WaveStanding] = ()
    revisions: Mapping[str, int] = field(default_factory=dict)
    workers: Document | None = None  # where the rollout was left to any

    @property
    def head(self) -> Document:
        """Return what `status --json` shows besides the tenants."""
        head = rollout_head(self.rollout, self.counts, self.waves, self.revisions)
        return head if self.workers is None else {**head, "workers": self.workers}

    @property
    def at_work(self) -> bool:
        """Tell whether a process works on the journal now."""
        return self.home.holder() is not None

    async def tenants(self, *, troubled: bool = False) -> AsyncIterator[Tenant]:
        """Yield the tenants as `status --json` shows them, in the order of their list: all, or those in trouble."""
        async with self.home.open(read_only=True) as book:
            async for deployment in every_deployment(book, self.rollout.id, troubled=troubled):
                yield tenant_view(deployment)

    async def feed(self, write: Callable[[Iterator[Tenant]], T], *, troubled: bool = False) -> T:
        """Give the tenants to something that goes through them, on a thread of its own; return what it returns."""
        async with self.home.open(read_only=True) as book:
            return await anyio.to_thread.run_sync(lambda: write(self._from_thread(book, troubled=troubled)))

    def _from_thread(self, book: Journal, *, troubled: bool) -> Iterator[Tenant]:
        after = -1

        async def page() -> Sequence[Deployment]:
            return await book.deployments(self.rollout.id, after=after, limit=_PAGE, troubled=troubled)

        while found := anyio.from_thread.run(page):
            yield from map(tenant_view, found)
            after = found[-1].place


async def find_standing(home: Home, *, name: str | None = None, rollout: str | None = None) -> Standing:
    """Return how the newest rollout of a name stands, or the one of an id; raise UsageError where there is none."""
    async with home.open(read_only=True) as book:
        found = await _found(book, home, name=name, rollout=rollout)
        plan = await book.plan(found.id)
        templates = sorted({account.template for account in plan.accounts.values()})
        waves, revisions = await _waves(book, found.id, plan), await book.by_revision(templates)
        return Standing(found, await book.counts(found.id), home, waves, revisions)


async def course_of(journal: Journal, rollout: str) -> Course:
    """Return what a rollout has ahead."""
    waves, ahead = await _waves(journal, rollout, await journal.plan(rollout)), await journal.open_by_account(rollout)
    return Course(waves, [ahead.get(number, {}) for number in range(1, len(waves) + 1) or [0]])


async def _waves(book: Journal, rollout: str, plan: Plan) -> list[WaveStanding]:
    waves, gates = plan.waves, await book.gates(rollout)
    by_wave = await book.counts_by_wave(rollout) if waves else {}
    return [WaveStanding(wave, by_wave[number], gates.get(number)) for number, wave in enumerate(waves, 1)]


async def past(home: Home, *, name: str | None = None, limit: int) -> list[Standing]:
    """Return how the newest rollouts stand, newest first."""
    async with home.open(read_only=True) as book:
        return [Standing(each, await book.counts(each.id), home) for each in await book.rollouts(name, limit=limit)]


async def tenant_history(standing: Standing, tenant: str) -> tuple[Deployment, Sequence[Happening]]:
    """Return one tenant and everything that happened to it; raise UsageError where the rollout has no such tenant."""
    async with standing.home.open(read_only=True) as book:
        found = await book.deployment(standing.rollout.id, tenant)
        if found is None:
            raise UsageError(f'rollout {standing.rollout.id} has no tenant "{tenant}"')
        return found, await book.happenings(found)


async def _found(book: Journal, home: Home, *, name: str | None, rollout: str | None) -> Rollout:
    if rollout is not None:
        name = None
    named = await book.rollouts(name, begins=rollout or "", limit=_PAGE if rollout else 1)
    if not named:
        what = f" {rollout}" if rollout else f" of {name}" if name else ""
        raise UsageError(f"the journal holds no rollout{what}", where=str(home))
    exact = next((each for each in named if each.id == rollout), None)
    if rollout and not exact and len(named) > 1:
        raise UsageError(f"{len(named)} rollouts begin with {rollout}", where=str(home), remedy="give more of its id")
    return exact or named[0]
