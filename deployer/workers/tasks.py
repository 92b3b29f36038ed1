"""What a worker does with a job. No task decides anything: each calls the loop that a single process runs too."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import anyio
from pydantic import TypeAdapter

from deployer.api.planned import planned_manifest
from deployer.api.rolling import Stop, Work, worked
from deployer.api.workplace import Office, Rollout, Workplace, workplace
from deployer.domain.firing import Firing
from deployer.domain.freeze import Freeze
from deployer.domain.instructions import Standing
from deployer.domain.notify import Hook, Stood
from deployer.domain.plan import Plan
from deployer.engine.accounts import Accounts, identity_of
from deployer.engine.carrying import Ending, Part, Spread, carry_part, conduct
from deployer.engine.rollouts import Crew
from deployer.errors import DeployerError, GuardError, JournalError
from deployer.journal.home import Home
from deployer.journal.postgres import PostgresJournal
from deployer.journal.protocol import Journal
from deployer.workers.queue import Queue

_FREEZES: TypeAdapter[tuple[Freeze, ...]] = TypeAdapter(tuple[Freeze, ...])
_HOOKS: TypeAdapter[tuple[Hook, ...]] = TypeAdapter(tuple[Hook, ...])
_STOOD: TypeAdapter[Stood | None] = TypeAdapter(Stood | None)
_LOOK = 0.25  # seconds between two looks at what others have done
_LOST = 40  # looks after which a job that nobody has is queued again


class UnfinishedError(Exception):
    """A job is to be gone on with, here or elsewhere."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What the jobs of a worker share; `folder` is where files are that a manifest names, such as those of tokens."""

    home: Home
    address: str
    folder: str
    office: Office
    queue: Queue
    stop: Stop
    heard: Callable[[Firing], Awaitable[None]]

    async def conduct(self, rollout: str) -> None:
        """Go through the waves and gates of a rollout, as long as it may go on; raise UnfinishedError where it may."""
        found = await self._going_on(rollout)
        if found is None:
            return
        async with unfinished_without_journal(), self._place(rollout) as place:
            journal = shared(place.journal)
            plan = await journal.plan(rollout)
            alone = journal.holding({f"rollout {rollout}": [rollout]}, place.clock.moment().boot)
            async with alone, self._stopping() as stop:
                spread = _Spreading(self, journal, rollout, plan, stop).go
                stood = _STOOD.validate_python((await journal.terms(rollout)).get("stood"))
                async with worked(place, found, Work(partial(_conduct, spread), stop, stood=stood)) as rolling:
                    async for _ in rolling:
                        pass
        if self.stop.asked:
            raise UnfinishedError

    async def carry(self, rollout: str, part: Part) -> None:
        """Move what an account has of a wave; raise UnfinishedError where this worker could not come to the end."""
        try:
            async with unfinished_without_journal():
                cause = await self._carried(rollout, part)
        except DeployerError as error:
            cause = error.what
        if cause is not None:
            async with self.home.open(alone=False) as journal:
                await shared(journal).end_part(rollout, part.wave, part.account, cause)

    async def _carried(self, rollout: str, part: Part) -> str | None:
        """Move it, and return why the account stopped, nothing where it did not; None where nobody waits for it."""
        found = await self._going_on(rollout)
        if found is None:
            return None
        async with self._place(rollout, (part.account,)) as place:
            async with self._stopping() as stop:
                work = Work(partial(carry_part, part=part), stop, concludes=False)
                async with worked(place, found, work) as rolling:
                    async for _ in rolling:
                        pass
            if self.stop.asked and await self._is_open(place, rollout, part):
                raise UnfinishedError
            return rolling.ending.halted.get(part.account, "")

    @asynccontextmanager
    async def _stopping(self) -> AsyncIterator[Stop]:
        """Give a job a stop of its own, for a pause of its rollout, that is asked for at the end of the shift too."""
        stop = Stop()

        async def pass_on() -> None:
            await self.stop.wait()
            stop.ask()

        async with anyio.create_task_group() as group:
            group.start_soon(pass_on)
            yield stop
            group.cancel_scope.cancel()

    async def _is_open(self, place: Workplace, rollout: str, part: Part) -> bool:
        left = await place.journal.claim(rollout, part.account, wave=part.wave, begun=None, after=-1, limit=1)
        return bool(left)

    async def _going_on(self, rollout: str) -> Rollout | None:
        """Return a rollout, unless it goes on no more, or not now: then nothing is sent for it."""
        async with self.home.open(read_only=True) as book:
            found = [each for each in await book.rollouts(begins=rollout, limit=1) if each.id == rollout]
            paused = Standing.of(await book.instructions(rollout)).paused
        return found[0] if found and found[0].outcome in {"running", "waiting"} and not paused else None

    @asynccontextmanager
    async def _place(self, rollout: str, accounts: Collection[str] | None = None) -> AsyncIterator[Workplace]:
        """Open what a rollout was planned with, all accounts or some."""
        loaded = await planned_manifest(self.home, rollout, self.folder, accounts)
        async with self.home.open(read_only=True) as book:
            terms = await shared(book).terms(rollout)
        agreed: dict[str, object] = {"freeze": _FREEZES.validate_python(terms.get("freeze", []))}
        agreed |= {"notify": _HOOKS.validate_python(terms.get("notify", []))}
        manifest = loaded.manifest.model_copy(update=agreed)
        opened = workplace(replace(loaded, manifest=manifest), journal=self.home, office=self.office, alone=False)
        async with opened as place:
            yield place


