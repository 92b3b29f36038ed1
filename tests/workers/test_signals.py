"""Workers of one rollout: their spans are one trace, and whoever ends it tells people, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.simulator import Customer, Knobs, Rule
from deployer.telemetry.tracing import trace_of
from tests.engine.stage import EU, US, Stage, staged
from tests.postgres import Server
from tests.telemetry.listener import Listener, listening
from tests.telemetry.receiver import receiving
from tests.workers.test_workers import wait_until, workers


@pytest.fixture
def stage(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("DEPLOYER_JOURNAL", database.new_database())
    with staged(tmp_path, monkeypatch, Knobs(job_duration=0.0)) as ready:
        ready.manifest["safety"] |= {"clone_timeout": "30s"}
        yield ready


def test_one_rollout_of_many_workers_is_one_trace_and_its_end_is_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.add_account()
    stage.tenants = {"acme": Customer(US, 0), "globex": Customer(EU, 0)}
    stage.manifest["notify"] = [{"url": "env:HOOK_URL"}]
    with receiving() as collector, listening() as listener:
        monkeypatch.setenv("HOOK_URL", listener.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with workers(stage, 2, concurrency=1) as started:
            ended = stage.apply()
            for one in started:
                one.terminate()
                one.communicate(timeout=30)
    assert ended.code == 0, ended.err
    assert listener.events == ["finished"]
    assert listener.told[0]["rollout"] == ended.document["rollout"]
    tenants = collector.named("tenant")
    assert sorted(span.attributes["deployer.tenant.name"] for span in tenants) == ["acme", "globex"]
    rollouts = collector.named("rollout")
    assert {span.trace for span in (*tenants, *rollouts)} == {f"{trace_of(ended.document['rollout']):032x}"}
    assert {span.parent for span in tenants} <= {span.id for span in rollouts}
    outcomes = [span.attributes.get("deployer.rollout.outcome") for span in rollouts]
    assert sorted(filter(None, outcomes)) == ["succeeded"]


def test_a_gate_that_waits_for_a_person_is_told_once_by_whichever_worker_comes_to_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.manifest["waves"] = [{"name": "canary", "size": 1, "approve": True}, {"name": "others", "size": "rest"}]
    stage.manifest["notify"] = [{"url": "env:HOOK_URL"}]
    with listening() as listener:
        monkeypatch.setenv("HOOK_URL", listener.url)
        with workers(stage, 2, concurrency=1):
            assert stage.apply().code == 5
            assert stage.run("resume").code == 5
            assert stage.apply("--detach").code == 0
            wait_until(lambda: stage.run("status", "--json").document["outcome"] == "waiting")
            assert listener.events == ["waiting"]
            assert stage.run(*listener.told[0]["command"].split()[1:]).code == 0
            assert stage.run("resume").code == 0
    assert listener.events == ["waiting", "finished"]


@pytest.fixture
def listener(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Serve a webhook that the manifest names."""
    with listening() as found:
        monkeypatch.setenv("HOOK_URL", found.url)
        stage.manifest["notify"] = [{"url": "env:HOOK_URL"}]
        yield found


def test_a_halt_is_told_once_however_often_workers_go_on_with_it(stage: Stage, listener: Listener) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    with workers(stage, 2, concurrency=1):
        assert stage.apply().code == 6
        assert stage.run("resume").code == 6
        assert stage.apply().code == 6
        assert listener.events == ["halted"]
        stage.mend()
        assert stage.run("resume").code == 0
    assert listener.events == ["halted", "finished"]


def test_a_wave_that_halts_is_told_once_and_again_once_its_tenants_were_tried_again(
    stage: Stage, listener: Listener
) -> None:
    stage.manifest["waves"] = [{"name": "canary", "size": 1}, {"name": "others", "size": "rest"}]
    stage.refuse("acme")
    with workers(stage, 2, concurrency=1):
        assert stage.apply().code == 6
        assert stage.run("resume").code == 6
        assert listener.events == ["halted"]
        assert stage.run("resume", "--failed").code == 6
        assert listener.events == ["halted", "halted"]
        stage.mend()
        assert stage.run("resume", "--failed").code == 0
    assert listener.events == ["halted", "halted", "finished"]


def test_an_abort_is_told_as_an_end(stage: Stage, listener: Listener) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    with workers(stage, 2, concurrency=1):
        assert stage.apply().code == 6
        stage.mend()
        ended = stage.run("abort", "--yes")
    assert ended.code in {0, 3}, ended.err
    assert [told["outcome"] for told in listener.told] == ["halted", "aborted"]
