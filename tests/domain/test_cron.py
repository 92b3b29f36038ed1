"""Cron expressions on local time: every change of clocks for ten years, in five zones."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from deployer.domain.cron import coming, normal_cron, occurrences

# Both kinds of change in each: north, south, half an hour, by law at another hour, and below zero in winter.
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Europe/Dublin"]
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("  0  2 * * * ", "0 2 * * *"),
        ("? 0 2 ? * *", "0 2 * * *"),
        ("? 0 2 ? * MON-FRI", "0 2 * * MON-FRI"),
        ("0 2 1 * ?", "0 2 1 * *"),
        ("0 0 * * 7", "0 0 * * 7"),
        ("*/15 1,2 * * MON#2", "*/15 1,2 * * MON#2"),
        ("5 4 L * *", "5 4 L * *"),
    ],
)
def test_a_schedule_has_one_normal_form(text: str, normal: str) -> None:
    assert normal_cron(text) == normal


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("61 * * * *", '"61" is no minute of a schedule'),
        ("0 24 * * *", '"24" is no hour of a schedule'),
        ("0 0 32 * *", '"32" is no day of month of a schedule'),
        ("0 0 * 13 *", '"13" is no month of a schedule'),
        ("0 0 * * FUNDAY", '"FUNDAY" is no day of week of a schedule'),
        ("0 ? * * *", '"?" is no hour of a schedule'),
        ("0 2 30 2 *", '"0 2 30 2 *" never comes'),
        ("0 2 * *", 'a schedule has five fields, or six with a leading "?", not 4: "0 2 * *"'),
        ("0 0 2 * * *", 'the first of six schedule fields must be "?", not "0"'),
        ("? 0 2 ? * 2-6", 'write days of the week by name (MON-FRI), not "2-6": which day is 1 differs in six fields'),
        ("@daily", 'a schedule has five fields, or six with a leading "?", not 1: "@daily"'),
        ("", 'a schedule has five fields, or six with a leading "?", not 0: ""'),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_reason(text: str, what: str) -> None:
    with pytest.raises(ValueError) as caught:
        normal_cron(text)
    assert str(caught.value) == what


@pytest.mark.parametrize("zone", ZONES)
def test_each_local_time_of_ten_years_is_due_once_and_when_a_clock_on_the_wall_shows_it(zone: str) -> None:
    """Judged by walking through every half hour of the zone, not by the arithmetic that is tested."""
    there = ZoneInfo(zone)
    half = timedelta(minutes=30)
    first_shown: dict[datetime, datetime] = {}
    moment = FIRST
    while moment < LAST:
        first_shown.setdefault(moment.astimezone(there).replace(tzinfo=None), moment)
        moment += half
    found = list(takewhile(lambda each: each.due < LAST, coming("*/30 * * * *", zone, now=FIRST - half)))
    found = [each for each in found if each.due >= FIRST]

    assert Counter(each.local for each in found).most_common(1)[0][1] == 1
    shown = {each.local: each.due for each in found if each.local in first_shown}
    assert shown == first_shown
    skipped = [each for each in found if each.local not in first_shown]
    assert len(skipped) in {10, 18, 20}  # ten changes, or nine, of an hour or half of it
    for each in skipped:  # due at the first moment after the clocks went forward, and shown by none
        assert each.due.astimezone(there).replace(tzinfo=None) > each.local
        assert (each.due - timedelta(seconds=1)).astimezone(there).replace(tzinfo=None) < each.local


@pytest.mark.parametrize("zone", ZONES)
def test_every_night_of_ten_years_has_its_firing(zone: str) -> None:
    nights = [each.local for each in takewhile(lambda each: each.due < LAST, coming("30 2 * * *", zone, now=FIRST))]
    assert [night.date() for night in nights] == [
        nights[0].date() + timedelta(days=number) for number in range(len(nights))
    ]
    assert len(nights) in {3652, 3653}


def test_a_time_that_is_skipped_is_due_right_after_and_a_repeated_one_the_first_time() -> None:
    spring = next(coming("30 2 * * *", "Europe/Berlin", now=datetime(2026, 3, 28, 12, tzinfo=UTC)))
    autumn = list(
        takewhile(
            lambda each: each.local < datetime(2026, 10, 26),  # noqa: DTZ001 - local
            coming("30 2 * * *", "Europe/Berlin", now=datetime(2026, 10, 24, 12, tzinfo=UTC)),
        )
    )
    assert spring.due == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert [each.due for each in autumn] == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_a_day_that_a_zone_left_out_is_due_as_the_next_begins() -> None:
    """Samoa went over the date line: there was no 30 December 2011."""
    [gone, _] = [
        each
        for each, _ in zip(
            occurrences("0 2 * * *", "Pacific/Apia", after=datetime(2011, 12, 29, 12)),  # noqa: DTZ001 - local
            range(2),
            strict=False,
        )
    ]
    assert gone.local == datetime(2011, 12, 30, 2)  # noqa: DTZ001 - local
    assert gone.due == datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert next(coming("0 2 * * *", "Pacific/Apia", now=gone.due - timedelta(seconds=1))) == gone
