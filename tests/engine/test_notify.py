"""Webhooks of a manifest: who is told of what, once, and that a rollout neither needs them nor waits for them."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.engine.whoever import whoever
from deployer.simulator import Rule
from deployer.telemetry import webhooks
from tests.cli.firing import came_into_force, just_now
from tests.engine.stage import Stage
from tests.telemetry.listener import PATH, Listener, listening

SECRET = PATH.rpartition("/")[2]


@pytest.fixture
def listener(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Serve a webhook that the manifest names."""
    monkeypatch.setattr(webhooks, "_WAITS", (0.0, 0.0))
    with listening() as found:
        monkeypatch.setenv("HOOK_URL", found.url)
        stage.manifest["notify"] = [{"url": "env:HOOK_URL"}]
        yield found


def lines(err: str, event: str) -> list[dict[str, str]]:
    found = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


def test_whoever_wants_to_know_is_told_how_a_rollout_ended(stage: Stage, listener: Listener) -> None:
    ended = stage.apply()
    assert ended.code == 0, ended.err
    [told] = listener.told
    assert (told["event"], told["outcome"], told["name"]) == ("finished", "succeeded", "order-sync")
    assert told["rollout"] == ended.document["rollout"]
    assert told["counts"] == ended.document["counts"]
    assert told["command"] is None


def test_a_rollout_with_failures_says_what_to_type(stage: Stage, listener: Listener) -> None:
    stage.refuse("globex")
    assert stage.apply().code == 3
    [told] = listener.told
    assert (told["outcome"], told["command"]) == ("succeeded_with_failures", "deployer resume rollout.yaml --failed")


def test_a_rollout_that_halted_says_why_and_its_end_is_told_too(stage: Stage, listener: Listener) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    assert stage.apply().code == 6
    assert (listener.events, listener.told[0]["outcome"]) == (["halted"], "halted")
    assert "the API does not accept the token any more" in listener.told[0]["reason"]
    assert listener.told[0]["command"] == "deployer resume rollout.yaml"
    stage.mend()
    assert stage.run("resume").code == 0
    assert listener.events == ["halted", "finished"]


def test_a_gate_that_waits_for_a_person_is_told_once_however_often_it_is_gone_on_with(
    stage: Stage, listener: Listener
) -> None:
    stage.manifest["waves"] = [{"name": "canary", "size": 1, "approve": True}, {"name": "others", "size": "rest"}]
    assert stage.apply().code == 5
    assert stage.run("resume").code == 5
    [told] = listener.told
    assert (told["event"], told["wave"]) == ("waiting", "canary")
    assert told["command"].startswith("deployer approve rollout.yaml --plan ")
    approved = stage.run(*told["command"].split()[1:])
    assert approved.code == 0, approved.err
    assert stage.run("resume").code == 0
    assert listener.events == ["waiting", "finished"]


def test_an_end_is_told_once_however_often_it_is_gone_on_with(stage: Stage, listener: Listener) -> None:
    assert stage.apply().code == 0
    stage.run("resume", "--failed")
    assert listener.events == ["finished"]


def test_tenants_that_are_tried_again_are_news(stage: Stage, listener: Listener) -> None:
    stage.refuse("globex")
    stage.apply()
    stage.mend()
    assert stage.run("resume", "--failed").code == 0
    assert [told["outcome"] for told in listener.told] == ["succeeded_with_failures", "succeeded"]


def test_who_dies_between_telling_and_writing_tells_it_again_under_the_same_id(
    stage: Stage, listener: Listener
) -> None:
    with stage.started("apply", "--yes") as process:
        listener.heard = lambda: process.send_signal(signal.SIGKILL)
        assert process.wait(50) == -signal.SIGKILL
    assert listener.events == ["finished"]
    listener.heard = lambda: None
    assert stage.apply().code == 0
    assert listener.events == ["finished", "finished"]
    assert listener.told[0]["id"] == listener.told[1]["id"]


def test_what_nobody_wants_to_know_is_told_to_nobody(stage: Stage, listener: Listener) -> None:
    stage.manifest["notify"][0]["on"] = ["halted", "failed_night"]
    assert stage.apply().code == 0
    assert listener.told == []


@pytest.mark.parametrize(("kind", "key"), [("slack", "blocks"), ("teams", "attachments")])
def test_each_is_told_in_its_own_format(stage: Stage, listener: Listener, kind: str, key: str) -> None:
    stage.manifest["notify"][0]["kind"] = kind
    assert stage.apply().code == 0
    listener_told = [each[key] for each in listener.told]
    assert len(listener_told) == 1


