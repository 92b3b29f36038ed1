"""What journals that several workers share write only while what it is about is theirs, on tables in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from random import Random

import anyio
import pytest

from deployer.domain.deployment import Deployment
from deployer.domain.gate import Gate, GateState
from deployer.domain.lifecycle import Event, State
from deployer.domain.waves import Wave
from deployer.errors import GuardError
from deployer.journal.postgres import PostgresJournal
from deployer.journal.watched import WatchedDatabase
from tests.clockwork import BACKEND
from tests.factories import crowd, plan, rollout
from tests.journal.entries import AT, entry
from tests.simulation.journal import InlineWriter, Session, Tables, shared
from tests.simulation.process import Process, Trace
from tests.simulation.weather import Weather

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", [BACKEND], ids=["virtual time"]),
]

FIRST = rollout()
CALM = Weather({}, 0.0, 0.0, 0.0, 0.0, 0.0, calm=True)
HELD = {"user1": ["main"], "user2": ["second"], "the rollout": [FIRST.id]}


@pytest.fixture
def tables() -> Iterator[Tables]:
    with closing(Tables()) as tables:
        yield tables


def worker() -> Process:
    return Process("worker", CALM, Random(0), Trace(), boot=1)


def journal_of(tables: Tables) -> PostgresJournal:
    return shared(tables, worker())


@asynccontextmanager
async def at_work(tables: Tables) -> AsyncIterator[tuple[PostgresJournal, list[Deployment]]]:
    """Begin a rollout of two accounts in one wave, and hold all that it needs."""
    tenants = [*crowd(1), *(replace(one, tenant="other", integration="f" * 24) for one in crowd(1, account="second"))]
    async with journal_of(tables) as journal:
        await journal.begin(FIRST, plan(*(replace(one, wave=1) for one in tenants)))
        async with journal.holding(HELD, "boot"):
            yield journal, list(await journal.deployments(FIRST.id, after=-1, limit=9))


def take_over(tables: Tables, account: str) -> None:
    tables.raw.execute("UPDATE claim SET epoch = epoch + 1 WHERE account = ?", (account,))


def beats(tables: Tables) -> dict[str, float]:
    return dict(tables.raw.execute("SELECT account, beat FROM claim"))


Write = Callable[[PostgresJournal, Deployment], Awaitable[object]]
WRITES: list[tuple[str, Write]] = [
    ("user1", lambda journal, one: journal.record(entry(one, Event.INTEND))),
    ("user1", lambda journal, one: journal.admit(one, Wave("w", 2, 2, 0), strict=False)),
    ("the rollout", lambda journal, _: journal.set_gate(FIRST.id, Gate(1, GateState.BAKING, AT))),
    ("the rollout", lambda journal, _: journal.conclude(FIRST.id, outcome="paused", reason="", ended_at=None)),
]


@pytest.mark.parametrize(("account", "write"), WRITES, ids=["a step", "a seat", "a gate", "an end"])
async def test_what_is_written_of_what_was_taken_over_is_refused_and_all_else_is_not(
    tables: Tables, account: str, write: Write
) -> None:
    async with at_work(tables) as (journal, [one, _]):
        for other in HELD.keys() - {account}:
            take_over(tables, other)
        await anyio.sleep(2.0)
        await write(journal, one)
        assert beats(tables) == {each: 2.0 if each == account else 0.0 for each in HELD}
        take_over(tables, account)
        with pytest.raises(GuardError, match=f"account {account} was taken over by another deployer"):
            await write(journal, one)


async def test_who_watches_sees_who_has_what_and_since_when_that_was_not_heard_of(tables: Tables) -> None:
    async with at_work(tables):
        await anyio.sleep(2.0)
        book = WatchedDatabase(lambda: Session(tables))
        book._writer = InlineWriter(lambda: Session(tables), worker())  # noqa: SLF001 - in place of the thread
        async with book:
            assert [(what, seconds) for what, _, seconds in await book.holders()] == [
                (what, 2.0) for what in sorted(HELD)
            ]


async def test_journals_that_write_together_each_write_of_what_is_their_own(tables: Tables) -> None:
    async with AsyncExitStack() as stack:
        journal, [one, _] = await stack.enter_async_context(at_work(tables))
        other = journal_of(tables)
        other._writer = journal._writer  # noqa: SLF001 - as journals of one home have it
        await other.begin(rollout(number=2), plan(*crowd(1, account="third")))
        [another] = await other.deployments("order-sync-2", after=-1, limit=1)
        await stack.enter_async_context(other.holding({"user3": ["third"]}, "boot"))
        take_over(tables, "user2")  # with which neither has anything to do
        await anyio.sleep(2.0)
        other.note(entry(another, Event.INTEND))
        await journal.record(entry(one, Event.INTEND))
        assert beats(tables) == {"the rollout": 0.0, "user1": 2.0, "user2": 0.0, "user3": 2.0}
        found = [await journal.deployment(each.rollout, each.planned.tenant) for each in (one, another)]
        assert [each and each.steps[0].state for each in found] == [State.INTENDED, State.INTENDED]
