"""Hold accounts for a journal, and refuse to send for one that is not the journal which worked there last."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from deployer.domain.command import typed
from deployer.domain.deployment import Moment
from deployer.domain.documents import fingerprint
from deployer.domain.rebuilding import Loss, elsewhere, loss
from deployer.engine.accounts import OpenAccount
from deployer.errors import GuardError
from deployer.journal.lock import Lease, exclusive, glance
from deployer.journal.protocol import Journal

Leases = Mapping[tuple[str, str], Lease]
"""What is held, by the identity of the account."""

_SAYS: Mapping[Loss, str] = {
    Loss.LOST: "another journal lay at {journal} when account {account} was last worked on: it is lost",
    Loss.RESTORED: "{journal} is an older copy: account {account} was worked on since with what it does not know of",
}
_COPIED = "{journal} is a copy with a rollout to go on with, and account {account} was worked on since with {where}"


@contextmanager
def locked(
    locks: Path,
    journal: str,
    accounts: Iterable[OpenAccount],
    *,
    shared: bool = False,
    moment: Callable[[], Moment] | None = None,
) -> Iterator[dict[tuple[str, str], Lease]]:
    """Hold every account: one deployer at a time, from whatever directory and journal it works.

    `locks` is the directory of the user's where they lie; `journal` is empty for whoever only looks. Who works with a
    journal that is `shared` is kept apart by the journal, and keeps out only those with another one. By
    `moment` those who come later know how long ago they were left.
    """
    names = {account.identity: account.name for account in accounts}
    with ExitStack() as stack:
        leases = {
            identity: stack.enter_context(
                exclusive(_lock(locks, identity), f"account {name}", journal=journal, shared=shared, moment=moment)
            )
            for identity, name in sorted(names.items())
        }
        yield leases


@asynccontextmanager
async def held(journal: Journal, accounts: Iterable[OpenAccount], boot: str) -> AsyncIterator[None]:
    """Hold accounts in the journal, so that nothing is sent for one that another worker took over."""
    names: dict[str, list[str]] = {}
    for account in accounts:
        names.setdefault(_name_of(account), []).append(account.name)
    async with journal.holding(names, boot) as hold:
        for account in accounts:
            name = _name_of(account)
            account.client.guard = partial(hold.demand, name)
            account.limiter.taken_over(hold.idle(name))
        try:
            yield
        finally:
            for account in accounts:
                account.client.guard = lambda: None  # what is only read later needs no hold


def _name_of(account: OpenAccount) -> str:
    host, user = account.identity
    return f"{user}@{host}"


async def demand_kept(
    journal: Journal, name: str, accounts: Iterable[OpenAccount], *, locks: Path, manifest: str
) -> None:
    """Raise GuardError where an account knows a later journal of this path, or another one; nothing is held for it."""
    work = await journal.work()
    for account in accounts:
        _, works = glance(_lock(locks, account.identity))
        if lost := loss(works.get(name), work):
            raise _lacking(_SAYS[lost].format(journal=name, account=account.name), manifest)


async def demand_original(
    journal: Journal, name: str, accounts: Iterable[OpenAccount], *, locks: Path, manifest: str
) -> None:
    """Raise GuardError where a copy has anything to go on with, and the original of it was worked with since.

    One with nothing to go on with is good enough: each plan reads what is there.
    """
    work = await journal.work()
    for account in accounts if not journal.is_shared else ():
        _, works = glance(_lock(locks, account.identity))
        where = elsewhere(works, name, work)
        if where and await journal.unfinished():
            raise _lacking(_COPIED.format(journal=name, account=account.name, where=where), manifest)


def _lacking(what: str, manifest: str) -> GuardError:
    return GuardError(what, remedy=f"find out first what is there: {typed('rebuild', manifest)}")


async def begin_work(journal: Journal, name: str, leases: Leases, *, anew: bool = False) -> None:
    """Count a work in the journal and then in every account that is held, each durably, before anything is sent."""
    work = await journal.begin_work(anew=anew)
    for lease in leases.values():
        lease.note(name, work)


def _lock(locks: Path, identity: tuple[str, str]) -> Path:
    return locks / f"{fingerprint(list(identity))[:32]}.lock"
