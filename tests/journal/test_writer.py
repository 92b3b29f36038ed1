"""The writer's thread, and those who wait for it."""

import asyncio
import gc
import sqlite3
import threading
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from deployer.errors import DeployerError, JournalError
from deployer.journal.connection import Connection, Row
from deployer.journal.writer import BATCH, LINGER, SPACING, Book, Writer
from deployer.journal.writers import SharedWriter

pytestmark = pytest.mark.anyio


async def test_a_failure_that_nobody_waits_for_any_more_is_not_printed() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    writer = Writer(lambda: sqlite3.connect(":memory:"))
    await writer.start()
    entered, left = Event(), Event()

    def fail(_: Connection) -> None:
        entered.set()
        left.wait()
        raise sqlite3.OperationalError("disk I/O error")

    asking = asyncio.create_task(writer.ask(fail))
    await asyncio.to_thread(entered.wait)
    asking.cancel()
    await asyncio.wait([asking])
    del asking
    left.set()
    await writer.stop()
    await asyncio.sleep(0)  # the loop hears of the failure
    del writer
    gc.collect()

    assert complaints == []


class Room:
    """A database in memory, and what was begun, committed and rolled back in it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.opened = 0

    def connect(self) -> sqlite3.Connection:
        self.opened += 1
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.execute("CREATE TABLE rows (value INTEGER)")
        connection.set_trace_callback(self.said.append)
        self.connection = connection
        return connection

    def count(self, statement: str) -> int:
        return self.said.count(statement)


def put(value: int) -> Callable[[Connection], int]:
    """Return the work of writing a row, which returns its value."""

    def work(connection: Connection) -> int:
        connection.execute("INSERT INTO rows VALUES (?)", (value,))
        return value

    return work


def values(connection: Connection) -> list[int]:
    return [value for (value,) in connection.execute("SELECT value FROM rows")]


def broken(_: Connection) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "journal"]


class _Breakable(Book):
    def fail(self) -> None:
        self._writer.tell(broken)

    async def add(self, value: int) -> list[Row]:
        self._writer.tell(put(value))
        return await self._select("SELECT value FROM rows WHERE value >= ?", (2,))


@pytest.fixture
def room() -> Room:
    return Room()


async def test_who_asks_gets_the_result_and_what_was_told_before_is_there(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    for value in range(3):
        writer.tell(put(value))
    assert await writer.ask(put(3)) == 3
    assert await writer.ask(values) == [0, 1, 2, 3]
    assert not writer.is_broken
    assert not writer.waiting
    await writer.stop()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        room.connection.execute("SELECT 1")


async def test_a_program_that_ends_does_not_wait_for_the_thread(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    assert [thread.daemon for thread in threads()] == [True]
    await writer.stop()


async def test_what_is_told_shares_the_commit_of_whoever_asks_next(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    before = room.count("COMMIT")
    for value in range(100):
        writer.tell(put(value))
    await writer.ask(put(100))
    assert room.count("COMMIT") - before == 1
    await writer.stop()


async def test_no_commit_has_more_than_a_batch(room: Room) -> None:
    gate, writer = Event(), Writer(room.connect)
    await writer.start()
    writer.tell(lambda _: gate.wait())
    await asyncio.sleep(0.05)  # more than a job lingers: the next are not in its commit
    before = room.count("COMMIT")
    for value in range(2 * BATCH + 1):
        writer.tell(put(value))
    gate.set()
    await writer.stop()
    assert BATCH == 1000
    assert room.count("COMMIT") - before == 1 + 3


async def test_what_was_asked_for_is_done_before_the_writer_stops(room: Room) -> None:
    gate, writer = Event(), Writer(room.connect)
    await writer.start()
    asking = [asyncio.ensure_future(writer.ask(lambda _: gate.wait()))]
    asking += [asyncio.ensure_future(writer.ask(put(value))) for value in range(5)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    stopping = asyncio.ensure_future(writer.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert await asyncio.gather(*asking) == [True, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("failed", [broken, lambda connection: connection.execute("INSERT INTO elsewhere VALUES (1)")])
async def test_after_a_failure_nothing_is_written_and_everybody_is_told_why(
    room: Room, failed: Callable[[Connection], object]
) -> None:
    writer = Writer(room.connect)
    await writer.start()
    writer.tell(put(1))
    with pytest.raises(JournalError, match=r"^the journal cannot be used: (disk I/O error|no such table: elsewhere)$"):
        await writer.ask(failed)
    assert writer.is_broken
    with pytest.raises(JournalError) as told:
        writer.tell(put(2))
    assert "run the same command again" in str(told.value.remedy)
    assert room.said[-1] == "ROLLBACK"
    for call in (writer.ask(put(2)), asyncio.to_thread(writer.tell, put(3))):
        with pytest.raises(JournalError, match="cannot be used") as caught:
            await call
        assert isinstance(caught.value.__cause__, sqlite3.Error)
    writer.own_up()  # it was told
    await writer.stop()


async def test_an_error_of_ours_is_told_as_it_is(room: Room) -> None:
    def refuse(_: Connection) -> None:
        raise JournalError("met 0 rows")

    writer = Writer(room.connect)
    await writer.start()
    with pytest.raises(JournalError, match=r"^met 0 rows$"):
        await writer.ask(refuse)
    await writer.stop()


async def test_a_failure_that_nobody_was_told_is_owned_up_to_and_only_once(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    writer.tell(broken)
    await writer.stop()
    with pytest.raises(JournalError, match="cannot be used"):
        writer.own_up()
    writer.own_up()


async def test_jobs_that_wait_when_another_fails_fail_too(room: Room) -> None:
    gate, writer = Event(), Writer(room.connect)
    await writer.start()
    writer.tell(lambda _: gate.wait())
    asking = [asyncio.ensure_future(writer.ask(work)) for work in (put(1), broken, put(2))]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(result) for result in results[1:]] == [JournalError, JournalError]
    await writer.stop()


async def test_tables_that_cannot_be_opened_are_an_error_for_whoever_asks_and_leave_no_thread() -> None:
    def refuse() -> Connection:
        raise JournalError("there is no journal")

    book = Book(refuse)
    with pytest.raises(JournalError, match=r"^there is no journal$"):
        async with book:
            raise AssertionError
    assert threads() == []


async def test_who_asks_while_tables_are_opened_that_cannot_be_is_told_why() -> None:
    gate = Event()

    def refuse() -> Connection:
        gate.wait()
        raise JournalError("there is no journal")

    writer = Writer(refuse)
    writer.begin()
    asking = [asyncio.ensure_future(writer.ask(put(value))) for value in range(2)]
    await asyncio.sleep(0)
    gate.set()
    assert [str(each) for each in await asyncio.gather(*asking, return_exceptions=True)] == ["there is no journal"] * 2
    await writer.stop()


async def test_jobs_that_come_while_another_fails_are_not_done(room: Room) -> None:
    entered, left, writer = Event(), Event(), Writer(room.connect)
    await writer.start()

    def fail(_: Connection) -> None:
        entered.set()
        left.wait()
        raise sqlite3.OperationalError("disk I/O error")

    asking = [asyncio.ensure_future(writer.ask(fail))]
    await asyncio.to_thread(entered.wait)
    asking.append(asyncio.ensure_future(writer.ask(put(1))))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    left.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    await writer.stop()
    assert [type(result) for result in results] == [JournalError, JournalError]
    assert not any(said.startswith("INSERT") for said in room.said)


@pytest.mark.parametrize("last", [put(7), broken])
async def test_whoever_is_cancelled_keeps_no_answer_from_the_others(
    room: Room, last: Callable[[Connection], object]
) -> None:
    gate, writer = Event(), Writer(room.connect)
    await writer.start()
    writer.tell(lambda _: gate.wait())
    asking = [asyncio.ensure_future(writer.ask(work)) for work in (put(1), put(2), last)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.wait(asking[:1])
    gate.set()
    results = await asyncio.gather(*asking[1:], return_exceptions=True)
    assert results == [2, 7] or [type(each) for each in results] == [JournalError, JournalError]
    await writer.stop()


def test_an_answer_for_a_loop_that_was_closed_harms_nobody(room: Room) -> None:
    entered, left, writer = Event(), Event(), Writer(room.connect)

    def work(_: Connection) -> None:
        entered.set()
        left.wait()

    async def leave() -> None:
        await writer.start()
        asking = asyncio.ensure_future(writer.ask(work))
        await asyncio.to_thread(entered.wait)
        asking.cancel()

    async def come() -> int:
        value = await writer.ask(put(1))
        await writer.stop()
        return value

    asyncio.run(leave())
    left.set()
    assert asyncio.run(come()) == 1


async def test_a_book_selects_rows(room: Room) -> None:
    async with _Breakable(room.connect) as book:
        assert [await book.add(value) for value in (1, 2, 3)] == [[], [(2,)], [(2,), (3,)]]


async def test_a_shared_writer_that_cannot_be_opened_is_said_to_each_who_takes_it_and_tried_again() -> None:
    tried = 0

    def refuse() -> Connection:
        nonlocal tried
        tried += 1
        raise JournalError("there is no journal")

    shared = SharedWriter(refuse)
    for times in (1, 2):
        with pytest.raises(JournalError, match=r"^there is no journal$"):
            await shared.take()
        assert (tried, threads()) == (times, [])


async def test_a_book_whose_block_failed_says_so_rather_than_what_could_not_be_written(room: Room) -> None:
    async def use(error: Exception | None) -> None:
        async with _Breakable(room.connect) as book:
            book.fail()
            if error:
                raise error

    with pytest.raises(LookupError, match="first"):
        await use(LookupError("first"))
    with pytest.raises(JournalError, match="disk"):
        await use(None)


async def test_spaced_jobs_that_come_shortly_after_a_commit_wait_for_others_and_the_first_does_not(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    before = room.count("COMMIT")
    await writer.ask(put(1), spaced=True)
    assert room.count("COMMIT") - before == 1
    await asyncio.gather(*(writer.ask(put(value), spaced=True) for value in range(20)))
    assert room.count("COMMIT") - before == 2
    await writer.stop()


async def test_commits_of_spaced_jobs_are_not_closer_than_their_spacing(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    began = time.monotonic()
    for value in range(40):
        await writer.ask(put(value), spaced=True)
    assert time.monotonic() - began > 0.9 * 39 * SPACING
    await writer.stop()


async def test_what_is_told_one_after_the_other_shares_commits_and_who_asks_does_not_wait_for_that(room: Room) -> None:
    writer = Writer(room.connect)
    await writer.start()
    before = room.count("COMMIT")
    for value in range(100):
        writer.tell(put(value))
        await asyncio.sleep(0.001)
    waits = []
    for value in range(50):
        began = time.monotonic()
        await writer.ask(put(value))
        waits.append(time.monotonic() - began)
    assert room.count("COMMIT") - before <= 50 + 50
    assert min(waits[1:]) < LINGER  # the first came while others lingered
    await writer.stop()


async def test_a_failure_after_which_nothing_can_be_rolled_back_is_told_too(room: Room) -> None:
    def fail(connection: Connection) -> None:
        connection.close()
        raise sqlite3.OperationalError("disk I/O error")

    writer = Writer(room.connect)
    await writer.start()
    with pytest.raises(JournalError, match="disk I/O error"):
        await writer.ask(fail)
    await writer.stop()


async def test_a_writer_that_is_shared_is_opened_once_and_closed_by_the_last(room: Room) -> None:
    shared = SharedWriter(room.connect)
    one, other = await asyncio.gather(shared.take(), shared.take())
    assert one is other
    await shared.release(one)
    assert await other.ask(put(1)) == 1
    await shared.release(other)
    assert threads() == []
    again = await shared.take()
    assert (again is one, room.opened) == (False, 2)
    await shared.release(again)


async def test_a_shared_writer_that_broke_is_left_to_those_who_have_it(room: Room) -> None:
    shared = SharedWriter(room.connect)
    first = await shared.take()
    with pytest.raises(DeployerError):
        await first.ask(broken)
    second = await shared.take()
    assert second is not first
    await shared.release(first)
    assert await shared.take() is second
    assert await second.ask(put(1)) == 1
    for _ in range(2):
        await shared.release(second)
    assert threads() == []


async def test_each_commit_is_told_with_how_long_it_took() -> None:
    room = Room()
    took: list[float] = []
    writer = Writer(room.connect)
    writer.told = took.append
    await writer.start()
    took.clear()
    begun = time.monotonic()
    await writer.ask(lambda connection: connection.execute("INSERT INTO rows VALUES (1)"))
    passed = time.monotonic() - begun
    await writer.stop()

    assert len(took) == 1
    assert 0.0 < took[0] < passed


async def test_who_opens_a_book_is_told_of_its_commits() -> None:
    took: list[float] = []
    book = Book(Room().connect)
    book.tell_commits(took.append)
    async with book:
        assert len(took) == 1
