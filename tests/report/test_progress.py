import io
import os
import pty
import re
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import pyte
import pytest

from deployer.domain.deployment import Deployment, Status, count
from deployer.domain.lifecycle import State
from deployer.domain.waves import Wave
from deployer.engine.narration import Narrator
from deployer.report.forecast import Course
from deployer.report.progress import AHEAD, LiveProgress, PlainProgress
from deployer.report.summary import WaveStanding
from tests.report.hostile import HOSTILE
from tests.report.stage import Budgets, Seconds, Terminal, at_rest, untouched

ESCAPE = "\x1b"
FIRST = "making sure the first clone is not still on its way"


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.delenv("NO_COLOR", raising=False)


class Stage:
    """Three tenants with work, budgets and a clock that a test moves, and what is printed."""

    def __init__(self) -> None:
        self.budgets, self.clock, self.terminal, self.pipe = Budgets(), Seconds(), Terminal(), io.StringIO()
        self.counts = count(untouched(name).status for name in ("acme", "globex", "initech"))

    def live(self, course: Course = AHEAD) -> LiveProgress:
        return LiveProgress(self.counts, self.budgets, self.terminal, course=course, clock=self.clock)

    def plain(self) -> PlainProgress:
        return PlainProgress(self.counts, self.budgets, self.pipe, clock=self.clock)

    def tell(self, view: LiveProgress | PlainProgress) -> Narrator:
        """Return whom to tell what happens, so that the view sees it."""
        return Narrator(self.clock, view.see)

    def screen(self, *, columns: int = 80) -> str:
        """Return what stands on a terminal that was sent all this."""
        screen = pyte.Screen(columns, 24)
        pyte.Stream(screen).feed(self.terminal.getvalue().replace("\n", "\r\n"))
        return "\n".join(line.rstrip() for line in screen.display).strip()


def done(name: str) -> tuple[Deployment, Deployment]:
    return untouched(name), at_rest(name, State.DONE)


def failed(name: str, message: str = "no such zone") -> tuple[Deployment, Deployment]:
    return untouched(name), at_rest(name, State.FAILED, code="invalid_field", message=message)


def test_the_live_view_shows_how_far_it_is_and_what_fails() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).moved(*done("acme"))
        stage.tell(live).moved(*failed("initech"))
        live.refresh()
        assert "2 of 3: 1 done, 1 pending, 1 failed" in stage.screen()
        assert "x 1 failed: invalid_field: no such zone (timezone, 422) · initech" in stage.screen()


def test_the_live_view_shows_the_pace_against_the_rate_and_what_is_left() -> None:
    stage = Stage()
    stage.counts[Status.PENDING] = 1201
    with stage.live() as live:
        stage.tell(live).moved(*done("acme"))
        stage.clock.now += 2.0
        stage.budgets.now = replace(stage.budgets.now, sent=286, throttled=285, in_flight=12, rate=150.0)
        live.refresh()
        assert "143 requests/s of 150 · 12 in flight · 285 × 429 · about 8.0s left" in stage.screen()
        assert "1 of 1,201: 1 done, 1,200 pending" in stage.screen()


def test_the_live_view_says_that_the_api_asked_for_a_pause() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.budgets.now = replace(stage.budgets.now, throttled=1, paused_for=3.0)
        live.refresh()
        assert "paused 3.0s (429)" in stage.screen()


def test_the_live_view_says_who_waits_for_what_until_it_moves() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).waiting(untouched("acme"), 400.0, FIRST)
        stage.clock.now += 28.0
        live.refresh()
        assert f"acme: {FIRST}, 6m12s" in stage.screen()
        stage.tell(live).moved(*done("acme"))
        live.refresh()
        assert FIRST not in stage.screen()


def test_the_live_view_tells_each_cause_once_and_the_first_five_who_wait() -> None:
    stage = Stage()
    stage.counts[Status.PENDING] = 40
    with stage.live() as live:
        for number in range(7):
            stage.tell(live).moved(*failed(f"bad-{number}"))
            stage.tell(live).moved(*failed(f"worse-{number}", "x" * (number + 1)))
            stage.tell(live).waiting(untouched(f"slow-{number}"), 60.0, FIRST)
        live.refresh()
        screen = stage.screen()
        assert "x 7 failed: invalid_field: no such zone (timezone, 422) · bad-0, … and 6 more" in screen
        assert re.findall(r"x 1 failed: invalid_field: (x+) ", screen) == ["x" * n for n in range(1, 5)]
        assert "x … and 3 more causes" in screen
        assert "… and 2 more waiting" in screen
        assert len(re.findall(r"slow-\d", screen)) == 5