@dataclass(frozen=True, slots=True)
class _Spreading:
    """The tenants of a wave, left to whoever has their accounts."""

    shift: Shift
    journal: PostgresJournal
    rollout: str
    plan: Plan
    stop: Stop

    async def go(self, wave: int, accounts: Collection[str], is_over: bool) -> Mapping[str, str]:  # noqa: FBT001
        """Queue the accounts of a wave and wait until each has come to its end; return why some stopped before."""
        waited = [name for name in accounts if await self._has_work(wave, name)]
        await self.journal.forget_parts(self.rollout, wave)
        await self._queue(wave, waited, is_over=is_over)
        looks = 0
        while not self.stop.asked:
            ended = await self.journal.ended_parts(self.rollout, wave)
            left = [name for name in waited if name not in ended]
            if not left:
                return {name: cause for name, cause in ended.items() if cause}
            looks += 1
            if looks % _LOST == 0:
                queued = await self.shift.queue.places(self.rollout)
                await self._queue(wave, [name for name in left if name not in queued], is_over=is_over)
            await anyio.sleep(_LOOK)
        return {}

    async def _queue(self, wave: int, accounts: Collection[str], *, is_over: bool) -> None:
        for name in accounts:
            account = self.plan.accounts[name]
            lock = " ".join(identity_of(account.base_url, account.user))
            await self.shift.queue.carry(self.rollout, wave, name, lock=lock, is_over=is_over)

    async def _has_work(self, wave: int, account: str) -> bool:
        return bool(await self.journal.claim(self.rollout, account, wave=wave, begun=None, after=-1, limit=1))


@asynccontextmanager
async def unfinished_without_journal() -> AsyncIterator[None]:
    """Raise UnfinishedError where the journal is not to be had, or what is to be done is somebody else's.

    Neither says anything about the account. Of errors that come together, as where a task beats meanwhile, one counts.
    """
    try:
        yield
    except Exception as error:
        first: BaseException = error
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        if isinstance(first, GuardError | JournalError):
            raise UnfinishedError(first.what) from error
        raise first from None


async def _conduct(spread: Spread, crew: Crew, rollout: Rollout, accounts: Accounts) -> Ending:
    return await conduct(crew, rollout, accounts, spread)


def shared(journal: Journal) -> PostgresJournal:
    """Return a journal that workers share."""
    if not isinstance(journal, PostgresJournal):
        raise TypeError("workers share a journal on Postgres")
    return journal
