"""Who has an account, where several work with one journal: nobody writes for one that was taken over."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from signal import SIGKILL
from types import SimpleNamespace
from typing import cast

import anyio
import psycopg
import pytest

from deployer.domain.deployment import Deployment
from deployer.domain.lifecycle import Event, State
from deployer.domain.waves import Wave
from deployer.engine.accounts import OpenAccount
from deployer.engine.keeping import held
from deployer.errors import DeployerError, GuardError, JournalError
from deployer.journal import claims
from deployer.journal.postgres import PostgresHome, PostgresJournal
from deployer.journal.protocol import Hold
from deployer.journal.tables import TableJournal
from tests.factories import crowd, plan, rollout
from tests.journal.entries import entry
from tests.postgres import Server

pytestmark = pytest.mark.anyio

FIRST = rollout()
BOOT = "this boot"
ACCOUNT = {"user1@api.integrator.io": ["main"]}


def die_unheard(address: str, *, seconds: float) -> None:
    """Let whoever left an account last have died instead, and its last beat be so old."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE deployer.claim SET holder = 'somebody'")
    stop_beating(address, seconds)


@pytest.fixture
def address(database: Server) -> str:
    return database.new_database()


@asynccontextmanager
async def worker(
    address: str, account: str = "user1@api.integrator.io", boot: str = BOOT
) -> AsyncIterator[tuple[PostgresJournal, Hold]]:
    async with PostgresJournal(address, alone=False) as journal, journal.holding({account: ["main"]}, boot) as hold:
        yield journal, hold


async def begun(address: str, tenants: int = 1) -> list[Deployment]:
    async with PostgresJournal(address, alone=False) as journal:
        await journal.begin(FIRST, plan(*(replace(one, wave=1) for one in crowd(tenants))))
        return list(await journal.deployments(FIRST.id, after=-1, limit=1000))


async def state(address: str) -> State:
    async with PostgresJournal(address, read_only=True) as journal:
        found = await journal.deployment(FIRST.id, "tenant-0")
        assert found is not None
        return found.steps[0].state


def raise_epoch(address: str) -> None:
    """Do what a take-over does, and leave the connection of who had the account alone."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE deployer.claim SET epoch = epoch + 1")


def stop_beating(address: str, seconds: float) -> None:
    """Let the last beat be so many seconds older."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("UPDATE deployer.claim SET beat = beat - make_interval(secs => %s)", (seconds,))


async def test_an_account_is_one_workers_at_a_time(address: str) -> None:
    async with worker(address):
        with pytest.raises(GuardError, match=r"account user1@api.integrator.io is in use by process \d+ on "):
            async with worker(address):
                pass
        async with worker(address, "user2@api.integrator.io"):
            pass
    async with worker(address):
        pass


async def test_whoever_takes_an_account_knows_for_how_long_nobody_sent_for_it(address: str) -> None:
    async with worker(address) as (_, hold):
        assert hold.idle(*ACCOUNT) == inf
    await anyio.sleep(0.2)
    async with worker(address) as (_, hold):
        assert 0.2 <= hold.idle(*ACCOUNT) < 5


async def test_whoever_died_may_have_sent_for_as_long_as_a_worker_may_after_its_last_beat(address: str) -> None:
    async with worker(address):
        stop_beating(address, claims.STALL)
        async with worker(address) as (_, hold):
            assert 0 <= hold.idle(*ACCOUNT) - (claims.STALL - claims.PATIENCE) < 5
    die_unheard(address, seconds=4.0)
    async with worker(address) as (_, hold):
        assert hold.idle(*ACCOUNT) == 0.0


async def test_a_refused_worker_can_go_on_with_another_account(address: str) -> None:
    async with worker(address), PostgresJournal(address, alone=False) as journal:
        with pytest.raises(GuardError):
            async with journal.holding(ACCOUNT, BOOT):
                pass
        async with journal.holding({"user2@api.integrator.io": ["other"]}, BOOT):
            assert (await journal.begin_work()).number == 1  # the connection is well