def test_a_night_that_failed_is_told_also_where_it_began_nothing(stage: Stage, listener: Listener) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    stage.manifest["accounts"]["acme-us"]["token"] = "env:NOT_SET"
    assert stage.run("schedule", "run", "--due").code == 4
    [told] = listener.told
    assert (told["event"], told["outcome"], told["firing"]["code"]) == ("failed_night", "failed", 4)
    assert "NOT_SET is not set" in told["reason"]


def test_a_night_that_nobody_was_there_for_is_told(stage: Stage, listener: Listener) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply", catch_up="0s", cron="* * * * *")}
    came_into_force(stage, hours=0.1)
    assert stage.run("schedule", "run", "--due").code == 1
    assert {(told["event"], told["outcome"]) for told in listener.told if told["event"] == "failed_night"} == {
        ("failed_night", "missed")
    }


def test_a_night_that_went_well_is_told_as_a_rollout(stage: Stage, listener: Listener) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    assert stage.run("schedule", "run", "--due").code == 0
    assert listener.events == ["finished"]


def test_a_webhook_that_fails_is_said_and_changes_nothing(stage: Stage, listener: Listener) -> None:
    listener.statuses = [500]
    ended = stage.apply()
    assert (ended.code, ended.document["outcome"]) == (0, "succeeded")
    assert len(listener.told) == 3
    [warning] = lines(ended.err, "notice.failed")
    assert (warning["hook"], warning["cause"], warning["level"]) == ("notify[0] (json)", "it answered 500", "warning")


def test_a_webhook_that_says_nothing_holds_up_an_end_no_longer_than_it_may(
    stage: Stage, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "PATIENCE", 0.3)
    stage.manifest["notify"] *= 3
    listener.statuses = [0]
    ended = stage.apply()
    assert (ended.code, ended.document["outcome"]) == (0, "succeeded")
    assert len(lines(ended.err, "notice.failed")) == 3


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "the environment variable HOOK_URL is not set"),
        ("http://hooks.example/canary", "it has to begin with https://"),
        ("https://user:canary@hooks.example/x", "it has to begin with https://"),
        ("https://api.integrator.io/canary", "its address is that of an account"),
        ("ftp://127.0.0.1/canary", "it has to begin with https://"),
        ("canary", "it has to begin with https://"),
    ],
)
def test_an_address_that_is_none_is_said_as_the_rollout_begins_and_not_shown(
    stage: Stage, listener: Listener, monkeypatch: pytest.MonkeyPatch, url: str | None, said: str
) -> None:
    monkeypatch.delenv("HOOK_URL") if url is None else monkeypatch.setenv("HOOK_URL", url)
    ended = stage.apply("-vv")
    assert ended.code == 0
    [warning] = lines(ended.err, "notice.failed")
    assert said in warning["cause"]
    assert "canary" not in ended.err
    assert listener.told == []


