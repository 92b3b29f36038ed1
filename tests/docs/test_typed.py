"""Every command that a page under docs/ shows is typed, in the order of the page, and ends as it should."""

import textwrap
from collections.abc import Callable
from signal import SIGINT
from typing import Final

import pytest

from tests.docs.pages import ROOT, blocks, typed
from tests.docs.parsing import calls
from tests.docs.test_examples import answered, applied, nothing, set_out, synced
from tests.engine.stage import Stage
from tests.postgres import Server
from tests.workers.test_workers import workers

DOCS: Final = ROOT / "docs"
# What has to be so before the commands of a page.
BEFORE: Final[dict[str, Callable[[Stage], None]]] = {
    "dashboard.md": applied,
    "manifest.md": nothing,
    "output.md": nothing,
    "revisions.md": applied,
    "rollouts.md": nothing,
    "schedules.md": synced,
    "tenants.md": nothing,
    "trouble.md": applied,
}
# Where the commands of the other pages are typed: nothing is shown that nobody types.
ELSEWHERE: Final = {
    "ci.md": "test_told.py",
    "first-rollout.md": "test_first_hour.py",
    "workers.md": "below",
}
LASTING: Final = [["serve"], ["schedule", "run"]]  # which go on until Ctrl-C


def lines(page: str) -> list[list[str]]:
    """Return the words of each call of deployer that the blocks of a page show."""
    shown = [each.command for block in blocks(DOCS / page, "console") for each in typed(block)]
    return [words for line in shown for words in calls(line)]


def lasts(words: list[str]) -> bool:
    return any(words[: len(first)] == first for first in LASTING)


def until_told(stage: Stage, words: list[str]) -> None:
    """Type a command that goes on, wait until it says that it is at work, and end it as a person does."""
    free = ["--port", "0"] if words[0] == "serve" else []  # whoever reads the page has its port free
    with stage.started(*words, *free) as process:
        heard = process.stdout if words[0] == "serve" else process.stderr
        assert heard is not None
        assert heard.readline()
        process.send_signal(SIGINT)
        assert process.wait(10) == 0


def test_no_page_shows_a_command_that_nobody_types() -> None:
    showing = {page.name for page in DOCS.glob("*.md") if lines(page.name)}
    assert showing == BEFORE.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("page", BEFORE)
def test_what_a_page_shows_can_be_typed(stage: Stage, page: str) -> None:
    set_out(stage)
    BEFORE[page](stage)
    for words in lines(page):
        if lasts(words):
            until_told(stage, words)
            continue
        ended = stage.run(*words, *answered(words))
        assert ended.code == 0, f"{words}\n{ended.out}\n{ended.err}"
        assert ended.out or ended.err


def test_what_the_page_of_workers_shows_can_be_typed(
    stage: Stage, database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is a database here: the page's own is at another place."""
    set_out(stage)
    monkeypatch.setenv("DEPLOYER_JOURNAL", database.new_database())
    [alone, worker, *watched] = lines("workers.md")
    assert stage.run(*alone, "--yes").code == 0
    assert worker[:2] == ["worker", "--concurrency"]
    with workers(stage, concurrency=int(worker[2])):
        for words in watched:
            stage.manifest["values"]["batchSize"] += 1
            ended = stage.run(*words, *answered(words))
            assert ended.code in {0, 5}, f"{words}\n{ended.out}\n{ended.err}"


def test_the_program_of_the_page_rolls_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = blocks(DOCS / "api.md", "python")
    stage.write()
    monkeypatch.chdir(stage.directory)
    program = f"import asyncio\nasync def main():\n{textwrap.indent(block.text, '    ')}\nasyncio.run(main())"
    exec(compile(program, str(block), "exec"), {})  # noqa: S102 - our own text, which promises to work
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]
