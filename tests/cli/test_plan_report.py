"""`plan --report md=FILE`, as a workflow of GitHub's asks for it."""

import pytest

from tests.engine.stage import Stage


def test_plan_writes_it_where_it_is_asked_to(stage: Stage) -> None:
    ended = stage.run("plan", "--report", "md=plan.md")
    assert ended.code == 0, ended.err
    written = (stage.directory / "plan.md").read_text("utf-8")
    assert written.rstrip().removesuffix("</code>")[-12:] == ended.out.rstrip()[-12:], "the digest"
    assert written.count("| **create** |") == 3


def test_another_report_of_a_plan_is_refused_before_anything_is_sent(stage: Stage) -> None:
    ended = stage.run("plan", "--report", "junit=plan.xml")
    assert (ended.code, ended.err) == (
        2,
        "error: --report junit is of a rollout\n  here there is --report md=FILE\n",
    )
    assert stage.ledger.arrivals == []


@pytest.mark.parametrize("command", ["drift", "history"])
def test_what_writes_no_report_takes_no_such_option(stage: Stage, command: str) -> None:
    ended = stage.run(command, "--report", "md=x.md")
    assert (ended.code, "there is no option --report" in ended.err) == (2, True)
