"""What the journal in a file promises besides: its file, its damage, its readers, its groups, and every death."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import enumerate as threads

import anyio
import pytest

from deployer.domain.lifecycle import Event, State
from deployer.errors import JournalError
from deployer.journal.connection import Connection
from deployer.journal.migrations import VERSION
from deployer.journal.protocol import Journal
from deployer.journal.sqlite import SqliteJournal
from tests.factories import crowd, instance, plan, planned, rollout
from tests.journal.entries import entry

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
FIRST = rollout()
PLENTY = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def content(path: Path) -> bytes:
    return path.read_bytes()


def wal(path: Path) -> bytes:
    return content(path.with_name(path.name + "-wal"))


def spoil(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes of a file as a failing disk would."""
    before = content(path)
    assert old in before
    path.write_bytes(before.replace(old, new))


async def test_the_file_is_its_owners_alone_and_so_is_its_folder(path: Path) -> None:
    before = os.umask(0)
    try:
        async with SqliteJournal(path) as journal:
            await journal.begin(FIRST, plan())
            files = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert files == {"journal.db": "0o600", "journal.db-wal": "0o600", "journal.db-shm": "0o600"}
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"


async def test_every_commit_is_flushed_to_the_disk(path: Path) -> None:
    settings = {}

    def look(connection: Connection) -> None:
        for pragma in ("journal_mode", "synchronous", "fullfsync", "foreign_keys"):
            settings[pragma] = (connection.execute(f"PRAGMA {pragma}").fetchone() or ("none",))[0]

    async with SqliteJournal(path) as journal:
        await journal._writer.ask(look)  # noqa: SLF001 - a setting of the connection shows nowhere else
    assert settings == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "foreign_keys": 1}


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_file_of_a_newer_schema_is_refused_and_left_alone(path: Path, read_only: bool) -> None:
    async with SqliteJournal(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = content(path)
    with pytest.raises(JournalError) as caught:
        async with SqliteJournal(path, read_only=read_only):
            pass
    assert (
        caught.value.what == f"{path} was written by a newer deployer (schema {VERSION + 1}, this one knows {VERSION})"
    )
    assert caught.value.remedy == "install that version; this one would not understand what it reads"
    assert content(path) == before


async def test_a_reader_of_a_journal_that_is_not_there_says_what_makes_one(path: Path) -> None:
    with pytest.raises(JournalError) as caught:
        async with SqliteJournal(path, read_only=True):
            pass
    assert caught.value.lines() == [
        f"error: there is no journal at {path}",
        "  it is made by the first deployer apply",
    ]
    assert not path.parent.exists()


async def test_a_file_that_is_no_journal_is_refused(path: Path) -> None:
    async with SqliteJournal(path):
        pass
    spoil(path, b"SQLite format 3", b"tenant,integrat")
    with pytest.raises(JournalError, match=r"journal\.db is no journal: file is not a database") as caught:
        async with SqliteJournal(path):
            pass
    assert caught.value.remedy


async def test_a_journal_that_cannot_be_opened_leaves_no_thread_behind(path: Path) -> None:
    before = {thread.ident for thread in threads()}
    with pytest.raises(JournalError):
        async with SqliteJournal(path, read_only=True):
            pass
    left = [thread for thread in threads() if thread.ident not in before and thread.name == "journal"]
    for thread in left:
        thread.join(1.0)
    assert not [thread for thread in left if thread.is_alive()]


async def read_all(journal: Journal) -> None:
    assert await journal.rollouts(limit=1)
    await journal.plan(FIRST.id)
    await journal.instances(after=None, limit=9)
    for deployment in await journal.deployments(FIRST.id, after=-1, limit=9):
        await journal.happenings(deployment)


WHERE = ["deployment", "step", "instance", "plan", "rollout", "event"]


@pytest.mark.parametrize("where", WHERE)
async def test_a_byte_that_flipped_on_the_disk_is_found(path: Path, where: str) -> None:
    texts = {place: "canary-7" if place == where else "healthy" for place in WHERE}
    async with SqliteJournal(path) as journal:
        whole = plan(planned(reason=texts["deployment"]), settings={"note": texts["plan"]})
        await journal.begin(rollout(reason=texts["rollout"]), whole)
        await journal.remember([instance(flow=texts["instance"])])
        (found,) = await journal.deployments(FIRST.id, after=-1, limit=1)
        written = entry(found, Event.INTEND, {"note": texts["event"]})
        await journal.record(replace(written, step=replace(written.step, facts={"note": texts["step"]})))
    async with SqliteJournal(path) as journal:
        await read_all(journal)
    spoil(path, b"canary-7", b"canary-6")
    with pytest.raises(JournalError, match=r"the journal is damaged: .* does not match its checksum") as caught:
        async with SqliteJournal(path) as journal:
            await read_all(journal)
    assert caught.value.remedy == "restore the file from a backup; nothing was sent"


async def test_a_reader_sees_what_is_written_meanwhile_and_writes_nothing(path: Path) -> None:
    async with SqliteJournal(path) as writer:
        await writer.begin(FIRST, plan())
        (found,) = await writer.deployments(FIRST.id, after=-1, limit=1)
        async with SqliteJournal(path, read_only=True) as reader:
            assert await reader.deployment(FIRST.id, "acme") == found
            await writer.record(entry(found, Event.INTEND))
            seen = await reader.deployment(FIRST.id, "acme")
            assert seen is not None
            assert seen.steps[0].state is State.INTENDED
            before = wal(path)
            with pytest.raises(JournalError, match="readonly"):
                await reader.conclude(FIRST.id, outcome="failed", reason="", ended_at=None)
        assert wal(path) == before
        assert await writer.rollouts(limit=1) == [FIRST]


async def test_a_journal_whose_writer_has_left_can_be_read(path: Path) -> None:
    async with SqliteJournal(path) as writer:
        await writer.begin(FIRST, plan())
    async with SqliteJournal(path, read_only=True) as reader:
        assert await reader.rollouts(limit=1) == [FIRST]


def commits(log: bytes) -> int:
    """Count the commits in a write-ahead log: its frames whose header says how big the database is after them.

    https://www.sqlite.org/fileformat2.html#walformat
    """
    frame = 24 + int.from_bytes(log[8:12])
    headers = (log[start : start + 24] for start in range(32, len(log), frame))
    return sum(header[8:16] == log[16:24] and header[4:8] != bytes(4) for header in headers)


async def test_records_that_wait_at_the_same_time_share_their_commits(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.begin(FIRST, plan(*crowd(320)))
        alone = await journal.deployments(FIRST.id, after=-1, limit=20)
        together = await journal.deployments(FIRST.id, after=19, limit=300)
        start = commits(wal(path))
        for found in alone:
            await journal.record(entry(found, Event.INTEND))
        middle = commits(wal(path))
        async with anyio.create_task_group() as group:
            for found in together:
                group.start_soon(journal.record, entry(found, Event.INTEND))
        end = commits(wal(path))
    assert middle - start == 20
    assert 1 <= end - middle <= 30


async def test_records_that_come_shortly_one_after_the_other_share_commits_too(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.begin(FIRST, plan(*crowd(100)))
        found = await journal.deployments(FIRST.id, after=-1, limit=100)
        start = commits(wal(path))

        async def record(number: int) -> None:
            await anyio.sleep(number / 1000)  # as answers come in
            await journal.record(entry(found[number], Event.INTEND))

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(record, number)
        assert commits(wal(path)) - start <= 30


def recording(path: Path, count: int, room: int = PLENTY) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.journal.recording", str(path), str(count), str(room)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def intended(path: Path) -> set[str]:
    async with SqliteJournal(path) as journal:
        found = await journal.deployments(FIRST.id, after=-1, limit=10_000)
    return {one.planned.tenant for one in found if one.steps[0].state is State.INTENDED}


@pytest.mark.parametrize("count", [1, 7, 60])
async def test_a_process_that_is_killed_loses_nothing_it_was_told_is_durable(path: Path, count: int) -> None:
    with recording(path, 5000) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(count)]
        process.kill()
        told += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    kept = await intended(path)
    assert {line.strip() for line in told if line.endswith("\n")} <= kept
    assert len(kept) <= len(told) + 1


async def test_a_full_disk_is_an_error_with_a_remedy_and_loses_nothing_told_before(path: Path) -> None:
    with recording(path, 5000, room=100_000) as process:
        said, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    first, second = complaint.splitlines()
    assert first.startswith("error: the journal cannot be used: ")
    assert second == "  mend the cause and run the same command again: it goes on where the journal ends"
    told = set(said.split())
    assert 0 < len(told) < 5000
    assert await intended(path) == told