async def test_a_write_of_a_worker_whose_account_was_taken_over_is_refused_and_leaves_nothing(address: str) -> None:
    [one] = await begun(address)
    async with worker(address) as (journal, _):
        raise_epoch(address)
        with pytest.raises(GuardError, match="was taken over by another deployer"):
            await journal.record(entry(one, Event.INTEND))
    assert await state(address) is State.READY


async def test_nobody_is_let_into_a_wave_by_a_worker_whose_account_was_taken_over(address: str) -> None:
    [one] = await begun(address)
    async with worker(address) as (journal, _):
        raise_epoch(address)
        with pytest.raises(GuardError, match="was taken over"):
            await journal.admit(one, Wave("w", 1, 1, 0), strict=False)


async def test_an_account_of_whom_nothing_was_heard_is_taken_over_though_its_connection_lives(address: str) -> None:
    [one] = await begun(address)
    async with worker(address) as (stopped, _):
        stop_beating(address, claims.STALL)
        async with worker(address) as (journal, _):
            await journal.record(entry(one, Event.INTEND))
            with pytest.raises(DeployerError):
                await stopped.record(entry(one, Event.INTEND))
            assert await state(address) is State.INTENDED


async def test_a_beat_that_is_not_old_enough_is_respected(address: str) -> None:
    async with worker(address):
        stop_beating(address, claims.STALL - 5)
        with pytest.raises(GuardError, match="is in use by"):
            async with worker(address):
                pass


async def test_every_write_is_a_beat(address: str) -> None:
    [one] = await begun(address)
    async with worker(address) as (journal, _):
        stop_beating(address, claims.STALL)
        await journal.record(entry(one, Event.INTEND))
        with pytest.raises(GuardError, match="is in use by"):
            async with worker(address):
                pass


async def test_beats_come_by_themselves(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.05)
    async with worker(address) as (_, hold):
        stop_beating(address, 1000)
        with anyio.fail_after(5):
            while True:
                await anyio.sleep(0.1)
                with psycopg.connect(address) as connection:
                    found = connection.execute("SELECT beat > now() - interval '5 s' FROM deployer.claim").fetchone()
                if found == (True,):
                    break
        hold.demand(*ACCOUNT)


