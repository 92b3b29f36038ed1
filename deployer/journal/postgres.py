"""The journal in a Postgres database, in a schema of its own, and the claims of those who share it."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, closing, nullcontext, suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import anyio

from deployer.domain.deployment import Deployment
from deployer.domain.documents import Document, canonical
from deployer.domain.samples import Sample
from deployer.domain.waves import Wave
from deployer.errors import DeployerError, GuardError
from deployer.journal import claims
from deployer.journal import queries as q
from deployer.journal.calendar import ALONE_IN_POSTGRES, CLOCK_OF_POSTGRES, Calendar
from deployer.journal.checkup import guarded, read_rows
from deployer.journal.connection import Connection
from deployer.journal.database import connect, glanced, holder_of, shown_address, version_of
from deployer.journal.entering import refusal
from deployer.journal.opening import open_to_write
from deployer.journal.protocol import Admitted, Hold, Rollout
from deployer.journal.reading import deployments_of
from deployer.journal.rows import read_rollout
from deployer.journal.samples import samples_after
from deployer.journal.tables import TableJournal
from deployer.journal.watched import WatchedDatabase
from deployer.journal.writers import SharedWriter

_AGAIN: Final = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Moved:
    """The number of the last of some events, the places of their deployments, and whether there may be more events."""

    latest: int
    places: Sequence[int]
    more: bool


class PostgresJournal(TableJournal):
    """A journal in a database, by its address, `postgresql://…` as libpq reads it; passwords come the usual ways.

    Who may write holds the journal until it is closed, or its connection lost: GuardError says who does.
    """

    is_shared = True

    def __init__(
        self, address: str, *, read_only: bool = False, alone: bool = True, shared: SharedWriter | None = None
    ) -> None:
        super().__init__(lambda: connect(address, read_only=read_only, alone=alone))
        self._shared = shared
        self._names: dict[str, str] = {}  # what a plan calls an account, and what it is
        self._epochs: dict[str, int] = {}
        self._beats: dict[str, float] = {}
        self._idle: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        if self._shared:
            self._writer = await self._shared.take()
            return self
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._shared is None:
            await super().__aexit__(kind, error, traceback)
            return
        with anyio.CancelScope(shield=True):
            try:
                if error is None:
                    # with which all that nobody waited for is durable, or could not be written
                    await self._writer.ask(self._writer.samples.write)
            finally:
                await self._shared.release(self._writer)

    @asynccontextmanager
    async def holding(self, accounts: Mapping[str, Collection[str]], boot: str) -> AsyncIterator[Hold]:
        """Hold accounts against every other worker, and say every few seconds that we are alive."""
        me = claims.this_process(boot)
        try:
            for account, names in sorted(accounts.items()):
                await self._take(account, me)
                self._names |= dict.fromkeys(names, account)
            async with anyio.create_task_group() as group:
                group.start_soon(self._stay_alive)
                yield _Claimed(self._beats, self._idle)
                group.cancel_scope.cancel()
        except BaseExceptionGroup as several:
            if len(several.exceptions) > 1:
                raise
            raise several.exceptions[0] from None  # that a task beats meanwhile concerns nobody
        finally:
            with anyio.CancelScope(shield=True), suppress(DeployerError):
                await self._writer.ask(self._leave)

    async def _take(self, account: str, me: claims.Holder) -> None:
        while True:
            begun = claims.now()
            match await self._writer.ask(lambda connection: claims.take(connection, account, me)):
                case claims.Taken(epoch, idle):
                    self._epochs[account], self._beats[account] = epoch, begun
                    self._idle[account] = inf if idle is None else idle
                    return
                case claims.Busy(holder, None):
                    remedy = "wait until it has ended, or stop it: it can be resumed"
                    raise GuardError(f"account {account} is in use by {holder}", remedy=remedy)
                case claims.Busy(_, seconds):
                    await anyio.sleep(max(seconds or 0.0, _AGAIN))  # the least is what a clock may not even notice

    async def _stay_alive(self) -> None:
        while True:
            await anyio.sleep(claims.BEAT)
            await self._writer.ask(lambda connection: self._guard(connection, self._names))

    async def share(self) -> None:
        """Let others work on the journal at the same time."""
        await self._writer.ask(lambda connection: connection.execute("SELECT pg_advisory_unlock_all()"))

    async def hand_over(self, rollout: str, terms: Document) -> None:
        """Leave a rollout to the workers, on terms that are no part of its plan."""
        row = (rollout, 0, "", canonical(terms))
        await self._writer.ask(lambda connection: connection.execute(q.END_PART, row))

    async def terms(self, rollout: str) -> Document:
        """Return the terms on which a rollout was left to the workers last."""
        found = await self._select(q.TERMS, (rollout,))
        terms: Document = json.loads(found[0][0]) if found and found[0][0] else {}
        return terms

    async def handed_over(self) -> Sequence[Rollout]:
        """Return the rollouts that are the workers' and may go on."""
        return [read_rollout(row)[0] for row in await self._select(q.HANDED_OVER, ())]

    def _admission(self, connection: Connection, deployment: Deployment, wave: Wave, *, strict: bool) -> Admitted:
        stopped = refusal(connection, deployment)
        return stopped or super()._admission(connection, deployment, wave, strict=strict)

    async def end_part(self, rollout: str, wave: int, account: str, cause: str) -> None:
        """Write that an account came to its end in a wave, and why it stopped before, if it did."""
        await self._writer.ask(lambda connection: connection.execute(q.END_PART, (rollout, wave, account, cause)))

    async def ended_parts(self, rollout: str, wave: int) -> Mapping[str, str]:
        """Return the accounts that came to their end in a wave, and why each stopped before, if it did."""
        return dict(await self._select(q.ENDED_PARTS, (rollout, wave)))

    async def forget_parts(self, rollout: str, wave: int) -> None:
        """Let every account of a wave be gone through again."""
        await self._writer.ask(lambda connection: connection.execute(q.FORGET_PARTS, (rollout, wave)))

    async def holders(self) -> Sequence[tuple[str, str, float]]:
        """Return what somebody has, an account or a rollout: which, who, and seconds since that was last heard of."""
        return await self._writer.ask(claims.holders)

    async def latest_event(self) -> int:
        """Return the number of the newest event."""
        [(number,)] = await self._select(q.LATEST_EVENT, ())
        return int(number)

    async def latest_sample(self) -> int:
        """Return the number of the newest sample."""
        [(number,)] = await self._select(q.LATEST_SAMPLE, ())
        return int(number)

    async def samples_after(self, rollout: str, number: int, *, limit: int) -> Sequence[tuple[int, Sample]]:
        """Return the next samples of a rollout after a number, each with its own."""
        return await self._writer.ask(lambda connection: samples_after(connection, rollout, number, limit=limit))

    async def moved(self, rollout: str, *, after: int, limit: int) -> Moved:
        """Return what the next events after one, so many at most, tell of in a rollout."""
        found = await self._select(q.MOVED, (rollout, after, limit))
        latest = max((number for number, _, _ in found), default=after)
        return Moved(latest, [place for _, place, _ in found], sum(count for *_, count in found) == limit)

    async def rested_at(self, rollout: str, places: Sequence[int]) -> Sequence[Deployment]:
        """Return the deployments at some places in the plan that have nothing left to do."""
        wanted = {"rollout": rollout, "places": json.dumps(places)}
        return await self._writer.ask(lambda connection: deployments_of(connection, q.RESTED_AT, wanted))

    def _leave(self, connection: Connection) -> None:
        claims.leave(connection, self._epochs)
        self._names, self._epochs, self._beats = {}, {}, {}

    def _guard(self, connection: Connection, names: Collection[str]) -> None:
        claims.beat(connection, self._claimed(names))

    def _claimed(self, names: Collection[str]) -> Mapping[str, int]:
        accounts = {self._names[name] for name in names if name in self._names}
        self._beats |= dict.fromkeys(accounts, claims.now())
        return {account: self._epochs[account] for account in accounts}

    def _alone(self, connection: Connection, what: str) -> None:  # noqa: ARG002 - one lock for all: they share commits
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('alone'))")


