"""Open the accounts of a rollout: who each is, its client, and one rate budget for each account behind them."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from aiohttp import ClientSession
from anyio import to_thread

from deployer.domain.adaptive import Pace, known, recalled, unknown
from deployer.domain.manifest import REGIONS, Account, Rate, Safety
from deployer.domain.pacing import BURST, IN_FLIGHT, PER_SECOND
from deployer.engine.pool import each
from deployer.engine.rates import keep, recall
from deployer.engine.vault import Vault
from deployer.errors import AccountError, DeployerError
from deployer.integrator.client import Client, Timeouts
from deployer.integrator.limiter import Crowd, Limiter
from deployer.integrator.token import Token, read_token
from deployer.integrator.transport import Exchange, open_session
from deployer.integrator.wire import Done, NotSent, Refused, Unknown

_AT_ONCE = 16  # accounts that are asked who they are


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account that answers. `user` is the id its token belongs to."""

    name: str
    base_url: str
    user: str
    client: Client
    limiter: Limiter
    vault: Vault

    @property
    def identity(self) -> tuple[str, str]:
        """Return what two entries of one account have in common: host and user."""
        return identity_of(self.base_url, self.user)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a manifest: those that answer, and why the others do not."""

    opened: Mapping[str, OpenAccount]
    refused: Mapping[str, DeployerError]

    def demand_one(self) -> None:
        """Raise the first refusal where no account can work at all."""
        if not self.opened:
            raise next(iter(self.refused.values()))

    @property
    def reasons(self) -> dict[str, str]:
        """Return why accounts do not answer, by name, which the reason does not repeat."""
        return {name: error.what.removeprefix(f"account {name}: ") for name, error in self.refused.items()}


def identity_of(base_url: str, user: str) -> tuple[str, str]:
    """Return what two entries of one account have in common: host and user, however the address is written."""
    return urlsplit(base_url).netloc.lower().removesuffix(":443"), user


@dataclass(frozen=True, slots=True)
class Opening:
    """How accounts are opened: where tokens come from, how long calls take, who watches the requests.

    `memory` is the directory in which the rates are kept that were found.
    """

    env: Mapping[str, str]
    base: Path
    safety: Safety
    chance: Random
    tokens: Callable[[Token], None]
    trace: Callable[[Account, Exchange], None] | None
    memory: Path
    vault: Vault


@asynccontextmanager
async def open_accounts(
    accounts: Mapping[str, Account], opening: Opening
) -> AsyncIterator[tuple[dict[str, OpenAccount], dict[str, DeployerError]]]:
    """Open the accounts side by side; those that cannot be opened come with the reason and stop no other.

    Entries of one account share a rate budget, the one that the first of them sets. What is learned of it is kept.
    """
    async with open_session() as session:
        answers = await _ask(accounts, _Lines(opening, session, Crowd()))
        opened = {name: answer for name, answer in answers.items() if isinstance(answer, OpenAccount)}
        try:
            yield opened, {name: answer for name, answer in answers.items() if isinstance(answer, DeployerError)}
        finally:
            _keep(opened.values(), opening.memory)


@dataclass(frozen=True, slots=True)
class _Lines:
    """What all accounts are called over."""

    opening: Opening
    session: ClientSession
    crowd: Crowd

    def client(self, account: Account, token: Token, limiter: Limiter) -> Client:
        """Return a client of an account."""
        safety, watch = self.opening.safety, self.opening.trace
        trace = watch and partial(watch, account)
        timeouts = Timeouts(safety.clone_timeout, safety.timeout, chance=self.opening.chance)
        return Client(account.base_url, token, session=self.session, limiter=limiter, timeouts=timeouts, trace=trace)


async def _ask(accounts: Mapping[str, Account], lines: _Lines) -> dict[str, OpenAccount | DeployerError]:
    """Ask every account who it is; return them in the manifest's order."""
    answers: dict[str, tuple[Token, str] | DeployerError] = {}

    async def ask(entry: tuple[str, Account]) -> None:
        name, account = entry
        try:
            answers[name] = await _called(name, account, lines)
        except DeployerError as error:
            if not error.what.startswith("account "):
                error.where = ": ".join(filter(None, (f"account {name}", error.where)))
            answers[name] = error

    await each(accounts.items(), ask, workers=_AT_ONCE)
    budgets: dict[tuple[str, str], Limiter] = {}
    opened: dict[str, OpenAccount | DeployerError] = {}
    for name, account in accounts.items():
        answer = answers[name]
        opened[name] = answer if isinstance(answer, DeployerError) else _opened(name, account, answer, lines, budgets)
    return opened


async def _called(name: str, account: Account, lines: _Lines) -> tuple[Token, str]:
    """Return an account's token and whose it is."""
    opening = lines.opening
    token = await to_thread.run_sync(lambda: read_token(account.token, env=opening.env, base=opening.base))
    opening.tokens(token)
    return token, await _who(name, account, lines.client(account, token, new_limiter(account, lines.crowd)))


def _opened(
    name: str, account: Account, known_as: tuple[Token, str], lines: _Lines, budgets: dict[tuple[str, str], Limiter]
) -> OpenAccount:
    token, user = known_as
    identity = identity_of(account.base_url, user)
    if identity not in budgets:
        found = recall(lines.opening.memory, identity, time.time())
        budgets[identity] = new_limiter(account, lines.crowd, found)
    limiter = budgets[identity]
    client = lines.client(account, token, limiter)
    return OpenAccount(name, account.base_url, user, client, limiter, lines.opening.vault)


def _keep(opened: Iterable[OpenAccount], memory: Path) -> None:
    """Keep the rates at which accounts were found to refuse."""
    for account in {account.identity: account for account in opened}.values():
        if account.limiter.throttled and account.limiter.found is not None:
            keep(memory, account.identity, account.limiter.found, time.time())


def new_limiter(account: Account, crowd: Crowd | None = None, found: float | None = None) -> Limiter:
    """Return the rate budget of an account as the manifest limits it; without a word, the documented one.

    Where a lower rate was found lately, it is begun with that.
    """
    rate = account.rate or Rate()
    pace = _pace(rate)
    return Limiter(pace if found is None else recalled(pace, found), rate.in_flight or IN_FLIGHT, crowd)


def _pace(rate: Rate) -> Pace:
    share = rate.share or 1.0
    if rate.per_second == "auto":
        return unknown(share)
    return known(rate.per_second or PER_SECOND, rate.burst or BURST, share)


def said_of(account: Account) -> str:
    """Return an account's address, and its region with those that it is not in."""
    others = [name for name, url in REGIONS.items() if url != account.base_url]
    elsewhere = f", not for another region ({', '.join(others)})" if len(others) < len(REGIONS) else ""
    return f"{account.base_url}{elsewhere}"


async def _who(name: str, account: Account, client: Client) -> str:
    match await client.who():
        case Done(user):
            return user
        case Refused(status):
            raise AccountError(
                f"account {name}: the API does not accept the token ({status})",
                remedy=f"check that the token is complete, not expired, and made for {said_of(account)}",
            )
        case Unknown(reason) | NotSent(reason):
            raise AccountError(
                f"account {name}: {account.base_url} cannot be reached: {reason}",
                remedy="check the address and the network, and try again",
            )