async def test_a_worker_that_does_not_reach_the_journal_sends_nothing_more(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(address) as (_, hold):
        hold.demand(*ACCOUNT)
        later = claims.now() + claims.PATIENCE + 1
        monkeypatch.setattr(claims, "now", lambda: later)
        with pytest.raises(GuardError, match="may be somebody else's by now"):
            hold.demand(*ACCOUNT)


async def test_once_an_account_is_given_back_its_client_may_read_again_however_late(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SimpleNamespace(guard=lambda: None)
    limiter = SimpleNamespace(taken_over=lambda _: None)
    account = SimpleNamespace(identity=("api.integrator.io", "user1"), name="main", client=client, limiter=limiter)
    later = claims.now() + claims.PATIENCE + 60
    async with PostgresJournal(address) as journal:
        async with held(journal, [cast("OpenAccount", account)], BOOT):
            monkeypatch.setattr(claims, "now", lambda: later)
            with pytest.raises(GuardError):
                client.guard()
        client.guard()


async def test_what_a_process_had_that_is_dead_for_certain_is_free_at_once(address: str) -> None:
    program = f"""
import anyio, os
from deployer.journal.postgres import PostgresJournal
async def hold():
    async with PostgresJournal({address!r}, alone=False) as journal, journal.holding({ACCOUNT!r}, {BOOT!r}):
        os.kill(os.getpid(), 9)
anyio.run(hold)
"""
    assert (await anyio.run_process([sys.executable, "-c", program], check=False)).returncode == -SIGKILL
    with anyio.fail_after(claims.PATIENCE / 2):
        async with worker(address):
            pass


async def test_whose_connection_was_cut_may_still_send_for_a_while_so_long_others_wait(
    address: str, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "PATIENCE", 2.0)
    async with worker(address) as (cut, _):
        begin = anyio.current_time()
        database.cut(address)
        async with worker(address, boot="another machine's"):
            assert anyio.current_time() - begin > 1.0
        with pytest.raises(JournalError):
            await cut.work()


async def test_a_process_whose_connection_was_cut_has_its_account_again_at_once(address: str, database: Server) -> None:
    async with worker(address) as (cut, _):
        database.cut(address)
        with pytest.raises(JournalError):
            await cut.work()
        with anyio.fail_after(claims.PATIENCE / 2):
            async with worker(address) as (journal, _):
                await journal.work()


async def test_workers_that_ask_at_once_let_in_no_more_than_the_wave_bounds(address: str) -> None:
    tenants = await begun(address, 24)
    wave, granted = Wave("w", 24, 5, 0), []

    async def ask(number: int) -> None:
        async with PostgresJournal(address, alone=False) as journal:
            granted.extend([(await journal.admit(one, wave, strict=False)).granted for one in tenants[number::4]])

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(ask, number)
    assert sum(granted) == 5


async def test_works_that_begin_at_once_are_all_counted(address: str) -> None:
    async def begin() -> None:
        async with PostgresJournal(address, alone=False) as journal:
            for _ in range(5):
                await journal.begin_work()

    async with PostgresJournal(address) as journal:
        await journal.begin_work()
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(begin)
        assert (await journal.work()).number == 21


@asynccontextmanager
async def together(home: PostgresHome, account: str, name: str) -> AsyncIterator[TableJournal]:
    async with home.open(alone=False) as journal, journal.holding({account: [name]}, BOOT):
        assert isinstance(journal, TableJournal)
        yield journal


async def test_journals_that_share_a_connection_write_as_one_and_give_back_only_their_own(
    address: str, tmp_path: Path
) -> None:
    home = PostgresHome(address, tmp_path).sharing()
    one, *_ = await begun(address)
    async with together(home, "user2@api.integrator.io", "other") as other:
        async with together(home, "user1@api.integrator.io", "main") as journal:
            await journal.record(entry(one, Event.INTEND))
            assert await other.counts(FIRST.id)
            assert connections(address) == 1
        assert await state(address) is State.INTENDED
        async with worker(address):  # which was given back
            with pytest.raises(GuardError, match=r"user2@api\.integrator\.io is in use"):
                async with worker(address, "user2@api.integrator.io"):
                    pass


async def test_after_a_shared_connection_was_cut_the_next_journal_has_another(address: str, tmp_path: Path) -> None:
    home = PostgresHome(address, tmp_path).sharing()
    with pytest.raises(JournalError):  # what it noted may not be durable
        await use_what_was_cut(home, address)
    async with home.open(alone=False) as journal:
        await journal.work()


async def test_a_shared_connection_that_cannot_be_opened_is_said_to_each_and_tried_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = PostgresHome(address, tmp_path).sharing()
    with monkeypatch.context() as patched:
        patched.setattr(psycopg, "connect", refused)
        for _ in range(2):
            with pytest.raises(JournalError, match="cannot be reached"):
                async with home.open(alone=False):
                    pass
    async with home.open(alone=False) as journal:
        await journal.work()


async def use_what_was_cut(home: PostgresHome, address: str) -> None:
    async with home.open(alone=False) as kept:
        cut(address)
        with pytest.raises(JournalError):
            await kept.work()
        async with home.open(alone=False) as journal:
            await journal.work()
        with pytest.raises(JournalError):
            await kept.work()


def refused(*_: object, **__: object) -> None:
    raise psycopg.OperationalError("refused")


def cut(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )


def connections(address: str) -> int:
    with psycopg.connect(address, autocommit=True) as connection:
        [(count,)] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        return int(count)


async def test_why_accounts_stopped_is_told_in_one_order_whichever_came_to_its_end_first(address: str) -> None:
    await begun(address)
    async with PostgresJournal(address, alone=False) as journal:
        for account in ("us", "eu"):
            await journal.end_part(FIRST.id, 1, account, "the token is not accepted")
        assert [*await journal.ended_parts(FIRST.id, 1)] == ["eu", "us"]