def test_the_live_view_has_a_bar_for_the_wave_that_goes_and_those_beside_it() -> None:
    stage = Stage()
    standings = [
        WaveStanding(Wave(f"ring {n}", 1, 1, 0, bake=(60.0, 60.0)), count([Status.PENDING]), None) for n in range(5)
    ]
    stage.counts = count([Status.PENDING] * 5)
    with stage.live(Course(standings)) as live:
        stage.tell(live).moved(*done("acme"))
        stage.tell(live).moved(*done("globex"))
        stage.tell(live).wave("baking", 2, standings[1].wave, seconds=60.0)
        stage.clock.now += 10.0
        live.refresh()
        lines = stage.screen().splitlines()
        assert lines[2] == "  1 wave behind: 1"
        assert [re.sub("[━─]+", "-", line) for line in lines[3:6]] == [
            "  ring 1  -  1 of 1",
            "  ring 2  -  0 of 1",
            "  ring 3  -  0 of 1",
        ]
        assert (lines[3].count("━"), lines[4].count("━")) == (42, 0)
        assert lines[6:8] == ["  1 wave to come: 1", "  … baking, 50s more"]


def test_no_colour_alone_tells_what_is_behind_from_what_is_ahead() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).moved(*done("acme"))
        live.refresh()
        assert stage.screen().splitlines()[0] == "━" * 20 + "─" * 40
    colours = set(re.findall(ESCAPE + r"\[([0-9;]+)m", stage.terminal.getvalue()))
    assert colours == {"0", "32"}  # the terminal's own green, which it shows on whatever ground it has


def test_bars_and_marks_have_a_colour_and_words_that_of_the_terminal_so_that_all_can_be_read_on_any_ground() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).moved(*failed("initech"))
        stage.tell(live).halted("main", "three in a row failed")
        live.refresh()
        assert "x main halted: three in a row failed" in stage.screen()
    drawn = stage.terminal.getvalue()
    colours = set(re.findall(ESCAPE + r"\[([0-9;]+)m", drawn))
    assert colours == {"0", "1;31", "32"}  # no bright one, no yellow, no white: those are lost on one ground or another
    coloured = re.findall(ESCAPE + r"\[[1-9][0-9;]*m(.*?)" + ESCAPE, drawn)
    assert {text.strip("━") for text in coloured} == {"", "x"}


def test_the_live_view_is_redrawn_in_place() -> None:
    stage = Stage()
    with stage.live() as live:
        for _ in range(5):
            live.refresh()
        assert stage.screen().count("of 3") == 1


def test_the_live_view_leaves_nothing_behind() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).moved(*failed("initech"))
    assert stage.screen() == ""


@pytest.mark.parametrize("columns", [20, 50, 80])
def test_the_live_view_never_wraps_a_line(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).moved(*failed("initech", "x" * 200))
        stage.tell(live).halted("main", "y" * 200)
        live.refresh()
        assert len(stage.screen(columns=columns).splitlines()) == 5


