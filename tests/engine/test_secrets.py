"""Settings that are secret: the flow has them, and nothing that is kept or printed does."""

from pathlib import Path
from typing import Any

import pytest

from deployer.simulator import Knobs, Rule
from tests.engine.stage import Ended, Stage

pytestmark = pytest.mark.anywhere

KEY = "0123456789abcdef0123456789abcdef-key"


def secret(name: str, turn: str = "first") -> str:
    return f'h1dden "{turn}" of {name} \\ é'


@pytest.fixture
def kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a stage whose flows have a secret, each its own, named by a column of the tenants' list."""
    monkeypatch.setenv("SECRETS_KEY", KEY)
    for name in stage.tenants:
        stage.columns[name] = {"api_key_name": name.upper()}
        monkeypatch.setenv(f"API_KEY_{name.upper()}", secret(name))
    stage.manifest["secrets"] = {
        "key": "env:SECRETS_KEY",
        "values": {"api_key": "env:API_KEY_${tenant.values.api_key_name}"},
    }
    stage.manifest["flow"]["settings"]["auth"] = {"value": "${secret.api_key}", "user": "me"}
    return stage


def turn(stage: Stage, patch: pytest.MonkeyPatch, turn: str, *names: str) -> None:
    """Let tenants have another secret."""
    for name in names or stage.tenants:
        patch.setenv(f"API_KEY_{name.upper()}", secret(name, turn))


def auth(stage: Stage, name: str = "acme") -> Any:  # noqa: ANN401 - JSON
    return stage.flow(name)["settings"]["auth"]


def written(directory: Path) -> bytes:
    """Return all that lies in a directory, and below it."""
    return b"".join(file.read_bytes() for file in sorted(directory.rglob("*")) if file.is_file())


def leaked(stage: Stage, *ended: Ended) -> list[str]:
    """Return the parts of secrets that something holds which was printed or is kept."""
    printed = "".join(each.out + each.err for each in ended).encode() + written(stage.directory)
    return [mark for mark in ("h1dden", KEY) if mark.encode() in printed]


def test_each_flow_has_its_own_secret_and_nothing_else_has_any(kept: Stage) -> None:
    words = ("apply", "--yes", "--print-requests", "-vv", "--events", "events.jsonl", "--report", "html=report.html")
    seen = [kept.run("plan"), kept.run("plan", "--json"), kept.run(*words)]

    assert [each.code for each in seen] == [0, 0, 0], seen[-1].err
    assert "settings.auth.value (secret)" in seen[0].out
    assert {name: auth(kept, name) for name in kept.tenants} == {
        name: {"value": secret(name), "user": "me"} for name in kept.tenants
    }
    seen += [kept.run(*words) for words in (("status", "--json"), ("explain", "acme"), ("drift",), ("report",))]
    assert (kept.directory / "events.jsonl").stat().st_size > 0
    assert leaked(kept, *seen) == []


def test_what_is_unchanged_is_not_written_again(kept: Stage) -> None:
    assert kept.apply().code == 0
    kept.forget_requests()

    again = kept.apply()

    assert ({tenant["action"] for tenant in again.tenants.values()}, kept.writes) == ({"no_change"}, [])


