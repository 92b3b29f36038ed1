"""What becomes of each time of a schedule: decided from what is written, and the same whoever looks."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from deployer.domain.firing import MOST, Cause, Firing, State, look
from deployer.domain.schedule import Kept, Pause, Schedule

BERLIN = "Europe/Berlin"
ZONES = [BERLIN, "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Europe/Dublin"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def kept(cron: str = "0 2 * * *", *, since: str = "2026-11-01T00:00:00Z", **fields: object) -> Kept:
    schedule = Schedule.model_validate({"do": "run", "cron": cron, "timezone": BERLIN, **fields})
    return Kept("crm", "nightly", schedule, "rollout.yaml", since, stated=True)


def seen(schedule: Kept, now: str, *past: Firing) -> Sequence[Firing]:
    return look(schedule, past, at(now), "ann@host")


def ended(firing: Firing, began: str, end: str) -> Firing:
    return replace(firing, state=State.ENDED, began_at=f"{began}Z", ended_at=f"{end}Z", code=0)


def test_a_time_is_due_once_it_has_come_and_not_before() -> None:
    schedule = kept(since="2026-11-26T12:00:00Z")
    assert seen(schedule, "2026-11-27T00:59:59") == ()
    [found] = seen(schedule, "2026-11-27T01:00:00")
    assert (found.state, found.local, found.due) == (
        State.DUE,
        f"2026-11-27T02:00 {BERLIN}",
        "2026-11-27T01:00:00.000Z",
    )
    assert (found.of, found.schedule, found.who, found.reason) == ("crm", "nightly", "ann@host", "")
    assert seen(schedule, "2026-11-27T01:00:01", ended(found, "2026-11-27T01:00:00", "2026-11-27T01:10:00")) == ()


def test_what_was_due_before_the_schedule_came_into_force_is_not() -> None:
    assert seen(kept(since="2026-11-27T01:00:01Z"), "2026-11-27T01:30:00") == ()


def test_of_several_times_that_have_come_the_last_alone_is_fired() -> None:
    found = seen(kept("*/15 * * * *", since="2026-11-27T01:00:00Z"), "2026-11-27T01:50:00")
    assert [(each.local[11:16], each.state, each.cause) for each in found] == [
        ("02:00", State.SKIPPED, Cause.STOOD_FOR),
        ("02:15", State.SKIPPED, Cause.STOOD_FOR),
        ("02:30", State.SKIPPED, Cause.STOOD_FOR),
        ("02:45", State.DUE, None),
    ]
    assert found[0].reason == f"the one of 2026-11-27T02:45 {BERLIN} stands for it"


@pytest.mark.parametrize(
    ("window", "now", "is_due"),
    [
        ("1h", "2026-11-27T02:00:00", True),
        ("1h", "2026-11-27T02:00:01", False),
        ("0s", "2026-11-27T01:01:00", True),
        ("0s", "2026-11-27T01:01:01", False),
    ],
)
def test_a_time_that_nobody_fired_is_made_up_for_within_its_window(window: str, now: str, is_due: bool) -> None:
    [found] = seen(kept(since="2026-11-26T12:00:00Z", catch_up=window), now)
    assert (found.state is State.DUE) is is_due
    assert found.failed is not is_due
    if not is_due:
        assert (found.cause, found.reason) == (
            Cause.MISSED,
            f"nobody could fire it within {'1 h' if window == '1h' else '1 min'}",
        )


def test_while_one_is_under_way_the_next_is_skipped_or_waits() -> None:
    every = kept("0 * * * *", since="2026-11-27T01:00:00Z")
    [first] = seen(every, "2026-11-27T01:00:00")
    running = replace(first, state=State.RUNNING, began_at="2026-11-27T01:00:01.000Z")
    [second] = seen(every, "2026-11-27T02:00:00", running)
    assert (second.cause, second.reason) == (Cause.OVERLAP, f"the one of 2026-11-27T02:00 {BERLIN} was still under way")

    queued = kept("0 * * * *", since="2026-11-27T01:00:00Z", overlap="queue")
    [second] = seen(queued, "2026-11-27T02:00:00", running)
    assert second.state is State.DUE
    [third] = seen(queued, "2026-11-27T03:00:00", running, second)
    assert (third.cause, third.reason) == (Cause.OVERLAP, f"the one of 2026-11-27T03:00 {BERLIN} had not begun")


def test_a_look_that_comes_after_the_end_judges_as_one_that_came_meanwhile() -> None:
    every = kept("0 * * * *", since="2026-11-27T01:00:00Z")
    [first] = seen(every, "2026-11-27T01:00:00")
    long = ended(first, "2026-11-27T01:00:01", "2026-11-27T02:20:00")
    [second] = seen(every, "2026-11-27T02:30:00", long)
    assert second.cause is Cause.OVERLAP


def test_another_schedule_of_the_rollout_keeps_a_time_waiting_and_does_not_make_it_late() -> None:
    nightly = kept(since="2026-11-26T12:00:00Z", catch_up="5m")
    other = Firing("crm", "other", f"2026-11-27T01:00 {BERLIN}", "2026-11-27T00:00:00.000Z", State.ENDED, "")
    long = ended(other, "2026-11-27T00:00:01", "2026-11-27T04:00:00")
    [found] = seen(nightly, "2026-11-27T04:05:00", long)
    assert found.state is State.DUE
    [late] = seen(nightly, "2026-11-27T04:05:01", long)
    assert late.cause is Cause.MISSED


def test_a_paused_schedule_skips_and_says_who_paused_it() -> None:
    resting = replace(kept(since="2026-11-26T12:00:00Z"), pause=Pause("bob@host", "2026-11-26T13:00:00Z"))
    [found] = seen(resting, "2026-11-27T01:00:00")
    assert (found.cause, found.reason, found.failed) == (Cause.PAUSED, "paused by bob@host", False)


def test_a_jitter_puts_each_off_within_its_bound_and_alike_for_everybody() -> None:
    schedule = kept(since="2026-11-01T00:00:00Z", jitter="10m")
    coming = schedule.coming(at("2026-11-01T00:00:00"))
    put_off = [schedule.fires_at(each) - each.due for each, _ in zip(coming, range(200), strict=False)]
    assert min(put_off) >= timedelta(0)
    assert max(put_off) < timedelta(minutes=10)
    assert len(set(put_off)) > 100
    one = next(schedule.coming(at("2026-11-01T00:00:00")))
    just = schedule.fires_at(one)
    assert look(schedule, (), just - timedelta(seconds=1), "") == ()
    assert [each.state for each in look(schedule, (), just, "")] == [State.DUE]


def test_a_long_absence_is_told_in_few_lines() -> None:
    found = seen(kept("* * * * *", since="2026-11-01T00:00:00Z"), "2026-11-11T00:00:00")
    assert len(found) == MOST
    assert f"; so it is with {10 * 24 * 60 + 1 - MOST} before it, from 2026-11-01T01:00 {BERLIN} on" in found[0].reason
    assert found[-1].state is State.DUE


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("cron", "years"), [("30 2 * * *", 10), ("*/30 1-3 * * *", 2), ("0 0 * * SUN", 10)])
def test_two_that_race_for_years_fire_each_time_once(zone: str, cron: str, years: int) -> None:
    """Under a virtual clock: each looks when it likes, at what it last read, and what is written first holds."""
    chance = Random(f"{zone} {cron}")
    schedule = kept(cron, since="2020-01-01T00:00:00Z", timezone=zone, catch_up="3h")
    written: dict[str, Firing] = {}
    known: list[list[Firing]] = [[], []]
    recent: deque[Firing] = deque(maxlen=20)
    now = at("2020-01-01T00:00:00")
    coming = schedule.coming(now)
    while now < at(f"{2020 + years}-01-01T00:00:00"):
        now = max(now, next(coming).due)
        for _ in range(2):
            who = chance.randrange(2)
            now += timedelta(seconds=chance.randrange(1, 600))
            if chance.random() < 0.8:  # else it goes by what it knew before
                known[who] = list(recent)
            for each in look(schedule, known[who], now, f"scheduler {who}"):
                done = ended(each, each.written_at[:-1], each.written_at[:-1]) if each.state is State.DUE else each
                if written.setdefault(each.local, done) is done:
                    recent.append(done)
    expected = [
        schedule.label(each)
        for each, _ in zip(schedule.coming(at("2019-12-31T23:59:59")), range(len(written)), strict=False)
    ]
    assert list(written) == expected  # none is left out, none is there twice
    skipped = [each for each in written.values() if each.state is State.SKIPPED]
    assert {each.cause for each in skipped} <= {Cause.STOOD_FOR}
    days = {each.local[:10] for each in written.values() if each.state is State.ENDED}
    assert days == {each.local[:10] for each in written.values()}  # every night is fired, whatever clocks do
