"""The instance key, its marker, and where the marker is written."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.documents import MISSING, Value
from deployer.domain.identity import (
    NAME_LIMIT,
    InstanceKey,
    birth_name,
    carries,
    is_newborn,
    marker_line,
    with_marker_line,
    without_marker_line,
)

KEY = InstanceKey("5f0000000000000000000001", "5f0000000000000000000a01")
OTHER = InstanceKey("5f0000000000000000000001", "5f0000000000000000000a02")
LINE = marker_line("order-sync", KEY)
IDS = st.text("0123456789abcdefXYZ", min_size=8, max_size=24)
TEXTS = st.text(st.sampled_from("ab \n·"), max_size=12)


def test_the_marker_is_a_hash_of_template_and_integration_and_of_nothing_else() -> None:
    text = b"5f0000000000000000000001\n5f0000000000000000000a01"
    assert KEY.marker == hashlib.sha256(text).hexdigest()[:16]


@given(IDS, IDS, IDS)
def test_another_template_or_integration_has_another_marker(template: str, one: str, other: str) -> None:
    keys = {InstanceKey(template, one), InstanceKey(template, other), InstanceKey(one, template)}
    assert len({key.marker for key in keys}) == len(keys)


@given(st.text(max_size=20), st.integers(1, 40))
def test_a_birth_name_fits_and_carries_the_marker_however_long_the_final_name(final: str, times: int) -> None:
    name = birth_name(final * times, KEY)
    assert len(name) <= NAME_LIMIT
    assert name.endswith(f" · {KEY.marker}")
    assert is_newborn({"name": name}, KEY.marker)


def test_a_birth_name_begins_with_the_final_one() -> None:
    assert birth_name("Orders", KEY) == f"Orders · {KEY.marker}"


def test_the_marker_line_is_one_line_that_a_person_can_read() -> None:
    assert f"Managed by deployer · order-sync · {KEY.marker}" == LINE


@given(TEXTS)
def test_the_line_ends_a_description_once_however_often_it_is_written(text: str) -> None:
    once = with_marker_line(text, LINE)
    assert once.split("\n")[-1] == LINE
    assert once.count(LINE) == 1
    assert with_marker_line(once, LINE) == once


@given(TEXTS)
def test_without_the_line_the_text_is_back_as_it_was(text: str) -> None:
    assert without_marker_line(with_marker_line(text, LINE)) == (text or MISSING)


@pytest.mark.parametrize("value", [MISSING, None, "", 7, "Synchronises orders.", "Managed by hand\n"])
def test_a_description_without_the_line_stays_as_it_is(value: Value) -> None:
    assert without_marker_line(value) == value


@pytest.mark.parametrize("value", [MISSING, None, "", 7])
def test_where_there_is_no_text_the_line_is_all(value: Value) -> None:
    assert with_marker_line(value, LINE) == LINE
    assert without_marker_line(LINE) is MISSING


def test_the_line_a_template_was_born_with_is_replaced_by_ones_own() -> None:
    inherited = with_marker_line("Orders", marker_line("another", OTHER))
    assert with_marker_line(inherited, LINE) == f"Orders\n\n{LINE}"


def test_the_marker_counts_in_name_or_description_whatever_stands_around_it() -> None:
    assert carries({"name": f"Copy of {KEY.marker}, mine"}, KEY.marker)
    assert carries({"name": "Orders", "description": f"x{LINE}"}, KEY.marker)
    assert not carries({"name": "Orders", "settings": {"note": KEY.marker}}, KEY.marker)
    assert not carries({"name": None, "description": 7}, KEY.marker)
    assert not carries({"name": birth_name("Orders", OTHER)}, KEY.marker)


def test_a_flow_is_newborn_while_its_name_carries_the_marker() -> None:
    assert not is_newborn({"name": "Orders", "description": LINE}, KEY.marker)
    assert not is_newborn({}, KEY.marker)
