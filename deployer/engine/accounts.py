"""Open the accounts of a rollout: who each is, its client, and one rate budget for each account behind them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import anyio.to_thread
from aiohttp import ClientSession

from deployer.domain.adaptive import Pace, known, unknown
from deployer.domain.manifest import Account, Rate, Safety
from deployer.domain.pacing import BURST, PER_SECOND
from deployer.errors import AccountError, DeployerError
from deployer.integrator.client import Client, Exchange, Timeouts
from deployer.integrator.limiter import Crowd, Limiter
from deployer.integrator.token import Token, read_token
from deployer.integrator.transport import open_session
from deployer.integrator.wire import Done, NotSent, Refused, Unknown

IN_FLIGHT = 512  # a ceiling: what really is in flight follows from rate and latency


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account that answers. `user` is the id its token belongs to."""

    name: str
    base_url: str
    user: str
    client: Client
    limiter: Limiter

    @property
    def identity(self) -> tuple[str, str]:
        """Return what two entries of one account have in common: host and user."""
        return urlsplit(self.base_url).netloc, self.user


@dataclass(frozen=True, slots=True)
class Opening:
    """How accounts are opened: where tokens come from, how long calls take, who watches the requests."""

    env: Mapping[str, str]
    base: Path
    safety: Safety
    chance: Random
    tokens: Callable[[Token], None]
    trace: Callable[[Exchange], None]


@asynccontextmanager
async def open_accounts(
    accounts: Mapping[str, Account], opening: Opening
) -> AsyncIterator[tuple[dict[str, OpenAccount], dict[str, DeployerError]]]:
    """Open each account; those that cannot be opened come with the reason, and none of them stops the others."""
    opened: dict[str, OpenAccount] = {}
    refused: dict[str, DeployerError] = {}
    budgets: dict[tuple[str, str], Limiter] = {}
    async with open_session() as session:
        for name, account in accounts.items():
            try:
                opened[name] = await _open(name, account, opening, session, budgets)
            except DeployerError as error:
                refused[name] = error
        yield opened, refused


def new_limiter(account: Account, crowd: Crowd | None = None) -> Limiter:
    """Return the rate budget of an account as the manifest limits it; without a word, the documented one."""
    rate = account.rate or Rate()
    return Limiter(_pace(rate), rate.in_flight or IN_FLIGHT, crowd)


def _pace(rate: Rate) -> Pace:
    share = rate.share or 1.0
    if rate.per_second == "auto":
        return unknown(share)
    return known(rate.per_second or PER_SECOND, rate.burst or BURST, share)


async def _open(
    name: str,
    account: Account,
    opening: Opening,
    session: ClientSession,
    budgets: dict[tuple[str, str], Limiter],
) -> OpenAccount:
    token = await anyio.to_thread.run_sync(lambda: read_token(account.token, env=opening.env, base=opening.base))
    opening.tokens(token)
    limiter = new_limiter(account)

    def client(limiter: Limiter) -> Client:
        timeouts = Timeouts(opening.safety.clone_timeout, opening.safety.timeout, chance=opening.chance)
        return Client(account.base_url, token, session=session, limiter=limiter, timeouts=timeouts, trace=opening.trace)

    user = await _who(name, account, client(limiter))
    shared = budgets.setdefault((account.base_url, user), limiter)
    return OpenAccount(name, account.base_url, user, client(shared), shared)


async def _who(name: str, account: Account, client: Client) -> str:
    match await client.who():
        case Done(user):
            return user
        case Refused(status):
            raise AccountError(
                f"account {name}: the API does not accept the token ({status})",
                remedy=f"check that the token is complete, not expired, and made for {account.base_url}",
            )
        case Unknown(reason) | NotSent(reason):
            raise AccountError(
                f"account {name}: {account.base_url} cannot be reached: {reason}",
                remedy="check the address and the network, and try again",
            )