def test_another_secret_is_an_update_of_that_tenant(kept: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.apply().code == 0
    turn(kept, monkeypatch, "second", "acme")

    shown, ended = kept.run("plan"), kept.apply()

    assert "settings.auth.value another secret" in shown.out
    assert {name: tenant["action"] for name, tenant in ended.tenants.items()} == {
        "acme": "update",
        "globex": "no_change",
        "initech": "no_change",
    }
    assert (auth(kept)["value"], auth(kept, "globex")["value"]) == (secret("acme", "second"), secret("globex"))
    assert leaked(kept, shown, ended) == []


def test_a_secret_that_somebody_changed_is_left_as_it_is_when_another_field_is_written(kept: Stage) -> None:
    assert kept.apply().code == 0
    kept.edit("acme", settings={**kept.flow()["settings"], "auth": {"value": "theirs, a h1dden", "user": "me"}})
    kept.manifest["flow"]["settings"]["batchSize"] = 300

    shown = kept.run("plan")
    ended = kept.apply()

    assert "! settings.auth.value is another secret, left as it is" in shown.out
    assert ended.code == 0, ended.err
    assert kept.flow()["settings"]["batchSize"] == 300
    assert (auth(kept)["value"], auth(kept, "globex")["value"]) == ("theirs, a h1dden", secret("globex"))
    assert leaked(kept, shown, ended) == []


def test_a_secret_that_is_another_one_than_was_planned_is_planned_again(
    kept: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = kept.run("plan", "--json").document["plan"]
    turn(kept, monkeypatch, "second", "acme")

    ended = kept.apply("--plan", digest)

    assert ended.tenants["acme"]["outcome"] == "stale"
    assert "the secret of settings.auth.value is another one than was planned with" in str(ended.tenants["acme"])
    assert auth(kept, "globex")["value"] == secret("globex")
    assert kept.apply().code == 0
    assert auth(kept)["value"] == secret("acme", "second")


def test_where_a_secret_is_missing_its_account_waits(kept: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = kept.run("plan", "--json").document["plan"]
    for name in kept.tenants:
        monkeypatch.delenv(f"API_KEY_{name.upper()}")

    ended = kept.apply("--plan", digest)

    assert ended.code == 6, ended.err
    assert "the environment variable API_KEY_" in ended.err + ended.out
    assert "is not set; export API_KEY_" in " ".join((ended.err + ended.out).split())
    turn(kept, monkeypatch, "first")
    assert kept.run("resume", "--json").code == 0
    assert {name: auth(kept, name)["value"] for name in kept.tenants} == {name: secret(name) for name in kept.tenants}


@pytest.mark.parametrize("applied", [True, False])
def test_a_put_whose_answer_is_lost_is_found_by_the_secret_too(kept: Stage, applied: bool) -> None:
    kept.befall(Rule(action="reset", route="flows.put", times=1, applied=applied))

    ended = kept.apply()

    assert ended.code == 0, ended.err
    assert {name: auth(kept, name)["value"] for name in kept.tenants} == {name: secret(name) for name in kept.tenants}
    assert leaked(kept, ended) == []


def test_an_error_that_repeats_the_secret_does_not_show_it(kept: Stage) -> None:
    said = f"auth.value {secret('acme')} is not allowed"
    kept.befall(Rule(action="refuse", route="flows.put", id=kept.integration(), status=422, text=said))

    ended = kept.apply()

    assert ended.tenants["acme"]["outcome"] == "failed"
    assert leaked(kept, ended) == []


def test_a_rollback_puts_back_what_can_be_read_again(kept: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.apply().code == 0
    turn(kept, monkeypatch, "second")
    assert kept.apply().code == 0
    turn(kept, monkeypatch, "first", "acme")

    shown, ended = kept.run("rollback", "--plan"), kept.run("rollback", "--yes", "--json")

    assert ended.code == 0, ended.err
    assert (auth(kept)["value"], auth(kept, "globex")["value"]) == (secret("acme"), secret("globex", "second"))
    assert "settings.auth.value stays: the secret that stood there before is not the one read now" in shown.out
    assert leaked(kept, shown, ended) == []


def test_a_rollback_names_what_stays_of_an_integration_too(kept: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.manifest["integration"] = {"settings": {"hook": "${secret.api_key}"}}
    assert kept.apply().code == 0
    turn(kept, monkeypatch, "second")
    assert kept.apply().code == 0

    shown = kept.run("rollback", "--plan", "--json").tenants["acme"]

    assert shown["reason"].startswith(
        "settings.auth.value, integration.settings.hook stays: the secret that stood there before"
    ), shown


def test_a_secret_that_is_dropped_goes_where_it_is_ours(kept: Stage) -> None:
    assert kept.apply().code == 0
    kept.edit("acme", settings={**kept.flow()["settings"], "auth": {"value": "theirs, a h1dden", "user": "me"}})
    del kept.manifest["flow"]["settings"]["auth"]["value"]

    shown, ended = kept.run("plan"), kept.apply()

    assert ended.code == 0, ended.err
    assert "settings.auth.value (secret) → (none)" in shown.out
    assert (auth(kept)["value"], "value" in auth(kept, "globex")) == ("theirs, a h1dden", False)
    assert leaked(kept, shown, ended) == []


def test_without_its_key_a_secret_is_let_go(kept: Stage) -> None:
    assert kept.apply().code == 0
    del kept.manifest["flow"]["settings"]["auth"]["value"], kept.manifest["secrets"]

    ended = kept.apply()

    assert (ended.code, auth(kept)["value"]) == (0, secret("acme")), ended.err
    assert leaked(kept, ended) == []


def test_a_value_becomes_a_secret_and_a_plain_one_again(kept: Stage) -> None:
    stated = kept.manifest["flow"]["settings"]["auth"]
    stated["value"] = secret("acme")  # for all three
    assert kept.apply("--tenant", "acme").code == 0
    stated["value"] = "${secret.api_key}"
    kept.forget_requests()

    sealed = kept.apply("--tenant", "acme")
    stated["value"] = secret("acme")
    plain = kept.apply("--tenant", "acme")

    assert (sealed.code, plain.code, kept.writes) == (0, 0, [])
    assert auth(kept)["value"] == secret("acme")


def test_what_a_tenant_has_besides_its_flow_may_hold_secrets_too(kept: Stage) -> None:
    kept.manifest["integration"] = {"settings": {"hook": "${secret.api_key}"}}
    name = next(iter(kept.simulator.world.accounts.values())).documents["exports"]

    ended = kept.apply()

    assert (ended.code, len(name) > 0) == (0, True), ended.err
    account = kept.simulator.world.accounts["acme-us"]
    hooks = {
        each: account.documents["integrations"][kept.integration(each)]["settings"]["hook"] for each in kept.tenants
    }
    assert hooks == {each: secret(each) for each in kept.tenants}
    assert {tenant["action"] for tenant in kept.apply().tenants.values()} == {"no_change"}
    assert leaked(kept, ended) == []


def test_waves_check_flows_with_secrets(kept: Stage) -> None:
    kept.manifest["waves"] = {"sizes": [1, 2], "verify": {"equal": True}}

    ended = kept.apply()

    assert (ended.code, ended.document["outcome"]) == (0, "succeeded"), ended.err


def test_a_flow_with_a_secret_is_deleted_as_any(kept: Stage) -> None:
    assert kept.apply().code == 0

    ended = kept.run("delete", "--tenant", "acme", "--yes", "--json")

    assert (ended.code, kept.flows()) == (0, []), ended.err
    assert leaked(kept, ended) == []


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"note": "somebody's"}, "done"),
        ({"settings": {"region": "us-east", "batchSize": 200, "auth": {"value": "a h1dden", "user": "me"}}}, "stale"),
    ],
)
def test_a_secret_that_is_as_it_was_does_not_keep_a_flow_from_being_deleted(
    kept: Stage, fields: dict[str, Any], outcome: str
) -> None:
    kept.simulator.knobs = Knobs.parse({"latency.flows.put": 0.02})  # a stamp has milliseconds: theirs is another one
    assert kept.apply().code == 0
    kept.befall(Rule(action="edit", route="flows.get", nth=3, id=kept.flow()["_id"], fields=fields))  # after its PUT

    ended = kept.run("delete", "--tenant", "acme", "--yes", "--json")

    [tenant] = [tenant for tenant in ended.document["tenants"] if tenant["tenant"] == "acme"]
    assert (tenant["outcome"], len(kept.flows())) == (outcome, int(outcome == "stale")), ended.out
    assert outcome == "done" or "settings.auth.value changed by somebody else" in tenant["error"]["message"]
    assert leaked(kept, ended) == []


def test_a_rehearsal_of_secrets_leaves_none_behind(kept: Stage) -> None:
    assert kept.apply("--tenant", "acme").code == 0

    ended = kept.run("rehearse", "--json")

    assert ended.code == 0, ended.err
    assert leaked(kept, ended) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"API_KEY_ACME": None}, "API_KEY_ACME is not set; export API_KEY_ACME=<secret>"),
        ({"API_KEY_ACME": "abc"}, "the secret at env:API_KEY_ACME has fewer than 4 characters"),
        ({"SECRETS_KEY": None}, "the environment variable SECRETS_KEY is not set"),
        ({"SECRETS_KEY": "short"}, "the key of the secrets has 5 characters, and needs 32"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_is_sent(
    kept: Stage, monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None], said: str
) -> None:
    for name, value in change.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)

    ended = kept.run("plan")

    assert ended.code == (2 if "SECRETS_KEY" in change else 3)
    assert said in " ".join((ended.out + ended.err).split())
    assert kept.writes == []


