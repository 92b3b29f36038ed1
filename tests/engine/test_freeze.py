"""Nothing is begun in a freeze, unless somebody says why; what is undone or ended is not held up."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

import deployer
from deployer.domain.deployment import Moment
from deployer.engine.clock import SystemClock
from tests.engine.stage import Stage


def freeze(stage: Stage, start: str = "2020-01-01", end: str = "2999-01-01") -> None:
    stage.manifest["freeze"] = [{"timezone": "UTC", "start": start, "end": end, "why": "year end"}]


@pytest.mark.parametrize(
    "words", [("apply", "--yes"), ("run",), ("delete", "--all", "--yes"), ("detach", "--all", "--yes")]
)
def test_in_a_freeze_nothing_is_begun(stage: Stage, words: tuple[str, ...]) -> None:
    stage.apply()
    stage.manifest["flow"]["timezone"] = "Asia/Tokyo"
    freeze(stage)
    stage.forget_requests()
    ended = stage.run(*words)
    assert (ended.code, stage.writes) == (6, [])
    assert "error: frozen until 2999-01-01 UTC: year end" in ended.err
    assert '--despite-freeze "REASON"' in ended.err


def test_whoever_says_why_goes_on_and_that_is_kept(stage: Stage) -> None:
    freeze(stage)
    assert stage.apply("--despite-freeze", "outage of acme").code == 0
    head = stage.run("status", "--json").document
    assert head["outcome"] == "succeeded"
    assert "despite the freeze, by " in head["reason"]
    assert head["reason"].endswith(": outage of acme")
    assert "note: despite the freeze" in stage.run("status").out
    assert "outage of acme" in stage.run("history", "-o", "wide").out


def test_looking_undoing_and_ending_are_not_held_up(stage: Stage) -> None:
    stage.apply()
    freeze(stage)
    assert stage.run("plan").code == 0
    assert "! frozen until 2999-01-01 UTC: year end" in stage.run("plan").err
    for words in (("drift",), ("rehearse",), ("delete", "--all", "--plan"), ("status",), ("rollback", "--yes")):
        assert stage.run(*words).code == 0, words


def test_a_window_that_is_written_later_voids_no_plan_and_no_rollout(stage: Stage) -> None:
    plan = stage.run("plan", "--json").document["plan"]
    freeze(stage, "2998-01-01")
    assert stage.apply("--plan", plan).code == 0


def test_a_reason_of_nothing_is_none(stage: Stage) -> None:
    freeze(stage)
    assert stage.apply("--despite-freeze", " ").code == 2


def test_copies_are_not_deleted_in_a_freeze(stage: Stage) -> None:
    stage.apply()
    freeze(stage)
    assert stage.run("sweep", "--delete", "--yes").code == 6
    assert stage.run("sweep").code == 0


def test_a_freeze_that_is_over_holds_nobody(stage: Stage) -> None:
    freeze(stage, "2020-01-01", "2020-01-02")
    assert stage.apply().code == 0
    assert "frozen" not in stage.run("plan").err


class Calendar(SystemClock):
    """A clock whose wall shows another year once `when` holds."""

    def __init__(self, when: Callable[[], bool]) -> None:
        super().__init__()
        self._when = when

    def moment(self) -> Moment:
        return super().moment()

    def utc(self) -> str:
        year = "2500" if self._when() else "2026"
        return f"{year}{super().utc()[4:]}"


def roll_out(stage: Stage, clock: SystemClock) -> None:
    """Apply through the API, with another clock."""
    stage.write()

    async def go() -> None:
        loaded = deployer.load(stage.directory / "rollout.yaml")
        async with deployer.apply(loaded, office=deployer.Office(dict(os.environ), clock=clock)) as events:
            async for _ in events:
                pass

    anyio.run(go)


def test_when_a_freeze_begins_nobody_new_begins_and_the_same_command_goes_on_after_it(stage: Stage) -> None:
    stage.one_at_a_time(12)
    stage.simulator.knobs = replace(stage.simulator.knobs, latency={"flows.put": 0.1})
    freeze(stage, "2400-01-01")
    roll_out(stage, Calendar(lambda: stage.sent("flows.clone") >= 2))
    head = stage.run("status", "--json").document
    assert (head["outcome"], head["reason"]) == ("paused", "frozen until 2999-01-01 UTC: year end")
    assert head["counts"]["done"] >= 1
    assert head["counts"]["pending"] >= 8, "nobody new began"
    assert stage.apply().document["counts"]["done"] == 12


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("timezone", "Europe/Berln", 'freeze[0].timezone: unknown time zone "Europe/Berln"'),
        ("start", "tomorrow", "freeze[0].start: must be a day or a local time"),
        ("end", "2019-01-01", "freeze[0].end: must be after the start, 2020-01-01"),
        ("until", "2021-01-01", "freeze[0].until: unknown key"),
    ],
)
def test_a_mistake_in_a_freeze_is_told_with_its_place(stage: Stage, key: str, value: str, said: str) -> None:
    freeze(stage)
    stage.manifest["freeze"][0][key] = value
    ended = stage.run("validate")
    assert ended.code == 2
    assert said in ended.err
    assert Path("rollout.yaml:").name in ended.err
