"""The arithmetic of a rate limit."""

from collections.abc import Iterator
from email.utils import formatdate
from itertools import combinations
from math import inf
from time import asctime, gmtime, tzset

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.pacing import (
    BURST,
    PER_SECOND,
    Bucket,
    closed_until,
    give_back,
    http_date,
    pause_seconds,
    refill,
    since_empty,
    take,
    wait_for,
    with_margin,
)

NOW = 1_780_000_000.0
GAPS = st.lists(st.floats(0, 3), max_size=40)


def grants(bucket: Bucket, gaps: list[float]) -> list[float]:
    """Ask after each gap, wait as told, and return the moments at which tokens were given."""
    now, given = 0.0, []
    for gap in gaps:
        now += gap
        now += wait_for(bucket, now)
        bucket = take(bucket, now)
        given.append(now)
    return given


@given(st.floats(0.1, 1000), st.integers(1, 20), GAPS)
def test_no_window_holds_more_than_the_burst_and_what_flowed_in(rate: float, burst: int, gaps: list[float]) -> None:
    moments = grants(Bucket(rate, burst, burst, 0.0), gaps)
    for first, last in combinations(range(len(moments)), 2):
        assert last - first + 1 <= burst + rate * (moments[last] - moments[first]) + 1e-3


@given(st.floats(0.1, 1000), st.floats(0, 100), st.floats(0, 100))
def test_filling_in_two_steps_is_filling_in_one(rate: float, first: float, second: float) -> None:
    bucket = Bucket(rate, 50.0, 3.0, 0.0)
    twice = refill(refill(bucket, first), first + second)
    assert twice.tokens == pytest.approx(refill(bucket, first + second).tokens)


@given(st.floats(0, 10), st.floats(0, 900))
def test_a_closed_bucket_gives_nothing_before_its_moment_and_at_most_one_at_it(tokens: float, pause: float) -> None:
    closed = closed_until(Bucket(300.0, 600.0, tokens, 0.0), pause)
    assert wait_for(closed, 0.0) >= pause
    assert refill(closed, pause).tokens <= 1.0


def test_the_documented_bucket_is_300_a_second_and_1000_at_once() -> None:
    assert (PER_SECOND, BURST) == (300.0, 1000.0)


@pytest.mark.parametrize(
    ("tokens", "at", "now", "seconds"),
    [
        (0.0, 0.0, 0.0, 0.1),
        (0.25, 0.0, 0.0, 0.075),
        (0.25, 0.0, 0.05, 0.025),
        (1.0, 0.0, 0.0, 0.0),
        (5.0, 0.0, 0.0, 0.0),
        (1 - 0.9e-6, 0.0, 0.0, 0.0),  # floating point made it a little too small
        (1 - 1.1e-6, 0.0, 0.0, 1.1e-7),
        (5.0, 7.0, 4.0, 3.0),  # closed until then
        (0.0, 7.0, 4.0, 3.1),
    ],
)
def test_the_wait_is_until_the_next_token(tokens: float, at: float, now: float, seconds: float) -> None:
    assert wait_for(Bucket(10.0, 5.0, tokens, at), now) == pytest.approx(seconds, abs=1e-12)


def test_who_takes_a_token_leaves_what_flowed_in_meanwhile_less_that_one() -> None:
    assert take(Bucket(10.0, 5.0, 3.0, 0.0), 0.1) == Bucket(10.0, 5.0, 3.0, 0.1)
    assert take(Bucket(10.0, 5.0, 5.0, 0.0), 100.0) == Bucket(10.0, 5.0, 4.0, 100.0)


def test_a_full_bucket_that_is_closed_has_one_token_then() -> None:
    assert closed_until(Bucket(10.0, 5.0, 5.0, 0.0), 3.0) == Bucket(10.0, 5.0, 1.0, 3.0)
    assert closed_until(Bucket(10.0, 5.0, 0.0, 0.0), 0.05) == Bucket(10.0, 5.0, 0.5, 0.05)


def test_an_empty_bucket_gives_no_token() -> None:
    with pytest.raises(ValueError, match="empty"):
        take(Bucket(1.0, 1.0, 0.5, 0.0), 0.0)


def test_a_token_given_back_can_be_taken_again_and_never_overfills() -> None:
    assert give_back(take(Bucket(1.0, 5.0, 5.0, 0.0), 0.0)).tokens == 5.0
    assert give_back(Bucket(1.0, 5.0, 5.0, 0.0)).tokens == 5.0
    assert give_back(Bucket(1.0, 5.0, 3.0, 0.0)).tokens == 4.0


def test_time_that_goes_back_gives_nothing() -> None:
    assert refill(Bucket(10.0, 100.0, 1.0, 50.0), 20.0) == Bucket(10.0, 100.0, 1.0, 50.0)


def test_a_known_limit_keeps_the_measured_margin() -> None:
    assert with_margin(300, 1000) == Bucket(295.5, 600.0, 600.0, 0.0)
    assert with_margin(300, 1000, 0.5) == Bucket(147.75, 300.0, 300.0, 0.0)
    assert with_margin(1, 1).burst == 1.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("9" * 5000, None),
        ("0", 0.0),
        ("-5", 0.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("86400", 900.0),
        (formatdate(NOW + 12, usegmt=True), 12.0),
        (formatdate(NOW - 12, usegmt=True), 0.0),
        (formatdate(NOW + 86400, usegmt=True), 900.0),
        (asctime(gmtime(NOW + 12)), 12.0),
        (f" {formatdate(NOW + 12, usegmt=True)} ", 12.0),
        ("Wed, 99 Jun 2026 10:00:00 GMT", None),
        ("Wed, 01 Jun 99999999999 10:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(header: str | None, seconds: float | None) -> None:
    assert pause_seconds(header, now=NOW) == seconds


@pytest.fixture
def in_new_york() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        tzset()
        yield
    tzset()


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize(
    "text", ["Thu, 01 Jan 1970 02:00:00 +0200", "Thu, 01 Jan 1970 00:00:00 -0000", "Thu Jan  1 00:00:00 1970"]
)
def test_a_date_is_in_the_zone_that_it_names_or_in_utc_and_never_in_that_of_this_machine(text: str) -> None:
    assert http_date(text) == 0.0


@pytest.mark.parametrize(("seconds", "tokens"), [(0.0, 0.0), (1.5, 15.0), (60.0, 20.0), (inf, 20.0)])
def test_a_bucket_that_somebody_else_left_empty_holds_what_flowed_in_since(seconds: float, tokens: float) -> None:
    assert since_empty(Bucket(10.0, 20.0, 20.0, 0.0), seconds, NOW) == Bucket(10.0, 20.0, tokens, NOW)
