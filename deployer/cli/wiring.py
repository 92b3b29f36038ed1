"""Wire a command together: the journal under its lock, the accounts, the log."""

import io
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TextIO, cast

from structlog.typing import FilteringBoundLogger

from deployer.cli.options import lock_path, state_directory
from deployer.domain.manifest import Account
from deployer.engine.accounts import Opening, open_accounts
from deployer.engine.clock import Clock, SystemClock
from deployer.engine.load import Loaded
from deployer.engine.planning import Accounts
from deployer.integrator.client import Exchange
from deployer.journal.lock import exclusive
from deployer.journal.protocol import Journal
from deployer.journal.sqlite import SqliteJournal
from deployer.telemetry import Redactor, new_log

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Stderr(io.TextIOBase):
    """Standard error as it is at each write: a live view takes it over while it is drawn."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a command works with."""

    loaded: Loaded
    journal_path: Path
    journal: Journal
    accounts: Accounts
    clock: Clock
    chance: Random
    log: FilteringBoundLogger
    redactor: Redactor


@asynccontextmanager
async def workplace(
    loaded: Loaded, journal_path: Path, *, verbose: int, read_only: bool = False
) -> AsyncIterator[Workplace]:
    """Open journal and accounts until the command ends; whoever may write holds the journal's lock so long."""
    redactor = Redactor()
    log = new_log(
        cast("TextIO", _Stderr()), level=_LEVELS[min(verbose, 2)], console=sys.stderr.isatty(), redactor=redactor
    )
    chance = Random()
    opening = Opening(
        os.environ,
        loaded.path.parent,
        loaded.manifest.safety,
        chance,
        lambda token: redactor.hide(token.reveal()),
        lambda exchange: _log_exchange(log, exchange),
        state_directory() / "rates",
    )
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(_journal(journal_path, read_only=read_only))
        accounts = await stack.enter_async_context(_accounts(loaded.manifest.accounts, opening, log))
        yield Workplace(loaded, journal_path, journal, accounts, SystemClock(), chance, log, redactor)


@asynccontextmanager
async def _journal(path: Path, *, read_only: bool) -> AsyncIterator[Journal]:
    if not read_only:
        with exclusive(lock_path(path), f"the journal {path}"):
            async with SqliteJournal(path) as journal:
                yield journal
    elif path.exists():  # noqa: ASYNC240 - before anything else runs
        async with SqliteJournal(path, read_only=True) as journal:
            yield journal
    else:  # nothing was ever deployed from here, and looking leaves nothing behind
        with TemporaryDirectory() as nowhere:
            async with SqliteJournal(Path(nowhere) / "journal.db") as journal:
                yield journal


@asynccontextmanager
async def _accounts(
    accounts: Mapping[str, Account], opening: Opening, log: FilteringBoundLogger
) -> AsyncIterator[Accounts]:
    """Open the accounts and log which of them answer."""
    async with open_accounts(accounts, opening) as (answering, refused):
        for account in answering.values():
            log.info("account.opened", account=account.name, host=account.base_url, user=account.user)
        for name, error in refused.items():
            log.error("account.refused", account=name, cause=error.what, remedy=error.remedy)
        yield Accounts(answering, refused)


def _log_exchange(log: FilteringBoundLogger, exchange: Exchange) -> None:
    log.debug(
        "request.answered",
        method=exchange.method,
        path=exchange.path,
        seconds=round(exchange.seconds, 4),
        status=exchange.status,
        reason=exchange.reason,
    )
