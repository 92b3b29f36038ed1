"""What workers do now, as people read it: who is alive, who has which account, what waits."""

from collections.abc import Iterator, Mapping, Sequence

from deployer.domain.plan import Plan
from deployer.engine.accounts import identity_of
from deployer.journal.home import Home
from deployer.workers.queue import address_of, opened_queue
from deployer.workers.tasks import shared

_SILENT = 15.0  # seconds after which it is said for how long nothing was heard


async def workers_text(home: Home, rollout: str) -> str:
    """Return who works on a rollout that was left to workers, and what waits; nothing where it was left to none."""
    async with home.open(read_only=True) as book:
        journal = shared(book)
        if rollout not in {each.id for each in await journal.handed_over()}:
            return ""
        holders, plan = await journal.holders(), await journal.plan(rollout)
    async with opened_queue(address_of(home)) as queue:
        alive, places = await queue.workers(), await queue.places(rollout)
    return "".join(f"{line}\n" for line in _lines(alive // 2, plan, places, holders))


def _lines(
    alive: int, plan: Plan, places: Mapping[str, str], holders: Sequence[tuple[str, str, float]]
) -> Iterator[str]:
    """Yield a line of the workers, and one an account that is worked on or waits, in the order of the queue."""
    noun = "worker is" if alive == 1 else "workers are"
    yield f"{alive or 'no'} {noun} alive" + ("" if alive else ": start one with deployer worker")
    who = {account: (holder, age) for account, holder, age in holders}
    waiting = 0
    for name, state in places.items():
        account = plan.accounts[name]
        host, user = identity_of(account.base_url, account.user)
        holder, age = who.get(f"{user}@{host}", ("", 0.0))
        if state == "doing" and holder:
            silent = f", silent for {age:.0f} s" if age > _SILENT else ""
            yield f"  {name}: {holder}{silent}"
        else:
            waiting += 1
            yield f"  {name}: {waiting}. in the queue"
