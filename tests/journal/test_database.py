"""How a database is connected to: what is said of it, what is made there, and who works on it alone."""

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from threading import Event
from typing import TypeAlias

import psycopg
import pytest

from deployer.errors import GuardError, JournalError, UsageError
from deployer.journal import database as connecting
from deployer.journal.database import (
    Wrapped,
    connect,
    connected,
    glanced,
    holder_of,
    safe_address,
    shown_address,
    version_of,
)
from deployer.journal.migrations import VERSION
from tests.postgres import Server

OTHERS = """
    SELECT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
LOCKS = """
    SELECT classid, objid FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND datname = current_database()
"""
Watcher: TypeAlias = "psycopg.Connection[tuple[object, ...]]"
LOCK = (0x6465706C, 0x6F796572)  # every version of deployer has to ask for the same one


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


@pytest.fixture
def address(database: Server) -> str:
    return database.new_database()


@pytest.fixture
def watcher(address: str) -> Iterator[Watcher]:
    """Look at the database beside whoever uses it."""
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def us() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def left(watcher: Watcher, count: int) -> list[tuple[object, ...]]:
    """Return what the other connections are called, once there are so many: a server takes its time to end them."""
    deadline = time.monotonic() + 5.0
    while len(found := watcher.execute(OTHERS).fetchall()) != count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://jo:secret@db.example.com:5433/journal", "postgresql://db.example.com:5433/journal"),
        ("host=db.example.com user=jo password=secret", "postgresql://db.example.com:5432/jo"),
        ("postgresql:///journal", "postgresql://localhost:5432/journal"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert shown_address(address) == shown


def test_what_an_address_leaves_to_the_environment_is_shown_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PGHOST", "db.example.com"), ("PGPORT", "6000"), ("PGDATABASE", "journal")):
        monkeypatch.setenv(name, value)
    assert shown_address("") == "postgresql://db.example.com:6000/journal"
    assert shown_address("host=other") == "postgresql://other:6000/journal"


def test_an_address_that_cannot_be_read_is_said_to_be() -> None:
    with pytest.raises(UsageError, match=r"the journal's address cannot be read: .*\S\Z"):
        safe_address("nonsense")


def test_who_is_not_reached_is_named_with_what_to_look_at() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        where = f"127.0.0.1:{nobody.getsockname()[1]}/journal"
        said = rf"(?s)the journal postgresql://{where} cannot be reached: .*\S\Z"
        with pytest.raises(JournalError, match=said) as caught:
            connected(f"postgresql://jo:secret@{where}")
    assert caught.value.remedy == "see that the database runs, and that PGPASSWORD or ~/.pgpass has its password"


def test_what_is_asked_of_a_connection_that_was_cut_is_an_error_of_the_journal(database: Server, address: str) -> None:
    with ExitStack() as block:
        raw = block.enter_context(glanced(address))
        database.cut(address)
        block.callback(raw.execute, "SELECT 1")
        with pytest.raises(JournalError, match=rf"(?s)the journal {shown_address(address)} does not answer: .*\S\Z"):
            block.close()


def test_a_glance_ends_with_its_block(address: str, watcher: Watcher) -> None:
    with glanced(address) as raw:
        assert version_of(raw) is None
        assert left(watcher, 1) == [(f"deployer: {us()}",)]
    assert left(watcher, 0) == []


def test_a_connection_is_durable_at_once_whatever_is_usual_there(address: str, watcher: Watcher) -> None:
    name = address.rpartition("/")[2]
    watcher.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with closing(connect(address, read_only=False)) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchall() == [("on",)]
        connection.execute("INSERT INTO work (journal, number, checksum) VALUES (?, ?, ?)", ("a", 1, 2))
        assert watcher.execute("SELECT journal FROM deployer.work").fetchall() == [("a",)]


def test_a_pooler_is_refused_and_left(address: str, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)  # as a pooler makes it up
    with pytest.raises(
        JournalError, match=f"the journal {address.replace('deployer@', '')} is reached through"
    ) as caught:
        connected(address)
    assert caught.value.remedy == "give the address of the database itself"
    assert left(watcher, 0) == []


def test_who_writes_first_makes_the_tables_and_who_reads_makes_nothing(address: str, watcher: Watcher) -> None:
    with pytest.raises(JournalError, match=f"there is no journal at {shown_address(address)}$") as caught:
        connect(address, read_only=True)
    assert caught.value.remedy == "it is made by the first deployer apply"
    assert left(watcher, 0) == []
    assert watcher.execute("SELECT to_regnamespace('deployer')").fetchall() == [(None,)]
    connect(address, read_only=False).close()
    with glanced(address) as raw:
        assert version_of(raw) == VERSION
    connect(address, read_only=True).close()


WAITING = """
    SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()
