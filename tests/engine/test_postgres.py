"""A journal on Postgres as people meet it: its database fails in the middle, and what is said then."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deployer.simulator import Knobs
from tests.engine.stage import SOON, Stage, staged
from tests.postgres import USER, Server, serving

BUSY = "SELECT count(*) FROM deployer.step WHERE state = 'intended'"


@pytest.fixture
def stage(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("DEPLOYER_JOURNAL", database.new_database())
    with staged(tmp_path, monkeypatch) as ready:
        yield ready


def address() -> str:
    return os.environ["DEPLOYER_JOURNAL"]


def one_by_one(stage: Stage, tenants: int = 6) -> None:
    """Let tenants be rolled out one after the other, so slowly that something may happen meanwhile."""
    stage.one_at_a_time(tenants)
    stage.manifest["safety"] |= {"clone_timeout": "30s"}
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.2}, job_duration=0.0)


def everybody_has_one(stage: Stage) -> bool:
    return all(stage.flow(name)["settings"]["batchSize"] == 200 for name in stage.tenants)


def test_no_file_holds_what_is_in_the_database(stage: Stage) -> None:
    assert stage.apply().code == 0
    assert {path.name for path in (stage.directory / ".deployer").iterdir()} == {"plans"}
    with psycopg.connect(address()) as connection:
        assert connection.execute("SELECT count(*) FROM deployer.deployment").fetchone() == (3,)


def test_a_second_apply_is_refused_and_told_who_works(stage: Stage) -> None:
    one_by_one(stage, 20)
    with stage.started("apply", "--yes") as process:
        stage.await_requests("flows.clone")
        ended = stage.apply()
        assert ended.code == 6
        assert "is in use by" in ended.err
        assert f"process {process.pid} on " in ended.err


def test_what_a_killed_apply_left_is_finished_by_the_next(stage: Stage) -> None:
    one_by_one(stage)
    with stage.started("apply", "--yes") as process:
        stage.await_requests("flows.clone", 3)
        process.kill()
        process.wait()
    assert stage.apply().code == 0
    assert everybody_has_one(stage)


def test_where_the_connection_is_cut_nothing_more_is_sent_and_the_next_apply_goes_on(
    stage: Stage, database: Server
) -> None:
    one_by_one(stage)
    with stage.started("apply", "--yes") as process:
        stage.await_requests("flows.clone", 3)
        database.cut(address())
        _, err = process.communicate(timeout=SOON)
    cloned = stage.sent("flows.clone")
    assert process.returncode == 1
    assert "error: the journal " in err
    assert "Traceback" not in err
    assert cloned <= 4  # the third's answer found no journal, or a fourth was just leaving

    assert stage.apply().code == 0
    assert everybody_has_one(stage)


def test_after_the_server_died_at_once_the_next_apply_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server, staged(tmp_path, monkeypatch) as stage:
        monkeypatch.setenv("DEPLOYER_JOURNAL", server.new_database())
        one_by_one(stage)
        with stage.started("apply", "--yes") as process:
            stage.await_requests("flows.clone", 3)
            server.crash()
            process.communicate(timeout=SOON)
        assert process.returncode == 1
        server.restart()
        assert stage.apply().code == 0
        assert everybody_has_one(stage)


def test_a_database_that_does_not_answer_is_a_sentence_without_its_password(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_JOURNAL", f"postgresql://{USER}:hunter2@127.0.0.1:1/nowhere")
    ended = stage.run("apply", "--yes")
    assert ended.code == 1
    assert "error: the journal postgresql://127.0.0.1:1/nowhere cannot be reached" in ended.err
    assert "hunter2" not in ended.err + ended.out


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("postgresql://db.example.com/x?sslmode=require", "sslmode=require does not verify whom"),
        ("postgresql://db.example.com/x?sslmode=disable", "sslmode=disable does not verify whom"),
        ("postgresql://h/x?no_such=1", "the journal's address cannot be read"),
    ],
)
def test_an_address_that_is_not_safe_or_not_one_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, said: str, why: str
) -> None:
    monkeypatch.setenv("DEPLOYER_JOURNAL", said)
    ended = stage.run("status")
    assert ended.code == 2
    assert why in ended.err
