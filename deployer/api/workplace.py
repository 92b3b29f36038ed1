"""What a rollout is carried out with: the journal under its lock, the accounts, the log, from opening to closing."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from logging import DEBUG
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from structlog.typing import FilteringBoundLogger

from deployer.api.places import journal_home, state_directory
from deployer.domain.documents import Document
from deployer.domain.manifest import Account
from deployer.engine.accounts import Accounts, Opening, open_accounts
from deployer.engine.clock import Clock, SystemClock
from deployer.engine.control import CONTROL
from deployer.engine.load import Loaded
from deployer.engine.plans import FOLDER
from deployer.engine.vault import Vault
from deployer.integrator.limiter import Limiter
from deployer.integrator.transport import Exchange
from deployer.integrator.wire import Done, NotSent, Refused, Throttled, Unknown
from deployer.journal.home import Home
from deployer.journal.protocol import Journal, Rollout
from deployer.journal.sqlite import SqliteJournal
from deployer.telemetry.events import Event
from deployer.telemetry.log import Redactor, log_event
from deployer.telemetry.observing import NOBODY, Call, Observers

_OUTCOMES: Final[Mapping[type, str]] = {
    Done: "done",
    Refused: "refused",
    Unknown: "unknown",
    NotSent: "not_sent",
    Throttled: "throttled",
}

__all__ = ["Exchange", "Office", "Rollout", "Workplace", "workplace"]


@dataclass(frozen=True, slots=True)
class Office:
    """What a caller may set: where the environment, the log and the state lie, who watches the requests, the clock.

    `redactor` learns every token before it is used, and nothing that is written may pass by it; `observers` measure.
    """

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    log: FilteringBoundLogger | None = None
    redactor: Redactor = field(default_factory=Redactor)
    trace: Callable[[Account, Exchange], None] | None = None
    clock: Clock = field(default_factory=SystemClock)
    observers: Observers = NOBODY

    def tell(self, event: Event) -> None:
        """Log an event, and let it be seen."""
        self.observers.told(event)
        if self.log is not None:
            log_event(self.log, event)


@dataclass(frozen=True, slots=True)
class Workplace:
    """A manifest, its journal and its accounts, while they are open."""

    loaded: Loaded
    home: Home
    journal: Journal
    accounts: Accounts
    clock: Clock
    chance: Random
    office: Office

    @property
    def plans(self) -> Path:
        """Return the folder of the saved plans."""
        return self.home.folder / FOLDER

    @property
    def control(self) -> Path:
        """Return the folder in which other processes leave what people say."""
        return self.home.folder / CONTROL

    @property
    def locks(self) -> Path:
        """Return the folder of the accounts' locks, which is the user's, whatever the journal."""
        return state_directory(self.office.env) / "locks"

    @property
    def journal_name(self) -> str:
        """Return the name by which accounts know the journal."""
        return self.home.name

    def tell(self, name: str, fields: Document) -> Event:
        """Log an event, and return it."""
        event = Event(name, self.clock.utc(), fields)
        self.office.tell(event)
        return event


@asynccontextmanager
async def workplace(
    loaded: Loaded,
    *,
    journal: str | Home | None = None,
    office: Office | None = None,
    read_only: bool = False,
    alone: bool = True,
) -> AsyncIterator[Workplace]:
    """Open journal and accounts until the block ends; whoever may write `alone` holds the journal's lock so long.

    `journal` is what the command line takes, or a home that is known.
    """
    office, chance = office or Office(), Random()
    clock = office.clock
    home = journal_home(loaded.path, journal) if journal is None or isinstance(journal, str) else journal
    opening = opening_of(loaded, office, clock, chance)
    async with AsyncExitStack() as stack:
        book = await stack.enter_async_context(_journal(home, read_only=read_only, alone=alone))
        budgets: dict[str, Limiter] = {}
        if office.observers:
            stack.enter_context(office.observers.visiting(loaded.manifest.name, budgets))
            book.tell_commits(partial(office.observers.committed, "postgresql" if home.is_shared else "sqlite"))
        accounts = await stack.enter_async_context(_accounts(loaded.manifest.accounts, opening))
        budgets |= {name: account.limiter for name, account in accounts.opened.items()}
        place = Workplace(loaded, home, book, accounts, clock, chance, office)
        for account in accounts.opened.values():
            place.tell("account.opened", {"account": account.name, "host": account.base_url, "user": account.user})
        only = len(accounts.refused) == 1 and not accounts.opened  # then it is what the command fails with
        for name, error in () if only else accounts.refused.items():
            place.tell("account.refused", {"account": name, "cause": error.what, "remedy": error.remedy})
        yield place


def opening_of(loaded: Loaded, office: Office, clock: Clock, chance: Random) -> Opening:
    """Return how the accounts of a manifest are opened."""
    return Opening(
        office.env,
        loaded.path.parent,
        loaded.manifest.safety,
        chance,
        lambda token: office.redactor.hide(token.reveal()),
        partial(_exchanged, office, clock) if _watches(office) else None,
        state_directory(office.env) / "rates",
        Vault(loaded.manifest.secrets, office.env, loaded.path.parent),
    )


@asynccontextmanager
async def _journal(home: Home, *, read_only: bool, alone: bool) -> AsyncIterator[Journal]:
    if not read_only:
        with home.hold():
            async with home.open(alone=alone) as journal:
                yield journal
    elif home.exists():
        async with home.open(read_only=True) as journal:
            yield journal
    else:  # nothing was ever deployed from here, and looking leaves nothing behind
        with TemporaryDirectory() as nowhere:
            async with SqliteJournal(Path(nowhere) / "journal.db") as journal:
                yield journal


@asynccontextmanager
async def _accounts(accounts: Mapping[str, Account], opening: Opening) -> AsyncIterator[Accounts]:
    async with open_accounts(accounts, opening) as (answering, refused):
        yield Accounts(answering, refused)


def _debugs(office: Office) -> bool:
    return office.log is not None and office.log.is_enabled_for(DEBUG)


def _watches(office: Office) -> bool:
    """Tell whether anybody looks at requests: where nobody does, they are sent with less ado."""
    return office.trace is not None or _debugs(office) or bool(office.observers)


def _exchanged(office: Office, clock: Clock, account: Account, exchange: Exchange) -> None:
    if office.trace is not None:
        office.trace(account, exchange)
    if office.observers:
        office.observers.called(_call(exchange))
    if _debugs(office) and office.log is not None:
        fields: Document = {
            "method": exchange.method,
            "path": exchange.url.path,
            "seconds": round(exchange.seconds, 4),
            "status": exchange.status,
            "reason": exchange.reason,
        }
        log_event(office.log, Event("request.answered", clock.utc(), fields))


def _call(exchange: Exchange) -> Call:
    url = exchange.url
    return Call(
        method=exchange.method,
        scheme=url.scheme,
        host=url.host or "",
        port=url.port or 0,
        path=url.path,
        seconds=exchange.seconds,
        outcome=_OUTCOMES[exchange.outcome],
        status=exchange.status,
        reason=exchange.reason or "",
        resent=exchange.resent,
    )