"""


def wait_for(watcher: Watcher, count: int) -> None:
    """Return when so many connections wait for a lock."""
    deadline = time.monotonic() + 5.0
    while len(watcher.execute(WAITING).fetchall()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def opened(address: str) -> Wrapped:
    return connect(address, read_only=False)


def test_of_those_who_come_first_at_once_one_makes_the_tables_and_nobody_waits_for_it_to_leave(
    address: str, watcher: Watcher
) -> None:
    watcher.execute("SELECT pg_advisory_lock(%s)", LOCK[:1])
    with ThreadPoolExecutor(2) as threads, ExitStack() as until_then:
        coming = [threads.submit(opened, address) for _ in range(2)]
        wait_for(watcher, 2)
        watcher.execute("SELECT pg_advisory_unlock(%s)", LOCK[:1])
        for each in coming:
            until_then.enter_context(closing(each.result(10)))
        assert watcher.execute("SELECT number FROM deployer.version").fetchall() == [(VERSION,)]
        assert watcher.execute(LOCKS).fetchall() == []


NUMBERED = "SELECT attidentity::text FROM pg_attribute WHERE attrelid = 'deployer.sample'::regclass AND attnum = 1"


@pytest.fixture
def of_version_8(address: str, watcher: Watcher) -> str:
    """Return the address of a journal from before there were samples."""
    opened(address).close()
    watcher.execute("DROP TABLE deployer.sample")
    watcher.execute("UPDATE deployer.version SET number = 8")
    return address


def test_tables_of_an_older_version_are_brought_up_to_date_by_whoever_writes(
    of_version_8: str, watcher: Watcher
) -> None:
    connect(of_version_8, read_only=True).close()
    assert watcher.execute("SELECT number FROM deployer.version").fetchall() == [(8,)]
    with closing(opened(of_version_8)) as connection:
        assert connection.execute("SELECT * FROM sample").fetchall() == []
    numbered = (
        "SELECT is_identity FROM information_schema.columns WHERE table_name = 'sample' AND column_name = 'number'"
    )
    assert watcher.execute(numbered).fetchall() == [("YES",)]
    assert watcher.execute("SELECT number FROM deployer.version").fetchall() == [(VERSION,)]
    opened(of_version_8).close()


def test_what_somebody_else_brings_up_to_date_meanwhile_is_not_done_twice(of_version_8: str, watcher: Watcher) -> None:
    with ThreadPoolExecutor(1) as thread:
        with psycopg.connect(of_version_8) as somebody:
            somebody.execute("LOCK TABLE deployer.version IN EXCLUSIVE MODE")
            coming = thread.submit(opened, of_version_8)
            wait_for(watcher, 1)
            somebody.execute("CREATE TABLE deployer.sample (other TEXT)")
            somebody.execute("UPDATE deployer.version SET number = %s", (VERSION,))
        with closing(coming.result(10)) as connection:
            assert connection.execute("SELECT other FROM sample").fetchall() == []


def test_tables_are_made_whole_or_not_at_all(address: str, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(connecting, "VERSION", None)
        with pytest.raises(psycopg.errors.NotNullViolation):
            opened(address)
    assert watcher.execute("SELECT to_regnamespace('deployer')").fetchall() == [(None,)]
    opened(address).close()


def test_tables_of_which_nobody_knows_the_version_are_not_made_again(address: str, watcher: Watcher) -> None:
    connect(address, read_only=False).close()
    watcher.execute("DELETE FROM deployer.version")
    with glanced(address) as raw:
        assert version_of(raw) is None
    with pytest.raises(psycopg.errors.DuplicateTable):
        connect(address, read_only=False)


def test_who_reads_cannot_write(address: str) -> None:
    connect(address, read_only=False).close()
    with closing(connect(address, read_only=True)) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM work")


def test_the_journal_is_one_deployers_alone_whom_the_next_is_told(
    address: str, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "_GONE", 0.0)
    with closing(connect(address, read_only=False, alone=True)):
        assert watcher.execute(LOCKS).fetchall() == [LOCK]
        with pytest.raises(GuardError, match=rf"the journal postgresql://\S+ is in use by {us()}$") as caught:
            connect(address, read_only=False, alone=True)
        assert caught.value.remedy == "wait until it has ended, or stop it: it can be resumed"
        assert len(left(watcher, 1)) == 1
        with glanced(address) as raw:
            assert holder_of(raw) == us()
        connect(address, read_only=True, alone=True).close()  # who reads is in nobody's way
        connect(address, read_only=False).close()
    with glanced(address) as raw:
        assert holder_of(raw) is None
    connect(address, read_only=False, alone=True).close()


def test_who_is_only_just_gone_is_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_GONE", 10.0)  # the machine may be slow
    kept, asking = connect(address, read_only=False, alone=True), Event()

    def come() -> None:
        asking.set()
        connect(address, read_only=False, alone=True).close()

    with ThreadPoolExecutor(1) as thread, closing(kept):
        coming = thread.submit(come)
        asking.wait(10)
        with suppress(TimeoutError):
            coming.result(0.3)
        assert not coming.done()
        kept.close()
        coming.result(10)


def test_a_connection_that_the_server_has_ended_is_closed_without_a_word(database: Server, address: str) -> None:
    connection = connect(address, read_only=False)
    database.cut(address)
    connection.close()


def test_whoever_closes_a_connection_has_none_any_more(address: str, watcher: Watcher) -> None:
    connection = opened(address)
    assert len(left(watcher, 1)) == 1
    connection.close()
    assert left(watcher, 0) == []


def test_locks_are_let_go_of_before_a_connection_is_closed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(address, read_only=False, alone=True)
    monkeypatch.setattr(connecting, "_GONE", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(psycopg.Connection, "close", lambda _: None)  # which the server would notice later
        connection.close()
    with closing(connect(address, read_only=False, alone=True)):
        pass
    connection.close()


ROW = "INSERT INTO work (journal, number, checksum) VALUES (?, ?, ?)"


def test_statements_take_one_row_or_many_and_what_failed_is_undone(address: str) -> None:
    with closing(connect(address, read_only=False)) as connection:
        assert connection.executemany(ROW, [("a", 1, 2), ("b", 3, 4)]).rowcount == 2
        connection.execute("BEGIN")
        connection.execute("DELETE FROM work WHERE journal = :one", {"one": "a"})
        connection.rollback()
        rows = connection.execute("SELECT journal, number FROM work WHERE number > ? ORDER BY 1", (0,)).fetchall()
    assert rows == [("a", 1), ("b", 3)]


def test_rows_of_several_tables_are_written_as_one_and_counted_for_each(address: str) -> None:
    versions = "INSERT INTO version (number) VALUES (?)"
    with closing(connect(address, read_only=False)) as connection:
        assert connection.write_rows([(ROW, [("é", 1, 2**40), ("b", 3, 4)]), (versions, [(9,)])]) == [2, 1]
        assert connection.execute("SELECT * FROM work ORDER BY number").fetchall() == [("é", 1, 2**40), ("b", 3, 4)]


def test_who_never_answers_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_PATIENCE", 2)  # the least that libpq knows
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(JournalError, match="cannot be reached"):
        connected(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/journal")
