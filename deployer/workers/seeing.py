"""What workers do now: who is alive, who has which account, what waits."""

from collections.abc import Iterator, Mapping, Sequence

from deployer.domain.documents import Document
from deployer.domain.plan import Plan
from deployer.engine.accounts import identity_of
from deployer.journal.home import Home
from deployer.workers.queue import address_of, opened_queue
from deployer.workers.tasks import shared


async def workers_of(home: Home, rollout: str) -> Document | None:
    """Return who works on a rollout that was left to workers, and what waits; None where it was left to none."""
    async with home.open(read_only=True) as book:
        journal = shared(book)
        if rollout not in {each.id for each in await journal.handed_over()}:
            return None
        holders, plan = await journal.holders(), await journal.plan(rollout)
    async with opened_queue(address_of(home)) as queue:
        alive, places = await queue.workers(), await queue.places(rollout)
    return {"alive": alive // 2, "accounts": list(_accounts(plan, places, holders))}  # a worker is one of each queue


def _accounts(plan: Plan, places: Mapping[str, str], holders: Sequence[tuple[str, str, float]]) -> Iterator[Document]:
    """Yield the accounts that are worked on or wait, in the order of the queue."""
    who = {account: (holder, age) for account, holder, age in holders}
    waiting = 0
    for name, state in places.items():
        account = plan.accounts[name]
        host, user = identity_of(account.base_url, account.user)
        holder, age = who.get(f"{user}@{host}", ("", 0.0))
        if state == "doing" and holder:
            yield {"account": name, "worker": holder, "silent_seconds": round(age, 1), "place": None}
        else:
            waiting += 1
            yield {"account": name, "worker": None, "silent_seconds": None, "place": waiting}
