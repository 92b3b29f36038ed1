"""`deployer apply` and `status` as a person meets them."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.simulator import Customer, Rule
from tests.engine.stage import EU, US, Stage, template


def test_apply_gives_every_tenant_its_flow_as_the_manifest_says(stage: Stage) -> None:
    ended = stage.apply()

    assert ended.code == 0, ended.err
    flow = stage.flow("acme")
    assert flow["name"] == f"Orders: {stage.tenants['acme'].name}"
    assert flow["schedule"] == "? 5 * ? * *"
    assert flow["timezone"] == "America/New_York"
    assert flow["disabled"] is False
    assert flow["settings"] == {"region": "us-east", "batchSize": 200}
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]


def test_each_tenant_gets_its_own_values_and_connections(stage: Stage) -> None:
    stage.columns = {name: {"region": f"canary-of-{name}"} for name in stage.tenants}

    stage.apply()

    account = stage.simulator.world.accounts[US]
    for name, who in stage.tenants.items():
        flow = stage.flow(name)
        assert flow["settings"]["region"] == f"canary-of-{name}"
        assert account.documents["exports"][flow["_exportId"]]["_connectionId"] == who.id("connections", "GitHub")
        assert account.documents["imports"][flow["_importId"]]["_connectionId"] == who.id("connections", "Slack")


def test_after_an_apply_the_plan_is_empty(stage: Stage) -> None:
    stage.apply()

    assert {tenant["action"] for tenant in stage.plan().values()} == {"no_change"}


def test_a_second_apply_sends_reads_only_starts_no_run_and_says_so(stage: Stage) -> None:
    stage.run_flows()
    stage.apply()
    stage.forget_requests()

    ended = stage.run("apply", "--yes")

    assert (ended.code, stage.writes) == (0, [])
    assert "only reads were sent" in ended.out
    assert len(stage.effects("run")) == 3


def test_counts_add_up_to_the_tenants_and_status_has_the_same_shape(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["note"] = "${tenant.values.note}"
    stage.columns = {"acme": {"note": "a"}, "globex": {"note": "g"}}  # initech has none, so it is blocked
    stage.befall(Rule(action="refuse", route="flows.put", id=stage.integration("globex"), status=422))

    applied = stage.apply().document
    status = stage.run("status", "--json").document

    assert sum(applied["counts"].values()) == len(applied["tenants"]) == 3
    assert {name: applied["counts"][name] for name in ("done", "failed", "blocked")} == dict.fromkeys(
        ("done", "failed", "blocked"), 1
    )
    assert status == applied


def test_two_entries_of_accounts_are_rolled_out_side_by_side(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["berlin"] = Customer(EU, 0)

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert stage.flow("berlin")["_sourceId"] == template(EU)
    assert stage.flow("acme")["_sourceId"] == template(US)


def test_a_flow_is_created_from_a_document_with_the_ids_of_each_tenant(stage: Stage) -> None:
    stage.manifest["template"] = {"file": "flow.json", "id": "orders"}
    del stage.manifest["accounts"][US]["connections"]
    stage.write()
    (stage.directory / "flow.json").write_text(
        '{"name": "x", "_exportId": "${tenant.values.github_export}", "_importId": "${tenant.values.slack_import}"}',
        "utf-8",
    )

    ended = stage.apply()

    assert ended.code == 0, ended.err
    acme = stage.tenants["acme"]
    assert stage.flow("acme")["_exportId"] == acme.id("exports", "GitHub events")
    assert stage.flow("acme")["disabled"] is False
    assert {tenant["action"] for tenant in stage.plan().values()} == {"no_change"}


def test_nothing_is_sent_where_nobody_confirms(stage: Stage) -> None:
    ended = stage.run("apply")

    assert (ended.code, stage.writes) == (2, [])
    assert "deployer apply --yes" in ended.err


def _edit_manifest(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["batchSize"] = 300


def _edit_tenants(stage: Stage) -> None:
    stage.columns["acme"] = {"region": "elsewhere"}


def _edit_template(stage: Stage) -> None:
    account = stage.simulator.world.accounts[US]
    account.keep("flows", {**account.find("flows", template()), "pageProcessors": []})


def _edit_plan(stage: Stage) -> None:
    [path] = (stage.directory / ".deployer" / "plans").glob("*.json")
    path.write_text(path.read_text("utf-8").replace("us-east", "us-west"), "utf-8")


def _age_plan(stage: Stage) -> None:
    [path] = (stage.directory / ".deployer" / "plans").glob("*.json")
    text = path.read_text("utf-8")
    at = text.index('"observed_at":"') + len('"observed_at":"')
    path.write_text(f"{text[:at]}2020{text[at + 4 :]}", "utf-8")


def test_a_saved_plan_is_applied_as_it_was_shown(stage: Stage) -> None:
    digest = stage.run("plan", "--json").document["plan"]
    stage.forget_requests()

    ended = stage.apply("--plan", digest[:12])

    assert ended.code == 0, ended.err
    assert ended.document["plan"] == digest
    assert stage.sent("flows.clone") == 3
    assert stage.sent("connections.list") == 0  # it did not plan again


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_edit_manifest, "the manifest"),
        (_edit_tenants, "the tenants"),
        (_edit_template, "the template in acme-us"),
        (_edit_plan, "was changed"),
        (_age_plan, "older than 7 days"),
    ],
)
def test_a_saved_plan_is_refused_where_it_does_not_hold_any_more(
    stage: Stage, change: Callable[[Stage], None], named: str
) -> None:
    digest = stage.run("plan", "--json").document["plan"]
    change(stage)

    ended = stage.apply("--plan", digest)

    assert (ended.code, stage.writes) == (6, [])
    assert named in ended.err


def test_an_edit_between_plan_and_apply_makes_only_that_tenant_stale(stage: Stage) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    digest = stage.run("plan", "--json").document["plan"]
    stage.edit("acme", settings={"region": "us-east", "batchSize": 250})

    ended = stage.apply("--plan", digest)

    assert ended.code == 3
    assert {name: tenant["outcome"] for name, tenant in ended.tenants.items()} == {
        "acme": "stale",
        "globex": "done",
        "initech": "done",
    }
    assert stage.flow("acme")["settings"]["batchSize"] == 250


def test_the_history_of_one_tenant_is_told_step_by_step(stage: Stage) -> None:
    stage.apply()

    ended = stage.run("status", "--tenant", "acme")

    assert ended.code == 0
    assert stage.flow("acme")["_id"] in ended.out
    assert ended.out.index("clone") < ended.out.index("configure")


def test_status_of_a_directory_without_a_journal_is_a_sentence(stage: Stage) -> None:
    ended = stage.run("status")

    assert ended.code in {1, 2}
    assert ended.err.startswith("error: ")
    assert len(ended.err.splitlines()) <= 2


def test_run_starts_every_deployed_flow_once(stage: Stage) -> None:
    stage.apply()

    ended = stage.run("run", "--json")

    assert ended.code == 0, ended.err
    assert [len(stage.effects("run", name)) for name in stage.tenants] == [1, 1, 1]
    assert all(tenant["jobs"] for tenant in ended.tenants.values())


def test_tenants_come_from_stdin_where_the_manifest_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.write()
    text = (stage.directory / "tenants.csv").read_text("utf-8")
    stage.manifest["tenants"] = "-"
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert ended.document["counts"]["done"] == 3


@pytest.mark.parametrize("by_environment", [True, False])
def test_the_journal_lies_where_the_user_says(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    journal = tmp_path / "elsewhere" / "book.db"
    if by_environment:
        monkeypatch.setenv("DEPLOYER_JOURNAL", str(journal))

    ended = stage.apply(*(() if by_environment else ("--journal", f"sqlite:{journal}")))

    assert ended.code == 0, ended.err
    assert journal.exists()
    assert not (stage.directory / ".deployer").exists()


def test_a_decision_about_a_tenant_that_does_not_exist_is_refused(stage: Stage) -> None:
    ended = stage.apply("--ours", "acne")

    assert (ended.code, stage.writes) == (2, [])
    assert 'did you mean "acme"' in ended.err


def test_a_tenant_cannot_be_given_to_both_sides(stage: Stage) -> None:
    assert stage.apply("--ours", "acme", "--theirs", "acme").code == 2
