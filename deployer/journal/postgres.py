"""The journal in a Postgres database, in a schema of its own, and the claims of those who share it."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from deployer.errors import DeployerError, GuardError
from deployer.journal import claims
from deployer.journal import queries as q
from deployer.journal.checkup import read_rows
from deployer.journal.connection import Connection
from deployer.journal.database import connect, connected, holder_of, shown_address, version_of
from deployer.journal.opening import open_to_write
from deployer.journal.protocol import Hold
from deployer.journal.tables import TableJournal

_AGAIN: Final = 0.1  # seconds


class PostgresJournal(TableJournal):
    """A journal in a database, by its address, `postgresql://…` as libpq reads it; passwords come the usual ways.

    Who may write holds the journal until it is closed, or its connection lost: GuardError says who does.
    """

    is_shared = True

    def __init__(self, address: str, *, read_only: bool = False, alone: bool = True) -> None:
        super().__init__(lambda: connect(address, read_only=read_only, alone=alone))
        self._names: dict[str, str] = {}  # what a plan calls an account, and what it is
        self._epochs: dict[str, int] = {}
        self._beats: dict[str, float] = {}

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
                yield _Claimed(self._beats)
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
                case claims.Taken(epoch):
                    self._epochs[account], self._beats[account] = epoch, begun
                    return
                case claims.Busy(holder, None):
                    remedy = "wait until it has ended, or stop it: it can be resumed"
                    raise GuardError(f"account {account} is in use by {holder}", remedy=remedy)
                case claims.Busy(_, seconds):
                    await anyio.sleep(seconds or _AGAIN)

    async def _stay_alive(self) -> None:
        while True:
            await anyio.sleep(claims.BEAT)
            await self._writer.ask(lambda connection: self._beat(connection, self._epochs))

    def _beat(self, connection: Connection, accounts: Collection[str]) -> None:
        begun = claims.now()
        claims.beat(connection, self._epochs, accounts)
        self._beats |= dict.fromkeys(accounts, begun)

    def _leave(self, connection: Connection) -> None:
        claims.leave(connection, self._epochs)
        self._names, self._epochs, self._beats = {}, {}, {}

    def _guard(self, connection: Connection, accounts: Collection[str]) -> None:
        self._beat(connection, {self._names[name] for name in accounts if name in self._names})

    def _alone(self, connection: Connection, what: str) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (what,))


class _Claimed(Hold):
    """Accounts that were claimed, and when each was last known to be."""

    def __init__(self, beats: Mapping[str, float]) -> None:
        self._beats = beats

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

    def __str__(self) -> str:
        return shown_address(self.address)

    @property
    def name(self) -> str:
        return str(self)

    @property
    def is_shared(self) -> bool:
        return True

    def exists(self) -> bool:
        with closing(connected(self.address)) as raw:
            return version_of(raw) is not None

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()  # the journal holds itself while it is open

    def holder(self) -> str | None:
        with closing(connected(self.address)) as raw:
            return holder_of(raw)

    def open(self, *, read_only: bool = False, alone: bool = True) -> PostgresJournal:
        return PostgresJournal(self.address, read_only=read_only, alone=alone)

    def copy(self, target: Path) -> None:
        if not self.exists():
            return
        with closing(connect(self.address, read_only=True)) as source, closing(open_to_write(target)) as copy:
            copy.execute("BEGIN")
            for table, query in q.GUARDED.items():
                copy.executemany(q.COPY[table], source.execute(query))
            copy.execute("COMMIT")

    def examine(self) -> str:
        with closing(connect(self.address, read_only=True)) as connection:
            return read_rows(connection)
