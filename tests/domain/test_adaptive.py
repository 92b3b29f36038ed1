"""What is aimed at, and what refusals teach."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.adaptive import CATCH_UP, Pace, Phase, Turn, known, recalled, refused, taken, unknown, used
from deployer.domain.pacing import wait_for


def sent(pace: Pace, count: int, now: float) -> tuple[Pace, float]:
    """Give so many turns as soon as they may be given; return the moment of the last."""
    for _ in range(count):
        now += wait_for(pace.bucket, now)
        pace = taken(pace, now)
    return pace, now


def throttled(pace: Pace, now: float, pause: float | None = 1.0) -> Pace:
    """Let the latest turn be refused."""
    return refused(pace, Turn(pace.turns, now), now, pause)


def found(pace: Pace) -> Pace:
    """Let a server refuse that admits 100 a second: at 0 s and, 1,000 requests later, at 10 s."""
    pace = replace(pace, turns=1)
    pace = refused(pace, Turn(1, 0.0), 0.0, 0.0)
    pace = replace(pace, turns=1002, bucket=replace(pace.bucket, rate=100.0))
    return refused(pace, Turn(1002, 10.0), 10.0, 0.0)


def test_a_known_limit_is_used_with_its_margin_and_does_not_grow() -> None:
    pace = known(300, 1000)
    assert (pace.rate, pace.bucket.tokens) == (295.5, 600.0)
    assert used(pace, 1000.0) == pace


def test_an_unknown_limit_is_begun_modestly_and_soon_tried() -> None:
    rates = [used(unknown(), seconds).rate for seconds in (0.0, 0.5, 1.0, 2.0)]
    assert rates[0] < rates[1] < rates[2] < 300 < rates[3]


def test_what_was_on_its_way_when_the_first_refusal_came_slows_down_once() -> None:
    pace, now = sent(known(300, 1000), 50, 0.0)
    once = refused(pace, Turn(20, now), now, 1.0)
    many = once
    for number in range(21, 51):
        many = refused(many, Turn(number, now), now + 0.1, 1.0)
    assert many.rate == once.rate < pace.rate
    assert wait_for(many.bucket, now) == pytest.approx(1.1)


def test_after_a_refusal_there_is_no_burst_any_more() -> None:
    pace = throttled(known(300, 1000), 0.0, 0.0)
    assert pace.bucket.burst <= max(1.0, CATCH_UP * 300)
    assert pace.bucket.tokens <= 1.0


def test_the_rate_that_was_admitted_between_refusals_is_found() -> None:
    assert found(known(300, 1000)).found == pytest.approx(100, rel=0.02)
    assert found(unknown()).rate == pytest.approx(98.5, rel=0.02)


def test_a_server_that_goes_on_refusing_is_one_congestion_and_is_asked_ever_more_seldom() -> None:
    pace, now = sent(unknown(), 5, 0.0)
    pace, waits = throttled(pace, now, None), []
    before = pace.rate
    for _ in range(6):
        waits.append(wait_for(pace.bucket, now))
        pace, now = sent(pace, 1, now)
        pace = throttled(pace, now, None)
    assert waits == pytest.approx([1, 1, 2, 4, 8, 8], abs=0.01)
    assert pace.rate == before


def test_a_limit_that_was_found_is_held_and_then_tried_to_be_passed_up_to_the_known_one() -> None:
    pace = found(known(300, 1000))
    assert used(pace, pace.plateau).rate == pace.rate
    assert used(pace, pace.plateau + 10).rate > pace.rate
    assert used(pace, 1000).rate == 295.5


def test_a_limit_that_is_found_again_is_held_for_longer() -> None:
    first = found(known(300, 1000))
    steady = refused(replace(first, turns=2003), Turn(2003, 20.0), 20.0, 0.0)
    assert steady.plateau > first.plateau


def test_our_share_of_what_is_found_is_never_passed() -> None:
    pace = found(unknown(0.5))
    assert pace.rate == pytest.approx(49, rel=0.03)
    assert used(pace, 1000).rate == pace.rate


def test_a_share_is_taken_once_of_what_is_found_and_not_again_of_itself() -> None:
    pace = found(unknown(0.5))
    again = refused(replace(pace, turns=1502), Turn(1502, 20.0), 20.0, 0.0)
    assert again.rate == pytest.approx(pace.rate, rel=0.05)


def test_a_quiet_time_between_refusals_costs_half_the_rate_at_most() -> None:
    pace = found(known(300, 1000))
    again = refused(replace(pace, turns=1010), Turn(1010, 5000.0), 5000.0, 0.0)
    assert again.rate >= 0.98 * 0.5 * pace.rate


@pytest.mark.parametrize(("rate", "phase"), [(100.0, Phase.FOUND), (299.9, Phase.FOUND), (900.0, Phase.KNOWN)])
def test_a_rate_found_earlier_is_begun_with_where_it_is_lower_than_the_known_one(rate: float, phase: Phase) -> None:
    pace = recalled(known(300, 1000), rate)
    assert pace.phase is phase
    assert pace.rate == pytest.approx(min(0.985 * rate, 295.5))


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 30), st.none() | st.floats(0, 5)), max_size=20))
def test_no_server_makes_a_known_limit_be_passed_or_a_rate_vanish(
    events: list[tuple[int, float, float | None]],
) -> None:
    pace, now = known(50, 100, 0.5), 0.0
    for count, seconds, pause in events:
        pace, now = sent(used(pace, seconds), count, now)
        pace = throttled(pace, now, pause)
        assert 0 < pace.rate <= 0.985 * 25
