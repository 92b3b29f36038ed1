"""Who gets an account of a journal that several share, at moments of a clock that stands still until it is told."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.errors import GuardError
from deployer.journal import claims
from deployer.journal.claims import PATIENCE, STALL, Busy, Holder, Taken, beat, holders, leave, take, this_process
from tests.simulation.journal import Session, Tables

ACCOUNT = "user1@api.integrator.io"
LOCK = (0x636C6D73, 1371131562)
THERE = Holder("process 2 on there", "another boot", 7)


class Clock:
    """The database's clock."""

    now = 1000.0


class Stubborn(Session):
    """A connection that cannot be ended."""

    def close(self) -> None:
        pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tables(clock: Clock) -> Iterator[Tables]:
    with closing(Tables()) as tables:
        tables.raw.create_function("clock_timestamp", 0, lambda: clock.now)
        yield tables


@pytest.fixture
def here() -> Holder:
    return Holder("process 1 on here", "this boot", os.getpid())


@pytest.fixture
def dead() -> int:
    """Return the id of a process that is gone for certain."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def taken(tables: Tables, me: Holder = THERE) -> Session:
    """Take the account over a connection of its own."""
    session = Session(tables)
    assert isinstance(take(session, ACCOUNT, me), Taken)
    return session


def test_an_account_that_nobody_ever_had_is_taken_and_each_take_over_has_an_epoch_of_its_own(
    tables: Tables, clock: Clock, here: Holder
) -> None:
    session = Session(tables)
    assert take(session, ACCOUNT, THERE) == Taken(1, None)
    leave(session, {ACCOUNT: 1})
    clock.now += 7.0
    assert take(Session(tables), ACCOUNT, here) == Taken(2, 7.0)


def test_every_version_locks_an_account_by_the_same_number(tables: Tables) -> None:
    session = taken(tables)
    assert tables.locks == {LOCK: session}


def test_whoever_has_an_account_keeps_it_until_nothing_was_heard_for_long(
    tables: Tables, clock: Clock, here: Holder
) -> None:
    session = taken(tables)
    clock.now += STALL - 0.5
    assert take(Session(tables), ACCOUNT, here) == Busy(THERE.name)
    assert tables.locks == {LOCK: session}
    clock.now += 0.5
    other = Session(tables)
    assert take(other, ACCOUNT, here) == Taken(2, STALL - PATIENCE)
    assert session.is_cut
    assert tables.locks == {LOCK: other}


def test_whose_connection_is_gone_keeps_an_account_for_as_long_as_it_may_send(
    tables: Tables, clock: Clock, here: Holder
) -> None:
    taken(tables).close()
    clock.now += PATIENCE - 0.5
    assert take(Session(tables), ACCOUNT, here) == Busy(THERE.name, 0.5)
    assert tables.locks == {}
    clock.now += 0.5
    assert take(Session(tables), ACCOUNT, here) == Taken(2, 0.0)


def test_whoever_did_not_leave_may_have_sent_for_as_long_as_it_could(
    tables: Tables, clock: Clock, here: Holder
) -> None:
    taken(tables).close()
    clock.now += PATIENCE + 0.5
    assert take(Session(tables), ACCOUNT, here) == Taken(2, 0.5)


def test_an_account_whose_connection_cannot_be_ended_stays_its_own(tables: Tables, clock: Clock, here: Holder) -> None:
    assert take(Stubborn(tables), ACCOUNT, THERE) == Taken(1, None)
    clock.now += STALL
    assert take(Session(tables), ACCOUNT, here) == Busy(THERE.name)
    assert holders(Session(tables)) == [(ACCOUNT, THERE.name, STALL)]


def test_a_process_has_again_at_once_what_it_had_over_a_connection_that_is_gone(
    tables: Tables, clock: Clock, here: Holder
) -> None:
    session = taken(tables, here)
    clock.now += 1.0
    assert take(Session(tables), ACCOUNT, here) == Busy(here.name)
    session.close()
    other = replace(here, place="another boot")
    assert take(Session(tables), ACCOUNT, other) == Busy(here.name, PATIENCE - 1.0)
    assert take(Session(tables), ACCOUNT, replace(here, pid=here.pid + 1)) == Busy(here.name, PATIENCE - 1.0)
    assert take(Session(tables), ACCOUNT, here) == Taken(2, 0.0)


def test_a_process_that_does_not_know_where_it_is_takes_itself_for_nobody(tables: Tables, here: Holder) -> None:
    nowhere = replace(here, place="")
    taken(tables, nowhere).close()
    assert take(Session(tables), ACCOUNT, nowhere) == Busy(here.name, PATIENCE)


def test_what_a_process_had_that_is_gone_for_certain_is_free_at_once(tables: Tables, dead: int, here: Holder) -> None:
    taken(tables, replace(here, pid=dead))  # of which the database has not heard yet
    assert take(Session(tables), ACCOUNT, here) == Taken(2, 0.0)


@pytest.mark.parametrize("places", [("this boot", "another boot"), ("", "")])
def test_a_process_of_another_place_is_never_known_to_be_gone(dead: int, places: tuple[str, str], here: Holder) -> None:
    mine, other = places
    assert not replace(here, place=mine).outlives(other, dead)


def test_a_process_that_lives_is_not_outlived_whosever_it_is(monkeypatch: pytest.MonkeyPatch, here: Holder) -> None:
    def forbidden(pid: int, signal: int) -> None:
        assert signal == 0, "nobody is to hear of it"
        raise PermissionError(pid, signal)

    assert not here.outlives(here.place, os.getpid())
    monkeypatch.setattr(os, "kill", forbidden)
    assert not here.outlives(here.place, 1)


def test_a_beat_is_of_the_epoch_that_is_ours_and_of_accounts_that_we_did_not_leave(
    tables: Tables, clock: Clock
) -> None:
    session = taken(tables)
    clock.now += 9.0
    beat(session, {ACCOUNT: 1})
    assert holders(session) == [(ACCOUNT, THERE.name, 0.0)]
    with pytest.raises(GuardError, match=f"account {ACCOUNT} was taken over by another deployer"):
        beat(session, {ACCOUNT: 2})
    leave(session, {ACCOUNT: 1})
    with pytest.raises(GuardError):
        beat(session, {ACCOUNT: 1})


def test_whoever_leaves_gives_back_all_that_is_its_own_and_nothing_that_was_taken_over(
    tables: Tables, clock: Clock
) -> None:
    session = Session(tables)
    for account in (ACCOUNT, "user2"):
        take(session, account, THERE)
    clock.now += 2.0
    leave(session, {ACCOUNT: 1, "user2": 0})
    assert holders(session) == [("user2", THERE.name, 2.0)]
    assert tables.locks == {}


def test_a_process_knows_its_machine_and_the_space_of_its_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    me, space = this_process("boot"), Path("/proc/self/ns/pid")
    assert (me.place, me.pid) == (f"boot {space.readlink()}" if sys.platform == "linux" else "", os.getpid())
    assert me.name.startswith(f"process {os.getpid()} on ")
    monkeypatch.setattr(claims, "_NAMESPACE", tmp_path / "none")
    assert not this_process("boot").place


def test_the_clock_goes_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def told(clock: int) -> float:
        asked.append(clock)
        return 7.0

    monkeypatch.setattr(time, "clock_gettime", told)
    assert claims.now() == 7.0
    assert asked == [getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)]


def test_a_worker_misses_two_beats_and_may_still_send_and_nobody_takes_over_while_it_may() -> None:
    assert 3 * claims.BEAT <= PATIENCE
    assert 2 * PATIENCE == STALL == 30.0
