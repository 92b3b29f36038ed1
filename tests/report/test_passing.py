"""How far a report is, as it is told in a pipe and on a terminal."""

import io

import pytest

from deployer.report.passing import MANY, Passing
from tests.report.stage import Seconds, Terminal


def passed(stream: io.StringIO, tenants: int, *, live: bool, seconds: float) -> list[int]:
    """Let tenants go by that take so many seconds each; return those that came through."""
    clock = Seconds()
    with Passing(tenants, stream, live=live, clock=clock) as passing:
        found = []
        for tenant in passing.each("writing a.html", range(tenants)):
            found.append(tenant)
            clock.now += seconds
        return found


def test_in_a_pipe_it_is_a_line_every_thirty_seconds() -> None:
    pipe = io.StringIO()
    found = passed(pipe, MANY + 1, live=False, seconds=1 / 64)
    assert found == [*range(MANY + 1)]
    lines = pipe.getvalue().splitlines()
    assert lines == [f"writing a.html: {count:,} of {MANY + 1:,} tenants" for count in range(2000, MANY + 1, 2000)]


@pytest.mark.parametrize("live", [True, False])
def test_of_no_more_than_many_nothing_is_told(live: bool) -> None:
    stream = Terminal() if live else io.StringIO()
    assert len(passed(stream, MANY, live=live, seconds=1.0)) == MANY
    assert stream.getvalue() == ""


def test_on_a_terminal_it_is_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    passed(terminal, MANY + 1, live=True, seconds=0.001)
    *lines, end = terminal.getvalue().split("\r\x1b[2K")
    told = [f"writing a.html: {count:,} of {MANY + 1:,} tenants" for count in range(500, MANY + 1, 500)]
    assert [line.removeprefix("\x1b[?25l") for line in lines] == told
    assert end.count("\n") == 1


def test_a_name_that_would_steer_a_terminal_is_only_text() -> None:
    pipe, clock = io.StringIO(), Seconds()
    with Passing(MANY + 1, pipe, live=False, clock=clock) as passing:
        clock.now += 31
        passing.see("writing \x1b[2Ja", 1)
    assert "\x1b" not in pipe.getvalue()