def resized(before: int, after: int) -> tuple[str, str]:
    """Return what a terminal was sent while it had so many columns, and after."""
    script = Path(__file__).with_name("resized.py")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, before))
    environ = {"TERM": "xterm-256color", "PYTHONPATH": str(script.parents[2])}
    with subprocess.Popen([sys.executable, script], stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as child:
        os.close(theirs)
        wide = _until(ours, b"<drawn>")
        termios.tcsetwinsize(ours, (24, after))
        os.write(ours, b"\n")
        narrow = _until(ours, b"<drawn>")
        os.write(ours, b"\n")
        _until(ours, b"<gone>")
        child.wait(timeout=30)
    os.close(ours)
    return wide, narrow


def test_the_live_view_follows_a_terminal_that_is_resized() -> None:
    wide, narrow = resized(100, 50)
    drawn = [max(map(len, re.findall("y+", text))) for text in (wide, narrow)]
    assert drawn == [100 - len("x main halted: …"), 50 - len("x main halted: …")]


def test_nothing_is_left_of_what_was_drawn_before_the_terminal_became_narrower() -> None:
    wide, narrow = (sent.removeprefix("\r\n").removesuffix("<drawn>") for sent in resized(100, 50))
    before, after = pyte.Screen(100, 24), pyte.Screen(50, 24)
    pyte.Stream(before).feed(f"above\r\n{wide}")
    folded = [line.rstrip()[at : at + 50] for line in before.display for at in range(0, len(line.rstrip()), 50)]
    pyte.Stream(after).feed("\r\n".join(folded))
    pyte.Stream(after).feed(narrow)
    shown = [line.rstrip() for line in after.display]
    assert shown[0] == "above"
    assert [line[:20] for line in shown[1:6]] == [
        "━" * 20,
        "0 of 0: no tenants",
        "0 requests/s of 296 ",
        "x main halted: yyyyy",
        "",
    ]


def _until(terminal: int, mark: bytes) -> str:
    """Return what is written up to a mark."""
    written = b""
    while mark not in written:
        written += os.read(terminal, 4096)
    return written.decode()


def test_hostile_names_do_not_reach_the_terminal() -> None:
    stage = Stage()
    with stage.live() as live:
        stage.tell(live).moved(*failed(HOSTILE, f"[red]{HOSTILE}"))
        stage.tell(live).waiting(untouched(HOSTILE), 60.0, HOSTILE)
        stage.tell(live).halted(HOSTILE, HOSTILE)
        live.refresh()
        assert "[red][31mevil" in stage.screen()
    assert not set("\u202e\x07\x9b") & set(stage.terminal.getvalue())
    assert f"{ESCAPE}[31mev" not in stage.terminal.getvalue()


def test_a_pipe_gets_one_line_for_each_tenant_that_came_to_rest() -> None:
    stage = Stage()
    with stage.plain() as progress:
        stage.clock.now += 2.1
        stage.tell(progress).moved(untouched("acme"), untouched("acme"))
        stage.tell(progress).moved(*done("acme"))
        stage.tell(progress).moved(*failed("initech"))
        stage.tell(progress).halted("main", "the API does not accept the token any more")
    assert stage.pipe.getvalue().splitlines() == [
        "done acme flow f1 2.1s",
        "failed initech invalid_field: no such zone",
        "halted main: the API does not accept the token any more",
    ]


def test_a_pipe_is_told_once_why_a_tenant_waits() -> None:
    stage = Stage()
    with stage.plain() as progress:
        for _ in range(3):
            stage.tell(progress).moved(untouched("acme"), untouched("acme"))
            stage.tell(progress).waiting(untouched("acme"), 372.0, FIRST)
        stage.tell(progress).waiting(untouched("acme"), 5.0, "cannot be read: timeout")
    assert stage.pipe.getvalue().splitlines() == [
        f"waiting acme: {FIRST}, 6m12s",
        "waiting acme: cannot be read: timeout, 5.0s",
    ]


def test_a_heartbeat_says_how_things_stand() -> None:
    stage = Stage()
    with stage.plain() as progress:
        stage.clock.now += 30.0
        stage.budgets.now = replace(stage.budgets.now, sent=300, throttled=2, in_flight=4)
        progress.beat()
    assert stage.pipe.getvalue() == "0 of 3: 3 pending · 10 requests/s of 296 · 4 in flight · 2 × 429\n"


def test_the_pace_is_that_of_the_last_seconds() -> None:
    stage = Stage()
    with stage.plain() as progress:
        for sent in (3000, 3000, 3300):
            stage.clock.now += 30.0
            stage.budgets.now = replace(stage.budgets.now, sent=sent)
            progress.beat()
    paces = [int(pace) for pace in re.findall(r"(\d+) requests/s", stage.pipe.getvalue())]
    assert paces == [100, 0, 10]


def test_a_pipe_does_not_load_what_only_a_terminal_needs() -> None:
    script = "import sys, deployer.report.progress; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.anyio
async def test_the_live_view_is_drawn_for_as_long_as_its_heartbeat_goes() -> None:
    stage = Stage()
    with stage.live() as live:
        async with anyio.create_task_group() as group:
            group.start_soon(live.heartbeat)
            await anyio.lowlevel.checkpoint()
            stage.tell(live).moved(*done("acme"))
            with anyio.fail_after(5):
                while "1 done" not in stage.screen():
                    await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()


def test_a_line_in_a_pipe_says_a_code_that_is_the_status_once() -> None:
    stage = Stage()
    before, after = untouched("acme"), at_rest("acme", State.FAILED, code="failed", message="no such zone")
    with stage.plain() as plain:
        stage.tell(plain).moved(before, after)
    assert stage.pipe.getvalue() == "failed acme no such zone\n"
