import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.deployment import Status
from deployer.domain.documents import MISSING, Value
from deployer.domain.plan import Action
from deployer.report.text import (
    brief,
    columns,
    counted,
    cut,
    duration,
    numbered,
    plain,
    some,
    value_text,
    words,
    wrapped,
)

WORDS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12), min_size=1)


@given(st.text())
def test_plain_text_holds_nothing_that_moves_colours_or_turns(text: str) -> None:
    assert all(character in {"\u200c", "\u200d"} or character >= " " for character in plain(text))
    assert not set("\x7f\x9b\u202a\u202e\u2066\u200f\ufeff\u2028") & set(plain(text))
    plain(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jacme", "[2Jacme"),
        ("a\nb\tc", "a b c"),
        ("\u202eemca", "emca"),
        ("\ud800x", "x"),
        ("Żółć 東京 👩\u200d🚀", "Żółć 東京 👩\u200d🚀"),
    ],
)
def test_names_stay_readable(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (MISSING, "(none)"),
        (None, "null"),
        ("a b", '"a b"'),
        ({"a": [1, True]}, '{"a":[1,true]}'),
        ("x" * 99, '"' + "x" * 38 + "…"),
    ],
)
def test_values_are_short_json(value: Value, shown: str) -> None:
    assert value_text(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0s"), (2.12, "2.1s"), (9.97, "10s"), (59.6, "1m00s"), (372, "6m12s"), (3900, "1h05m")],
)
def test_durations_read_like_this(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_very_long_name_told_as_an_example_is_cut() -> None:
    assert [columns(brief(name)) for name in ("x" * 200, "東京" * 50)] == [48, 47]
    assert brief("acme") == "acme"


@given(st.text(), st.integers(1, 30))
def test_what_is_cut_fits(text: str, width: int) -> None:
    assert columns(cut(text, width)) <= width


@given(WORDS, st.integers(20, 60))
def test_wrapping_loses_no_piece_and_keeps_to_the_width(pieces: list[str], width: int) -> None:
    lines = wrapped("", pieces, width=width, hang=2)
    assert " ".join(lines).split() == " ".join(pieces).split()
    assert all(columns(line) <= max(width, 2 + columns(max(pieces, key=columns))) for line in lines)


def test_what_follows_a_piece_that_no_line_holds_begins_a_line() -> None:
    lines = wrapped("x acme  ", ["conflict in name: choose one", "name: ours", "b"], width=24, hang=8)
    assert lines == ["x acme  conflict in", "        name: choose one", "        name: ours    b"]


def test_counts_name_the_good_first_and_no_zero() -> None:
    counts = {Status.DONE: 38, Status.FAILED: 1, Status.NO_CHANGE: 2}
    assert counted(dict.fromkeys(Status, 0) | counts) == "38 done, 2 unchanged, 1 failed"


def test_large_counts_have_separators() -> None:
    assert numbered(100_000, "tenant") == "100,000 tenants"
    assert counted({**dict.fromkeys(Status, 0), Status.DONE: 99_999, Status.FAILED: 1}) == "99,999 done, 1 failed"
    assert some([f"tenant-{number}" for number in range(2000)], 1) == "tenant-0, … and 1,999 more"


def test_what_is_as_it_should_be_is_unchanged_wherever_people_read_it() -> None:
    assert [words(name) for name in ("no_change", Action.NO_CHANGE, "succeeded_with_failures", "done")] == [
        "unchanged",
        "unchanged",
        "succeeded with failures",
        "done",
    ]