def test_a_file_that_others_may_read_is_named_with_the_way_to_mend_it(kept: Stage) -> None:
    kept.manifest["secrets"]["values"] = {"api_key": "file:secrets/${tenant.name}.key"}
    (kept.directory / "secrets").mkdir(parents=True)
    for name in kept.tenants:
        (kept.directory / "secrets" / f"{name}.key").write_text(secret(name, "in a file"), "utf-8")
        (kept.directory / "secrets" / f"{name}.key").chmod(0o600)
    (kept.directory / "secrets" / "acme.key").chmod(0o640)

    ended = kept.apply()

    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "chmod 600 secrets/acme.key" in kept.run("plan").out.replace("\n", " ")
    assert auth(kept, "globex")["value"] == secret("globex", "in a file")


def test_what_is_not_written_is_sent_back_as_it_was_read(kept: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept.apply().code == 0
    kept.manifest["flow"]["settings"]["batchSize"] = 300
    digest = kept.run("plan", "--json").document["plan"]
    for name in kept.tenants:
        monkeypatch.delenv(f"API_KEY_{name.upper()}")

    ended = kept.apply("--plan", digest)

    assert ended.code == 0, ended.err
    assert kept.flow()["settings"]["batchSize"] == 300
    assert auth(kept)["value"] == secret("acme")
