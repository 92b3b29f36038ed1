"""What a terminal shows until there is something to show, and who gets plain lines instead."""

import io

import pytest

from deployer.cli.meanwhile import Meanwhile
from deployer.simulator import Knobs
from tests.cli.terminal import screen, terminal
from tests.engine.stage import Stage


@pytest.fixture
def slow(stage: Stage) -> Stage:
    """Return a stage where each of the first questions takes longer than anybody looks at nothing."""
    stage.apply()
    stage.simulator.knobs = Knobs(latency={"integrations.list": 0.3})
    return stage


def typed(stage: Stage, *words: str, **environment: str) -> str:
    """Return everything that a terminal was sent."""
    with terminal(stage, *words, environment=environment) as shown:
        return shown.read()


@pytest.mark.parametrize("words", [("plan",), ("drift",), ("apply", "--yes")], ids=lambda words: words[0])
def test_a_terminal_shows_what_a_command_is_at_and_nothing_of_it_is_left(slow: Stage, words: tuple[str, ...]) -> None:
    text = typed(slow, *words)

    assert "reading rollout.yaml, " in text
    assert "planning: 0 of 3 tenants, " in text
    assert not any(doing in screen(text) for doing in ("reading", "planning", "adding up"))


def test_what_is_piped_and_what_is_told_to_be_quiet_shows_no_such_line(slow: Stage) -> None:
    assert "planning: " not in typed(slow, "apply", "--yes", "--quiet")
    assert "planning: " not in slow.run("plan").err


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"CI": "true"}], ids=["dumb", "CI"])
def test_a_terminal_that_nobody_looks_at_or_that_cannot_go_back_gets_plain_lines(
    stage: Stage, environment: dict[str, str]
) -> None:
    text = typed(stage, "apply", "--yes", **environment)

    assert "\x1b" not in text
    assert [f"done {name} flow " in text for name in stage.tenants] == [True] * 3


class Line:
    """A line on a terminal that a test looks at."""

    def __init__(self) -> None:
        self.err, self.out = io.StringIO(), io.StringIO()
        self.line = Meanwhile(self.err, lambda: "planning")

    def drawn(self) -> bool:
        """Draw, and tell whether anything was."""
        before = self.err.tell()
        self.line.draw()
        return self.err.tell() > before


def test_a_question_is_not_drawn_over_and_a_line_of_the_log_is_gone_on_after() -> None:
    stage = Line()
    assert stage.drawn()
    stage.line.write(stage.err, "a line of the log\n")
    assert stage.err.getvalue().endswith("\r\x1b[Ka line of the log\n")
    assert stage.drawn()
    stage.line.write(stage.err, "Go on? [y/N]: ")
    assert not stage.drawn()
    stage.line.write(stage.err, "without the question: …\n")
    assert stage.drawn()


def test_nothing_is_drawn_between_results_until_something_else_is_done() -> None:
    stage = Line()
    stage.line.write(stage.out, "a result\n")
    assert not stage.drawn()
    stage.line.say(lambda: "adding up")
    assert stage.drawn()
    stage.line.end()
    assert not stage.drawn()


def test_the_line_is_as_wide_as_the_terminal_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stage = Line()
    stage.line.say(lambda: "reading " + "x" * 200)
    stage.line.draw()
    assert len(stage.err.getvalue()) == 29


def test_a_line_that_is_folded_since_the_terminal_became_narrower_goes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stage = Line()
    stage.line.say(lambda: "x" * 60)
    stage.line.draw()
    monkeypatch.setenv("COLUMNS", "30")
    stage.line.hush()
    assert stage.err.getvalue().endswith("s\r\x1b[K\x1b[A\x1b[K\x1b[A\x1b[K")
