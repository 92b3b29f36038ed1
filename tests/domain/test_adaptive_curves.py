"""The rates that a pace comes to, by the second: the curves that `tests/bench/servers.py` chose."""

from dataclasses import replace
from math import inf, log2
from typing import Final

import pytest

from deployer.domain.adaptive import (
    Congestion,
    Pace,
    Phase,
    Turn,
    known,
    recalled,
    refused,
    steady,
    taken,
    unknown,
    used,
)
from deployer.domain.pacing import Bucket

TO_300: Final = 0.5 * log2(300 / 60)  # seconds in which an unknown rate reaches the documented one


def pace(
    phase: Phase, rate: float, *, base: float | None = None, grown: float = 0.0, paused: float = 0.0, count: int = 1
) -> Pace:
    """Return a pace whose first request was refused at second 0, and nothing since."""
    congestion = Congestion(Turn(1, 0.0), 1, paused, count)
    return Pace(Bucket(rate, 1.0, 1.0, 0.0), phase, inf, 1.0, base or rate, grown, 1, None, 6.0, congestion)


def after(before: Pace, turns: int, at: float = 10.0) -> Pace:
    """Let the server refuse a request when it has admitted so many since the first refusal."""
    turn = Turn(turns + 2, at)
    return refused(replace(before, turns=turn.number), turn, at, 0.0)


@pytest.mark.parametrize(
    ("seconds", "rate"),
    [
        (0.0, 60.0),
        (0.25, 60 * 2**0.5),
        (0.5, 120.0),
        (1.0, 240.0),
        (TO_300, 300.0),
        (TO_300 + 1, 450.0),
        (TO_300 + 2, 675.0),
    ],
)
def test_an_unknown_rate_doubles_in_half_a_second_and_from_the_documented_one_grows_by_half(
    seconds: float, rate: float
) -> None:
    assert used(unknown(), seconds).rate == pytest.approx(rate)
    assert used(used(unknown(), seconds / 3), seconds * 2 / 3).rate == pytest.approx(rate)


def test_an_unknown_limit_is_begun_with_one_request_at_once() -> None:
    assert unknown().bucket == Bucket(60.0, 1.2, 1.0, 0.0)
    assert (unknown().top, unknown().base, unknown(0.5).share) == (inf, 60.0, 0.5)


def test_a_turn_is_counted_and_costs_a_token_which_has_to_be_there() -> None:
    after_one = taken(unknown(), 0.0)
    assert (after_one.turns, after_one.bucket.tokens) == (1, 0.0)
    with pytest.raises(ValueError, match="empty"):
        taken(after_one, 0.0)


def test_a_pace_that_is_set_is_all_there_is_and_was_never_refused() -> None:
    bucket = Bucket(10.0, 5.0, 3.0, 0.0)
    assert steady(bucket) == Pace(bucket, Phase.KNOWN, 10.0, 1.0, 10.0, 0.0, 0, None, 6.0, None)
    assert known(300, 1000, 0.5) == steady(Bucket(147.75, 300.0, 300.0, 0.0), 0.5)


@pytest.mark.parametrize(("seconds", "rate"), [(0.0, 70.0), (1.0, 77.0), (10.0, 140.0), (1000.0, 7070.0)])
def test_after_the_first_refusal_a_rate_falls_to_70_percent_and_gains_a_tenth_of_that_a_second(
    seconds: float, rate: float
) -> None:
    first = refused(replace(unknown(), bucket=Bucket(100.0, 2.0, 2.0, 0.0), turns=1), Turn(1, 0.0), 0.0, 2.0)
    assert first.phase is Phase.SEARCHING
    assert used(first, seconds).rate == pytest.approx(rate)


@pytest.mark.parametrize(("seconds", "rate"), [(6.0, 98.5), (7.0, 98.5 * 1.003), (16.0, 98.5 * 1.3)])
def test_a_rate_that_was_found_is_held_for_6_seconds_and_then_passed_by_the_square(seconds: float, rate: float) -> None:
    assert used(after(pace(Phase.SEARCHING, 100.0), 1000), seconds).rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("before", "admitted", "found"),
    [
        (pace(Phase.STARTING, 200.0), 1000, 100 + 0.7 * 100),
        (pace(Phase.SEARCHING, 200.0), 1000, 100 + 0.7 * 100),
        (pace(Phase.SEARCHING, 90.0), 1000, 90.0),  # never more than was refused
        (pace(Phase.SEARCHING, 100.0), 100, 50 + 0.7 * 50),  # nor less than half of it
        (pace(Phase.SEARCHING, 200.0), 500, 100 + 0.7 * 100),
        (pace(Phase.FOUND, 120.0, base=100.0, grown=6.1), 900, 100 + 0.75 * 20),
        (pace(Phase.FOUND, 120.0, base=100.0, grown=6.1), 1100, 110 + 0.75 * 10),
        (pace(Phase.FOUND, 120.0, base=100.0, grown=6.0), 900, 90 + 0.1 * 30),
        (pace(Phase.FOUND, 120.0, base=100.0, grown=0.0), 1100, 110 + 0.1 * 10),
        (pace(Phase.SEARCHING, 200.0, paused=7.5), 1000, 200.0),  # 1,000 in 5 s: between 2.5 and 10
        (pace(Phase.SEARCHING, 400.0, paused=7.5), 1000, 200 + 0.7 * 200),
        (pace(Phase.SEARCHING, 200.0, count=101), 1100, 100 + 0.7 * 100),  # those refused were not admitted
    ],
)
def test_a_limit_lies_between_what_was_admitted_and_the_rate_that_was_refused(
    before: Pace, admitted: int, found: float
) -> None:
    assert after(before, admitted).found == pytest.approx(found)
    assert after(before, admitted).rate == pytest.approx(0.985 * found)