def test_an_account_is_told_nothing(stage: Stage, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", f"{stage.url}/v1/flows")
    [warning] = lines(stage.apply().err, "notice.failed")
    assert "that of an account" in warning["cause"]
    assert listener.told == []


def test_the_address_of_a_webhook_stands_nowhere(stage: Stage, listener: Listener, tmp_path: Path) -> None:
    listener.statuses = [500]
    ended = stage.apply("-vv", "--events", "events.jsonl", "--print-requests")
    assert listener.told
    assert SECRET not in ended.out + ended.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_the_token_of_an_account_is_not_sent_to_a_webhook(stage: Stage, listener: Listener) -> None:
    stage.apply()
    [headers] = listener.headers
    assert "Authorization" not in headers
    assert stage.environment["US_TOKEN"] not in json.dumps(listener.told) + json.dumps(headers)


def test_a_rehearsal_tells_nobody(stage: Stage, listener: Listener) -> None:
    assert stage.run("rehearse").code == 0
    assert listener.told == []


def test_an_abort_is_told_as_an_end_and_what_is_settled_before_it_is_not(stage: Stage, listener: Listener) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    stage.apply()
    stage.mend()
    assert stage.run("abort", "--yes").code in {0, 3}
    assert listener.events == ["halted", "finished"]
    told = listener.told[-1]
    assert (told["outcome"], told["reason"]) == ("aborted", f"by {whoever()}")
    assert (told["counts"]["pending"], told["command"]) == (0, None)


def wait_for_a_person(stage: Stage) -> str:
    """Let a rollout wait for somebody who approves its first wave, and return its id."""
    stage.manifest["waves"] = [{"name": "canary", "size": 1, "approve": True}, {"name": "others", "size": "rest"}]
    ended = stage.apply()
    assert ended.code == 5, ended.err
    return str(ended.document["rollout"])


def test_a_rollout_that_is_left_for_a_new_plan_is_told_as_one_that_ended(stage: Stage, listener: Listener) -> None:
    first = wait_for_a_person(stage)
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    assert stage.apply("--supersede").code == 5
    assert listener.events == ["waiting", "finished", "waiting"]
    told = listener.told[1]
    assert (told["rollout"], told["outcome"], told["command"]) == (first, "superseded", None)


def test_what_a_rollback_ends_is_told(stage: Stage, listener: Listener) -> None:
    first = wait_for_a_person(stage)
    assert stage.run("rollback", "--yes").code == 0
    ends = [(told["rollout"] == first, told["kind"], told["outcome"]) for told in listener.told]
    assert ends == [(True, "apply", "waiting"), (True, "apply", "aborted"), (False, "rollback", "succeeded")]


def test_an_abort_that_nobody_can_be_told_of_ends_the_rollout_all_the_same(stage: Stage, listener: Listener) -> None:
    wait_for_a_person(stage)
    listener.statuses = [500]
    ended = stage.run("abort", "--yes")
    assert (ended.code, stage.run("status", "--json").document["outcome"]) == (0, "aborted")
    assert lines(ended.err, "notice.failed")


def test_who_dies_between_telling_of_an_abort_and_writing_it_tells_it_again_under_the_same_id(
    stage: Stage, listener: Listener
) -> None:
    wait_for_a_person(stage)
    with stage.started("abort", "--yes") as process:
        listener.heard = lambda: process.send_signal(signal.SIGKILL)
        assert process.wait(50) == -signal.SIGKILL
    listener.heard = lambda: None
    assert stage.run("abort", "--yes").code == 0
    assert listener.events == ["waiting", "finished", "finished"]
    assert listener.told[1]["id"] == listener.told[2]["id"]


def test_a_gate_is_told_once_whatever_else_changes(stage: Stage, listener: Listener) -> None:
    stage.manifest["waves"] = [
        {"name": "canary", "size": 2, "approve": True, "tolerance": 1},
        {"name": "others", "size": "rest"},
    ]
    stage.refuse("globex")
    assert stage.apply().code == 5
    stage.mend()
    assert stage.run("resume", "--failed").code == 5
    assert listener.events == ["waiting"]


def test_a_gate_that_nobody_could_tell_to_be_well_is_told_and_again_once_it_waits_for_approval(
    stage: Stage, listener: Listener
) -> None:
    check = stage.directory / "check"
    bake = {"min": "0s", "max": "0s"}
    canary = {"name": "canary", "size": 1, "approve": True, "bake": bake, "verify": {"command": "./check"}}
    stage.manifest["waves"] = [canary, {"name": "others", "size": "rest"}]
    stage.write()
    check.write_text("#!/bin/sh\nexit 9\n")
    check.chmod(0o755)
    assert stage.apply().code == 5
    assert stage.run("resume").code == 5
    check.write_text("#!/bin/sh\nexit 0\n")
    assert stage.run("resume").code == 5
    assert [(told["event"], told["outcome"]) for told in listener.told] == [
        ("waiting", "paused"),
        ("waiting", "waiting"),
    ]


def test_who_is_told_is_no_part_of_a_plan(stage: Stage, listener: Listener) -> None:
    told = stage.run("plan", "--json").document["plan"]
    del stage.manifest["notify"]
    assert stage.run("plan", "--json").document["plan"] == told
    assert listener.told == []


def test_the_doctor_says_whether_there_is_an_address_and_sends_nothing(
    stage: Stage, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stage.run("doctor", "--json").document["findings"]
    assert [each["verdict"] for each in found if each["check"] == "notify"] == ["ok"]
    monkeypatch.delenv("HOOK_URL")
    ended = stage.run("doctor", "--json")
    [finding] = [each for each in ended.document["findings"] if each["check"] == "notify"]
    assert (finding["verdict"], ended.code) == ("warning", 0)
    assert "HOOK_URL is not set" in finding["what"]
    assert listener.told == []


def test_a_second_ctrl_c_does_not_wait_for_a_webhook(stage: Stage, listener: Listener) -> None:
    listener.statuses = [0]
    with stage.started("apply", "--yes") as process:
        listener.heard = lambda: process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any(line.startswith("stopping:") for line in process.stderr)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert time.monotonic() - begun < 8