class _Claimed(Hold):
    """Accounts that were claimed, and when each was last known to be."""

    def __init__(self, beats: Mapping[str, float], idle: Mapping[str, float]) -> None:
        self._beats = beats
        self._idle = idle

    def idle(self, account: str) -> float:
        """Return for how many seconds nobody had sent anything for an account when it was taken."""
        return self._idle[account]

    def demand(self, account: str) -> None:
        """Raise GuardError unless the account was ours a moment ago."""
        if claims.now() - self._beats[account] > claims.PATIENCE:
            raise GuardError(
                f"account {account} may be somebody else's by now: the journal was not reached in time",
                remedy="nothing more is sent; see how far it is: deployer status",
            )


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """A database, by its address; `folder` is where plans lie on this machine."""

    address: str
    folder: Path
    shared: SharedWriter | None = None  # of the journals that are opened to write beside others

    def sharing(self) -> "PostgresHome":
        """Return the same home, whose journals have one connection together where they are not alone."""
        writer = SharedWriter(lambda: connect(self.address, read_only=False, alone=False))
        return replace(self, shared=writer)

    def __str__(self) -> str:
        return shown_address(self.address)

    @property
    def name(self) -> str:
        return str(self)

    @property
    def is_shared(self) -> bool:
        return True

    def exists(self) -> bool:
        with glanced(self.address) as raw:
            return version_of(raw) is not None

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()  # the journal holds itself while it is open

    def holder(self) -> str | None:
        with glanced(self.address) as raw:
            return holder_of(raw)

    def open(self, *, read_only: bool = False, alone: bool = True) -> PostgresJournal:
        shared = None if read_only or alone else self.shared
        return PostgresJournal(self.address, read_only=read_only, alone=alone, shared=shared)

    def calendar(self, *, read_only: bool = False) -> Calendar:
        def opened() -> Connection:
            return connect(self.address, read_only=read_only, alone=False)

        return Calendar(opened, alone=ALONE_IN_POSTGRES, clock=CLOCK_OF_POSTGRES)

    def watched(self) -> WatchedDatabase:
        return WatchedDatabase(lambda: connect(self.address, read_only=True))

    def mark(self) -> object:
        with glanced(self.address) as raw:
            return raw.execute("SELECT pg_current_snapshot()::text").fetchone()

    def copy(self, target: Path) -> None:
        if not self.exists():
            return
        with closing(connect(self.address, read_only=True)) as source, closing(open_to_write(target)) as copy:
            copy.execute("BEGIN")
            for table, query in guarded(source):
                copy.executemany(q.COPY[table], source.execute(query))
            copy.execute("COMMIT")

    def shrink(self) -> str:
        return ""  # the database does that by itself

    def examine(self) -> str:
        with closing(connect(self.address, read_only=True)) as connection:
            return read_rows(connection)