@pytest.mark.parametrize(
    ("paused", "at", "admitted", "found"),
    [
        (0.0, 0.0, 15, 750 + 0.7 * 250),
        (50.0, 0.0, 15, 750 + 0.7 * 250),
        (50.0, 0.5, 75, 750 + 0.7 * 250),  # in half a second or in none: a tenth
    ],
)
def test_refusals_in_one_moment_or_all_within_a_pause_are_reckoned_with_20_milliseconds(
    paused: float, at: float, admitted: int, found: float
) -> None:
    assert after(pace(Phase.SEARCHING, 1000.0, paused=paused), admitted, at).found == pytest.approx(found)


def test_a_limit_that_is_found_alike_is_held_twice_as_long_up_to_40_seconds_and_another_anew() -> None:
    plateaus = []
    found = pace(Phase.SEARCHING, 100.0)
    for admitted in (1000, 985, 970, 956, 942, 900):
        found = after(replace(found, congestion=pace(Phase.FOUND, 1.0).congestion), admitted)
        plateaus.append(found.plateau)
    assert plateaus == [6.0, 12.0, 24.0, 40.0, 40.0, 6.0]


@pytest.mark.parametrize(("earlier", "plateau"), [(103.9, 12.0), (104.0, 6.0), (104.1, 6.0), (96.1, 12.0), (95.9, 6.0)])
def test_a_limit_is_alike_within_4_percent(earlier: float, plateau: float) -> None:
    before = replace(pace(Phase.SEARCHING, 100.0), found=earlier)
    assert after(before, 1000).plateau == plateau


def test_a_share_makes_what_was_found_the_top_unless_a_lower_one_is_known() -> None:
    mine = replace(pace(Phase.SEARCHING, 50.0), share=0.5)
    assert after(mine, 500).top == after(mine, 500).rate == pytest.approx(0.985 * 0.5 * 50)
    assert after(replace(mine, top=40.0), 500).top == 40.0
    assert after(replace(mine, share=1.0), 500).top == inf


def test_of_a_share_the_whole_limit_is_found_from_what_the_share_was_refused() -> None:
    mine = replace(pace(Phase.FOUND, 50.0), share=0.5)
    assert after(mine, 500).found == pytest.approx(100.0)


def test_refusals_of_one_congestion_are_counted_and_their_pauses_add_up_as_they_come_anew() -> None:
    first = refused(replace(unknown(), turns=5), Turn(3, 0.0), 0.0, 2.0)
    again = refused(first, Turn(5, 0.1), 0.1, 3.0)  # was on its way
    later = refused(replace(again, turns=6), Turn(6, 3.1), 3.1, 4.0)  # the next that was tried
    assert [each.congestion for each in (first, again, later)] == [
        Congestion(Turn(3, 0.0), 5, 2.0, 1),
        Congestion(Turn(3, 0.0), 5, 2.0, 2),
        Congestion(Turn(3, 0.0), 6, 6.0, 3),
    ]
    assert [each.bucket.at for each in (first, again, later)] == pytest.approx([2.0, 3.1, 7.1])
    assert again.rate == later.rate == first.rate
    anew = refused(replace(later, turns=8), Turn(8, 9.0), 9.0, 1.0)
    assert anew.congestion == Congestion(Turn(8, 9.0), 8, 1.0, 1)


def test_a_silent_refusal_pauses_for_a_second_then_for_all_there_was_and_an_asked_one_for_what_it_asks() -> None:
    first = refused(replace(unknown(), turns=1), Turn(1, 0.0), 0.0, None)
    assert first.bucket.at == 1.0
    longer = replace(first, turns=2, congestion=Congestion(Turn(1, 0.0), 1, 3.0))
    assert refused(longer, Turn(2, 10.0), 10.0, None).bucket.at == 13.0
    assert refused(longer, Turn(2, 10.0), 10.0, 0.5).bucket.at == 10.5
    longest = replace(longer, congestion=Congestion(Turn(1, 0.0), 1, 30.0))
    assert refused(longest, Turn(2, 10.0), 10.0, None).bucket.at == 18.0


@pytest.mark.parametrize(
    ("rate", "tokens", "size", "left"),
    [(1000.0, 9.0, 14.0, 1.0), (20.0, 0.4, 1.0, 0.4)],
)
def test_what_a_server_holds_is_not_known_so_there_is_no_burst(
    rate: float, tokens: float, size: float, left: float
) -> None:
    before = replace(unknown(), bucket=Bucket(rate, 50.0, tokens, 0.0), turns=1)
    bucket = refused(before, Turn(1, 0.0), 0.0, 0.0).bucket
    assert (bucket.burst, bucket.tokens) == pytest.approx((size, left))


def test_a_bucket_that_becomes_smaller_keeps_no_more_than_it_holds() -> None:
    full = replace(unknown(), bucket=Bucket(60.0, 10.0, 10.0, 0.0))
    bucket = used(full, 0.5).bucket
    assert (bucket.rate, bucket.burst, bucket.tokens, bucket.at) == pytest.approx((120.0, 2.4, 2.4, 0.0))


def test_a_rate_found_earlier_counts_by_our_share_and_only_where_it_is_lower() -> None:
    assert recalled(known(100, 10, 0.5), 100.0) == known(100, 10, 0.5)
    lower = recalled(known(100, 10, 0.5), 90.0)
    assert (lower.phase, lower.found) == (Phase.FOUND, 90.0)
    assert lower.rate == pytest.approx(0.985 * 45)
    assert recalled(unknown(), 40.0).rate == pytest.approx(0.985 * 40)
