"""Windows of the calendar in which nothing is begun."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from deployer.domain.freeze import Freeze, Thaw, coming, holding
from deployer.domain.instructions import Instruction, Verb


def freeze(start: str, end: str, zone: str = "UTC", why: str = "year end") -> Freeze:
    return Freeze(timezone=zone, start=start, end=end, why=why)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WINTER = freeze("2026-12-20", "2027-01-04T06:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "held"),
    [
        ("2026-12-19T22:59:59", False),  # the day begins at 23:00 UTC
        ("2026-12-19T23:00", True),
        ("2027-01-04T04:59:59", True),
        ("2027-01-04T05:00", False),
    ],
)
def test_a_freeze_holds_from_its_start_until_just_before_its_end(now: str, held: bool) -> None:
    assert (holding([WINTER], at(now)) is WINTER) is held


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        ("2026-03-29T02:30", "2026-03-30", "2026-03-29T01:00", "2026-03-29T22:00"),  # a time that is skipped
        ("2026-03-28", "2026-03-29T02:30", "2026-03-27T23:00", "2026-03-29T01:00"),
        ("2026-10-25T02:30", "2026-10-26", "2026-10-25T00:30", "2026-10-25T23:00"),  # an hour that comes twice
        ("2026-10-24", "2026-10-25T02:30", "2026-10-23T22:00", "2026-10-25T01:30"),
    ],
)
def test_where_clocks_change_the_longer_freeze_counts(start: str, end: str, begins: str, ends: str) -> None:
    window = freeze(start, end, "Europe/Berlin")
    assert (window.begins, window.ends) == (at(begins), at(ends))


def test_of_several_that_hold_the_one_that_ends_last_counts() -> None:
    short, long = freeze("2026-12-20", "2026-12-22"), freeze("2026-12-21", "2026-12-31")
    assert holding([long, short], at("2026-12-21T12:00")) is long
    assert holding([], at("2026-12-21T12:00")) is None


def test_the_next_one_is_told_of_a_day_before() -> None:
    first, second = freeze("2026-12-20", "2026-12-21"), freeze("2026-12-24", "2026-12-27")
    assert coming([second, first], first.begins - timedelta(hours=24)) is first
    assert coming([second, first], first.begins - timedelta(hours=24, seconds=1)) is None
    assert coming([second, first], first.begins) is None, "then it holds"


def test_a_reason_is_for_the_freeze_that_held_when_it_was_said() -> None:
    said = Instruction("1", "rollout", Verb.THAW, "outage", "kim", "2026-12-25T10:00:00.000Z")
    assert Thaw(said).covers(WINTER)
    assert not Thaw(said).covers(freeze("2026-12-26", "2026-12-27"))
    assert Thaw(said).said == "despite the freeze, by kim: outage"


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("2026-12-20", "2026-12-20", "UTC"),
        ("2026-12-21", "2026-12-20", "UTC"),
        ("2026-12-20T10:00+01:00", "2026-12-21", "UTC"),
        ("soon", "2026-12-21", "UTC"),
        ("2026-W51-7", "2026-12-31", "UTC"),
        ("20261220", "2026-12-31", "UTC"),
        ("0001-01-01", "2026-12-31", "Asia/Tokyo"),
        ("2026-02-30", "2026-12-31", "UTC"),
        ("2026-12-20", "2026-12-21", "Europe/Berln"),
    ],
)
def test_what_is_no_window_is_refused(start: str, end: str, zone: str) -> None:
    with pytest.raises(ValidationError):
        freeze(start, end, zone)
