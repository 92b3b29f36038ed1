"""The action and the workflows that people copy, carried out against the simulator."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.simulator import token_of
from tests.cli.firing import just_now
from tests.docs.pages import ROOT
from tests.docs.runner import ACTION, OURS, Runner
from tests.engine.stage import US, Stage

WORKFLOWS = sorted((ROOT / "docs" / "workflows").glob("*.yml"))
_STEP = {"name", "id", "if", "uses", "with", "run", "env", "shell"}
_JOB = {"runs-on", "env", "steps", "needs", "if", "environment", "outputs", "permissions"}
_WORKFLOW = {"name", True, "permissions", "concurrency", "env", "jobs"}  # YAML 1.1 reads `on` as true


def load(path: Path) -> dict[Any, Any]:
    found = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def runner(stage: Stage, tmp_path: Path) -> Runner:
    """Return a machine whose work directory is the stage's."""
    stage.write()
    secrets = {"US_TOKEN": token_of(US), "INTEGRATOR_TOKEN": token_of(US)}
    stage.manifest["accounts"][US]["token"] = "env:INTEGRATOR_TOKEN"
    stage.write()
    return Runner(tmp_path / "runner", stage.directory, secrets)


def pull_request(runner: Runner) -> None:
    runner.context |= {"github.event.pull_request": "yes", "github.event.pull_request.number": "7"}


def asked(runner: Runner) -> list[str]:
    return (runner.place / "gh.log").read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_the_documented_shape_and_our_steps_only_inputs_there_are(path: Path) -> None:
    workflow = load(path)
    assert workflow.keys() <= _WORKFLOW
    assert workflow["permissions"]["contents"] == "read"
    for job in workflow["jobs"].values():
        assert job.keys() <= _JOB
        assert set(job["needs"].split() if "needs" in job else []) <= workflow["jobs"].keys()
        for step in job["steps"]:
            assert step.keys() <= _STEP
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/x@v1")) or OURS.fullmatch(
                step["uses"]
            )
            if OURS.fullmatch(step.get("uses", "")):
                assert step["with"].keys() <= ACTION["inputs"].keys()


def test_the_action_has_the_documented_shape_and_its_scripts_take_values_by_their_environment_alone() -> None:
    assert ACTION.keys() == {"name", "description", "branding", "inputs", "outputs", "runs"}
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert step.keys() <= _STEP
        if "run" in step:
            assert step["shell"] == "bash"
            assert "${{" not in step["run"], "what somebody named in a pull request would be run"
    for each in ACTION["inputs"].values():
        assert each.keys() == {"description", "default"}


def test_a_pull_request_gets_its_plan_as_a_comment_and_the_next_push_renews_it(stage: Stage, runner: Runner) -> None:
    pull_request(runner)
    workflow = load(ROOT / "docs/workflows/plan.yml")
    assert runner.job(workflow, "plan") == 0, runner.said
    assert asked(runner)[-1] == f"api --silent repos/acme/rollouts/issues/7/comments -F body=@{runner.place}/comment.md"
    comment = (runner.place / "comment.md").read_text("utf-8")
    assert comment.startswith("<!-- deployer plan rollout.yaml -->\n## Plan ")
    assert comment.count("**create**") == 3
    assert (runner.place / "summary.md").read_text("utf-8") in comment
    (runner.place / "there").write_text("41\n42\n", "utf-8")
    assert runner.job(workflow, "plan") == 0, runner.said
    assert asked(runner)[-1].startswith("api --silent --method PATCH repos/acme/rollouts/issues/comments/42 -F body=@")
    assert stage.writes == []


def test_a_blocked_tenant_fails_the_check_and_is_told_all_the_same(stage: Stage, runner: Runner) -> None:
    pull_request(runner)
    stage.columns["acme"] = {"github": "none"}
    stage.write()
    assert runner.job(load(ROOT / "docs/workflows/plan.yml"), "plan") == 3
    assert "**blocked**" in (runner.place / "comment.md").read_text("utf-8")


def test_a_manifest_that_is_wrong_is_annotated_and_comments_nothing(stage: Stage, runner: Runner) -> None:
    pull_request(runner)
    stage.manifest["flw"] = {}
    stage.write()
    assert runner.job(load(ROOT / "docs/workflows/plan.yml"), "plan") == 2
    assert "::error file=rollout.yaml,line=" in runner.said
    assert not (runner.place / "gh.log").exists()


def test_what_was_merged_is_applied_as_it_was_approved_and_nothing_is_asked_where_nothing_is_to_do(
    stage: Stage, runner: Runner
) -> None:
    workflow = load(ROOT / "docs/workflows/apply.yml")
    assert runner.job(workflow, "plan") == 0, runner.said
    assert runner.context["needs.plan.outputs.work"] == "3"
    assert stage.writes == []
    assert runner.job(workflow, "apply") == 0, runner.said
    assert len(stage.flows("acme")) == 1
    assert "succeeded" in (runner.place / "summary.md").read_text("utf-8")
    assert f"--plan {runner.context['needs.plan.outputs.plan']}" not in runner.said, "nothing was planned anew"
    assert runner.job(workflow, "plan") == 0, runner.said
    assert runner.context["needs.plan.outputs.work"] == "0"
    assert runner.job(workflow, "apply") == -1, "there is nothing to approve"


def test_every_night_what_is_due_is_fired(stage: Stage, runner: Runner) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    stage.write()
    assert runner.job(load(ROOT / "docs/workflows/nightly.yml"), "due") == 0, runner.said
    assert (runner.place / "paths").read_text("utf-8") == f"{runner.place}/deployer/path\n"


def test_further_options_are_words_of_their_own_whatever_is_in_them(stage: Stage, runner: Runner) -> None:
    stage.columns["acme"] = {"label.ring": "a b"}
    stage.write()
    given = {"command": "plan", "arguments": "--label\nring=a b\n", "comment": "false"}
    code = runner.action(given, {"INTEGRATOR_TOKEN": "${{ secrets.INTEGRATOR_TOKEN }}"}, "plan")
    assert code == 0, runner.said
    assert runner.context["steps.plan.outputs.work"] == "1"
    hostile = {"command": "plan", "manifest": "$(touch hacked) `touch hacked`.yaml", "comment": "false"}
    assert runner.action(hostile, {}, "plan") == 2
    assert not (stage.directory / "hacked").exists()
