"""What is kept of a rate, and what is believed of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.learned import file_name, read, written

NOW = 1_780_000_000.0
WEEK = 7 * 86_400.0


@given(st.floats(0.01, 1e6), st.floats(0, WEEK))
def test_what_was_written_is_read_for_a_week(rate: float, age: float) -> None:
    assert read(written(rate, at=NOW - age), now=NOW) == rate


@pytest.mark.parametrize("at", [NOW - WEEK - 1, NOW + 1])
def test_an_old_rate_and_one_from_the_future_are_not_believed(at: float) -> None:
    assert read(written(5.0, at=at), now=NOW) is None


@given(
    st.text() | st.dictionaries(st.sampled_from(["rate", "at"]), st.none() | st.booleans() | st.text()).map(json.dumps)
)
def test_a_damaged_record_is_none_and_never_an_error(text: str) -> None:
    assert read(text, now=NOW) is None


@pytest.mark.parametrize("rate", ["0", "-5", "NaN", "Infinity"])
def test_no_rate_that_is_none_is_believed(rate: str) -> None:
    assert read(f'{{"rate": {rate}, "at": {NOW}}}', now=NOW) is None


def test_a_file_name_tells_accounts_apart_and_tells_nobody_which_they_are() -> None:
    one, other = file_name(("api.integrator.io", "user1")), file_name(("api.integrator.io", "user2"))
    assert one != other
    assert "user" not in one
    assert one.endswith(".json")
