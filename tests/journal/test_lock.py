"""The lock between processes."""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from deployer.domain.deployment import Moment
from deployer.domain.rebuilding import Work
from deployer.errors import GuardError
from deployer.journal import lock
from deployer.journal.lock import exclusive, glance, is_held

ROOT = Path(__file__).parents[2]
HOLD = """
import sys
import time
from pathlib import Path
from deployer.journal.lock import exclusive
with exclusive(Path(sys.argv[1]), "account main"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "account.lock"


@contextmanager
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def refusal(path: Path) -> GuardError:
    with pytest.raises(GuardError) as caught, exclusive(path, "account main"):
        pass
    return caught.value


@pytest.mark.parametrize("shared", [False, True])
def test_whoever_looks_who_holds_a_lock_keeps_nobody_from_it(path: Path, shared: bool) -> None:
    with exclusive(path, "account main"):
        pass
    with path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        with ThreadPoolExecutor(1) as thread:
            taking = thread.submit(lambda: exclusive(path, "account main", journal="/a", shared=shared).__enter__())
            with pytest.raises(TimeoutError):
                taking.result(0.02)
            fcntl.flock(looking, fcntl.LOCK_UN)
            assert taking.result(10).dead == frozenset()


def test_a_second_holder_is_told_who_holds_it_where_and_since_when(path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with holder(path) as process:
        error = refusal(path)
        start = f"account main is in use by process {process.pid} on {socket.gethostname()} since "
        assert error.what.startswith(start)
        since = error.what.removeprefix(start)
        assert before <= datetime.fromisoformat(since) <= datetime.now(UTC)
        assert lock.holder(path) == error.what.removeprefix("account main is in use by ")
        assert error.remedy == "wait until it has ended, or stop it: it can be resumed"
        assert error.exit_code == 6


def test_a_killed_holder_holds_nothing(path: Path) -> None:
    with holder(path) as process:
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        with exclusive(path, "account main"):
            assert f"process {os.getpid()} on" in refusal(path).what


def test_being_refused_takes_nothing_from_the_holder(path: Path) -> None:
    with holder(path) as process:
        refusal(path)
        assert f"process {process.pid} on" in refusal(path).what


def test_the_lock_is_free_once_its_block_ends_however_it_ends(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(path, "account main"):
        raise ZeroDivisionError
    with exclusive(path, "account main"):
        assert path.exists()


def test_two_locks_are_held_at_once(path: Path) -> None:
    with exclusive(path, "one"), exclusive(path.with_name("other.lock"), "other"):
        assert "one is in use" not in str(refusal(path.with_name("other.lock")))


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"\xff"])
def test_a_holder_that_has_not_yet_signed_is_another_process(path: Path, content: bytes) -> None:
    with exclusive(path, "account main"):
        path.write_bytes(content)
        assert refusal(path).what == "account main is in use by another process"
        assert glance(path) == (frozenset(), {})


def test_whoever_has_left_is_not_taken_for_the_one_who_came_next_and_has_not_yet_signed(path: Path) -> None:
    with exclusive(path, "account main"):
        pass
    with path.open() as next_one:
        fcntl.flock(next_one, fcntl.LOCK_EX)
        assert refusal(path).what == "account main is in use by another process"


def test_the_lock_is_its_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with exclusive(path, "account main"):
            assert oct(path.stat().st_mode & 0o777) == "0o600"
            assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
    finally:
        os.umask(before)


def test_a_program_that_a_holder_starts_does_not_keep_the_lock(path: Path) -> None:
    with exclusive(path, "account main"):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,
        )
        assert child.stdout is not None
        child.stdout.readline()  # the program has been started, and is no copy of this process any more
    with child, exclusive(path, "account main"):
        assert child.poll() is None
        child.kill()


def test_a_deployer_that_died_leaves_its_journal_to_whoever_comes_from_another(path: Path) -> None:
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal="/a"):
        raise KeyboardInterrupt
    with exclusive(path, "account main", journal="/a") as same:
        assert same.dead == frozenset()
        same.settled = False
    with exclusive(path, "account main", journal="/b") as other:
        assert other.dead == {"/a"}
        other.settled = False
    with exclusive(path, "account main", journal="/a") as again:
        assert again.dead == {"/b"}
    with exclusive(path, "account main", journal="/c") as settled:
        assert settled.dead == frozenset()


def test_when_a_journal_was_last_left_is_kept_whoever_comes_after(path: Path) -> None:
    first, later = Moment("boot", 7.0), Moment("boot", 9.0)
    with exclusive(path, "account main", journal="/a", moment=lambda: first) as lease:
        assert lease.left == {}
    with exclusive(path, "account main", journal="/b", moment=lambda: later) as lease:
        assert lease.left == {"/a": first}
        lease.note("/b", Work("0b", 1))
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal="/a", moment=lambda: later) as lease:
        assert lease.left == {"/a": first, "/b": later}
        raise KeyboardInterrupt
    with exclusive(path, "account main", moment=lambda: later) as lease:
        assert lease.left == {"/a": first, "/b": later}


def test_what_is_noted_is_on_the_disk_before_anybody_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    with exclusive(path, "account main", journal="/a") as lease:
        monkeypatch.setattr(os, "fsync", lambda _: flushed.append(path.read_text("utf-8")))
        lease.note("/a", Work("0a", 1))
        assert [json.loads(content)["works"] for content in flushed] == [{"/a": ["0a", 1]}]


def test_what_was_last_seen_of_a_journal_is_kept_when_its_deployer_ends_or_dies(path: Path) -> None:
    with exclusive(path, "account main", journal="/a") as first:
        first.note("/a", Work("0a", 1))
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal="/b") as second:
        assert second.works == {"/a": Work("0a", 1)}
        second.note("/b", Work("0b", 7))
        raise KeyboardInterrupt
    assert glance(path) == (frozenset({"/b"}), {"/a": Work("0a", 1), "/b": Work("0b", 7)})


def test_who_only_looks_leaves_what_others_left_and_nothing_of_its_own(path: Path) -> None:
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal="/a"):
        raise KeyboardInterrupt
    with suppress(KeyboardInterrupt), exclusive(path, "account main") as looking:
        assert looking.dead == {"/a"}
        raise KeyboardInterrupt
    assert glance(path) == (frozenset({"/a"}), {})


def test_a_lock_that_nobody_ever_held_knows_of_nothing(path: Path) -> None:
    assert glance(path) == (frozenset(), {})


def test_an_end_of_what_stood_there_before_is_no_harm(path: Path) -> None:
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal="/a"):
        raise KeyboardInterrupt
    path.write_text(path.read_text("utf-8") + '"/longer"]}', "utf-8")
    assert glance(path) == (frozenset({"/a"}), {})


def test_whether_somebody_is_at_work_can_be_told_without_disturbing_anybody(path: Path) -> None:
    assert not is_held(path)
    with exclusive(path, "account main"):
        assert is_held(path)
        assert is_held(path)
    assert not is_held(path)


def test_who_is_at_work_is_named_and_nobody_where_nobody_is(path: Path) -> None:
    assert lock.holder(path) is None
    with exclusive(path, "account main"):
        named = rf"process {os.getpid()} on {socket.gethostname()} since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
        assert re.fullmatch(named, lock.holder(path) or "")
    assert lock.holder(path) is None


def test_who_only_looks_leaves_no_file_open(path: Path) -> None:
    with exclusive(path, "account main"):
        next_one = os.dup(0)
        os.close(next_one)
        for look in (glance, is_held, lock.holder):
            look(path)
        after = os.dup(0)
        os.close(after)
    assert after == next_one


def test_a_lock_lies_in_a_folder_that_is_made_however_deep(path: Path) -> None:
    deep = path.with_name("deeper") / "still" / path.name
    with exclusive(deep, "account main"):
        assert is_held(deep)


def is_refused(path: Path, journal: str, *, shared: bool = True) -> bool:
    try:
        with exclusive(path, "account main", journal=journal, shared=shared):
            return False
    except GuardError as error:
        return error.what.startswith("account main is in use by ")


def test_those_with_one_shared_journal_hold_a_lock_together_and_keep_out_all_others(path: Path) -> None:
    with exclusive(path, "account main", journal="postgresql://one", shared=True):
        with exclusive(path, "account main", journal="postgresql://one", shared=True):
            assert is_refused(path, "postgresql://two")
            assert is_refused(path, "/here/journal.db", shared=False)
        assert is_refused(path, "postgresql://two")
        assert not is_refused(path, "postgresql://one")
    assert not is_refused(path, "postgresql://two")
    assert not is_refused(path, "/here/journal.db", shared=False)


def test_who_shared_a_lock_and_was_killed_keeps_nobody_out(path: Path) -> None:
    path.parent.mkdir()
    dead = {"pid": 1, "host": "here", "since": "then", "shared": "postgresql://one", "journals": []}
    path.write_text(json.dumps(dead), "utf-8")
    with exclusive(path, "account main", journal="postgresql://two", shared=True):
        assert is_refused(path, "postgresql://one")


def test_nobody_shares_a_lock_that_somebody_has_alone_though_it_was_left_by_the_same_journal(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"shared": "postgresql://one"}), "utf-8")
    with path.open() as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        assert is_refused(path, "postgresql://one")


def test_whoever_waits_to_share_a_lock_has_nothing_of_it_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    waited: list[float] = []
    with path.open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)

        def let_in(seconds: float) -> None:
            fcntl.flock(looking, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(looking, fcntl.LOCK_UN)
            waited.append(seconds)

        monkeypatch.setattr(time, "sleep", let_in)
        with exclusive(path, "account main", journal="postgresql://one", shared=True):
            assert len(waited) == 1


def test_whoever_shares_a_lock_says_so_before_it_lets_others_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"shared": "postgresql://two"}), "utf-8")
    said: list[tuple[int, str]] = []
    flock = fcntl.flock

    def watched(descriptor: int, how: int) -> None:
        said.append((how & ~fcntl.LOCK_NB, json.loads(path.read_bytes())["shared"]))
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", watched)
    with exclusive(path, "account main", journal="postgresql://one", shared=True):
        assert said[-2:] == [(fcntl.LOCK_EX, "postgresql://two"), (fcntl.LOCK_SH, "postgresql://one")]


def test_nobody_comes_between_who_takes_a_lock_and_lets_others_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, rival = fcntl.flock, exclusive(path, "account main", journal="postgresql://two", shared=True)
    asked: list[int] = []

    def torn(descriptor: int, how: int) -> None:
        asked.append(how)
        if len(asked) == 3:  # the change from alone to together, which need not be one step
            monkeypatch.undo()
            flock(descriptor, fcntl.LOCK_UN)
            rival.__enter__()
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", torn)
    assert is_refused(path, "postgresql://one")
    assert len(asked) == 3
    rival.__exit__(None, None, None)


def test_who_shares_a_lock_still_does_after_what_it_notes(path: Path) -> None:
    with exclusive(path, "account main", journal="postgresql://one", shared=True) as lease:
        lease.note("postgresql://one", Work("0a", 1))
        assert not is_refused(path, "postgresql://one")
        assert is_refused(path, "postgresql://two")


def test_who_shares_a_lock_learns_who_left_it_before(path: Path) -> None:
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal="/a"):
        raise KeyboardInterrupt
    with exclusive(path, "account main", journal="postgresql://one", shared=True) as lease:
        assert lease.dead == {"/a"}


def test_only_the_last_of_those_who_share_a_lock_leaves_it_settled(path: Path) -> None:
    one = "postgresql://one"
    with suppress(KeyboardInterrupt), exclusive(path, "account main", journal=one, shared=True):
        with exclusive(path, "account main", journal=one, shared=True):
            pass
        raise KeyboardInterrupt
    assert glance(path) == (frozenset({one}), {})
    with exclusive(path, "account main", journal=one, shared=True):
        pass
    assert glance(path) == (frozenset(), {})


def test_all_who_come_at_once_with_one_shared_journal_are_let_in(path: Path) -> None:
    together = Barrier(8)

    def hold(_: int) -> bool:
        together.wait(10)
        with exclusive(path, "account main", journal="postgresql://one", shared=True):
            together.wait(10)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(hold, range(8)))
