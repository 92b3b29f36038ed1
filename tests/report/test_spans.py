"""Spans of work, and the axis on which the time between them is cut short."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.report.spans import Busy, axis_of, total, within

SPANS = st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 500)).map(lambda pair: (pair[0], sum(pair))), min_size=1)


@given(SPANS)
def test_every_span_is_in_one_that_is_left_and_those_lie_apart(spans: list[tuple[float, float]]) -> None:
    busy = Busy()
    for begin, end in spans:
        busy.add(begin, end)
    found = busy.spans()
    assert all(any(one <= begin and end <= other for one, other in found) for begin, end in spans)
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(SPANS)
def test_in_whatever_order_spans_come_the_same_are_left(spans: list[tuple[float, float]]) -> None:
    forwards, backwards = Busy(), Busy()
    for one, other in zip(spans, reversed(spans), strict=True):
        forwards.add(*one)
        backwards.add(*other)
    assert forwards.spans() == backwards.spans()


def test_parts_of_spans() -> None:
    assert within([(0, 10), (20, 30), (40, 50)], 5, 45) == [(5, 10), (20, 30), (40, 45)]
    assert total([(0, 10), (20, 30)]) == 20


@given(SPANS, st.floats(0, 1e6), st.floats(0, 1e6))
def test_an_axis_rises_from_0_to_1(spans: list[tuple[float, float]], one: float, other: float) -> None:
    busy = Busy()
    for begin, end in spans:
        busy.add(begin, end)
    axis = axis_of(busy.spans())
    earlier, later = sorted((one, other))
    assert 0.0 <= axis.place(earlier) <= axis.place(later) <= 1.0
    assert axis.place(axis.stops[0][0]) == 0.0
    assert axis.place(axis.stops[-1][0]) == pytest.approx(1.0)


def test_a_night_without_work_is_cut_and_a_short_pause_is_not() -> None:
    axis = axis_of([(0.0, 100.0), (130.0, 200.0), (40_000.0, 40_200.0)])
    assert axis.cuts == ((200.0, 40_000.0),)
    assert axis.place(200.0) == pytest.approx(0.49, abs=0.01)
    assert axis.place(40_000.0) - axis.place(200.0) < 0.03
    assert axis.place(40_200.0) == pytest.approx(1.0)


def test_without_any_work_there_is_an_axis_all_the_same() -> None:
    assert axis_of([]).place(0.5) == 0.5
