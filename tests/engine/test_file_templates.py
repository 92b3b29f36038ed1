"""A template from a file is created, and what changes in the file is carried into what was made of it."""

import json
from typing import Any

import pytest

from deployer.simulator import Rule, stable_id
from tests.engine.stage import US, Stage

DOCUMENT: dict[str, Any] = {
    "name": "Events",
    "_exportId": stable_id(US, "exports", "GitHub events"),
    "_importId": stable_id(US, "imports", "Slack message"),
    "wizardState": "done",
    "extra": {"keep": 1, "go": "${tenant.values.region}"},
}


def write(stage: Stage, **changes: Any) -> None:  # noqa: ANN401 - JSON
    """Write the file; None takes a key out."""
    document = {key: value for key, value in {**DOCUMENT, **changes}.items() if value is not None}
    stage.directory.mkdir(exist_ok=True)
    (stage.directory / "flow.json").write_text(json.dumps(document), "utf-8")


@pytest.fixture
def created(stage: Stage) -> Stage:
    del stage.manifest["accounts"][US]["connections"]
    stage.manifest["template"] = {"file": "flow.json", "id": "events"}
    write(stage)
    assert stage.apply().code == 0
    stage.forget_requests()
    return stage


def test_a_second_apply_of_an_unchanged_file_sends_only_reads(created: Stage) -> None:
    assert created.apply().document["counts"]["no_change"] == 3
    assert created.writes == []


def test_what_changes_in_the_file_comes_and_what_a_tenant_added_stays(created: Stage) -> None:
    region = created.flow()["extra"]["go"]
    created.edit("acme", note="mine", extra={**created.flow()["extra"], "own": True})
    write(created, wizardState="again", extra={"keep": 2, "go": "${tenant.values.region}"}, aliases=["a"])
    planned = created.plan()
    assert planned["acme"]["action"] == "update"
    assert len(planned["acme"]["upgrade"]) == 2
    assert created.apply().code == 0
    flow = created.flow()
    assert (flow["wizardState"], flow["note"], flow["aliases"]) == ("again", "mine", ["a"])
    assert flow["extra"] == {"keep": 2, "go": region, "own": True}
    created.forget_requests()
    assert created.apply().document["counts"]["no_change"] == 3
    assert created.writes == []


def test_what_the_file_drops_goes(created: Stage) -> None:
    write(created, wizardState=None)
    assert created.apply().code == 0
    assert not any("wizardState" in created.flow(name) for name in created.tenants)


def test_the_same_field_changed_on_both_sides_waits_for_a_choice(created: Stage) -> None:
    created.edit("acme", wizardState="mine")
    write(created, wizardState="again")
    planned = created.plan()
    assert (planned["acme"]["action"], planned["globex"]["action"]) == ("blocked", "update")
    assert created.apply("--theirs", "acme").code == 0
    assert created.flow()["wizardState"] == "mine"


def test_drift_of_what_is_the_files_is_told_and_never_written_over(created: Stage) -> None:
    created.manifest["drift"] = "restore"
    created.edit("acme", wizardState="mine", timezone="Asia/Tokyo")
    assert created.apply().code == 0
    assert created.flow()["wizardState"] == "mine"
    assert created.flow()["timezone"] != "Asia/Tokyo"


def test_a_value_of_a_tenant_that_the_file_names_is_carried_too(created: Stage) -> None:
    created.columns["acme"] = {"region": "elsewhere"}
    assert created.apply("--allow", "many-updates").code == 0
    assert created.flow()["extra"]["go"] == "elsewhere"


def test_a_rollback_puts_what_the_file_had_before_back(created: Stage) -> None:
    write(created, wizardState="again")
    assert created.apply().code == 0
    assert created.run("rollback", "--yes").code == 0
    assert created.flow()["wizardState"] == "done"
    assert created.plan()["acme"]["action"] == "update", "the file still has the new revision"


def test_the_plan_of_a_creation_does_not_repeat_the_file(created: Stage) -> None:
    for name in created.tenants:
        created.drop(name)
    ended = created.run("plan", *[word for name in created.tenants for word in ("--recreate", name)])
    assert "3 to create" in ended.out
    assert "wizardState" not in ended.out


def test_what_was_created_without_an_answer_and_renamed_at_once_is_found_again(stage: Stage) -> None:
    del stage.manifest["accounts"][US]["connections"]
    stage.manifest["template"] = {"file": "flow.json", "id": "events"}
    write(stage)
    stage.one_at_a_time(1)
    stage.befall(
        Rule(action="edit", route="flows.create", nth=1, fields={"name": "By hand"}, applied=True),
        Rule(action="lose", route="flows.create", nth=1, applied=True),
    )
    assert stage.apply().code == 0
    [name] = stage.tenants
    [flow] = stage.flows(name)
    assert not flow["disabled"]
