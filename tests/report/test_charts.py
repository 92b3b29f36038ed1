"""Numbers to draw with: within the chart, and readable."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.report.charts import (
    HEIGHT,
    WIDTH,
    clock,
    decade,
    latency_boxes,
    rates_chart,
    seconds_ticks,
    span,
    stacked,
)
from deployer.report.spans import axis_of
from tests.report.rollouts import Course, read


@given(st.dictionaries(st.sampled_from(["done", "failed", "blocked"]), st.integers(0, 10_000)))
def test_boxes_side_by_side_fill_the_whole(counts: dict[str, int]) -> None:
    boxes = stacked(counts, sum(counts.values()), ["done", "failed", "blocked"])
    assert len(boxes) == sum(count > 0 for count in counts.values())
    assert sum(box.width for box in boxes) == pytest.approx(100 if boxes else 0, abs=0.1)


@pytest.mark.parametrize("course", [Course(1), Course(400, waves=[1, 5, "20%"]), Course(3000, accounts=9)])
def test_everything_lies_within_the_chart(course: Course) -> None:
    head, _ = read(course)
    axis = axis_of([(begin, end) for begin, end in head["spans"]])
    chart = rates_chart(head["requests"], axis)
    for box in chart.bars:
        assert 0 <= box.x <= WIDTH
        assert box.x + box.width <= WIDTH + 1
        assert 0 <= box.y <= box.y + box.height == pytest.approx(HEIGHT, abs=0.1)
    assert 2 <= len(chart.levels) <= 6
    assert 1 <= len(chart.seconds) <= 20
    assert len(chart.refusals) == sum(each["throttled"] > 0 for each in head["requests"]["rates"])


@pytest.mark.parametrize("length", [0.05, 1, 7, 59, 400, 5000, 90_000, 2_000_000])
def test_ticks_are_round_and_apart(length: float) -> None:
    ticks = [*seconds_ticks(axis_of([(0.0, length)]))]
    assert all(later.at - earlier.at >= 0.06 * WIDTH for earlier, later in pairwise(ticks))
    assert ticks[0].label == "0s"
    assert len(ticks) <= 12


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0s"), (45, "45s"), (60, "1m"), (150, "2m30s"), (3600, "1h"), (3900, "1h05m")]
)
def test_round_times_are_short(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_latencies_lie_on_their_axis() -> None:
    assert [decade(each) for each in (0.0, 0.001, 1.0, 1000.0, 1e9)] == [0, 0, pytest.approx(50), 100, 100]
    boxes = latency_boxes([[0.0, 0.001, 1], [0.1, 0.12, 400], [900.0, 1100.0, 1]])
    assert all(0 <= box.x <= box.x + box.width <= 101 for box in boxes)
    assert [box.height for box in boxes] == [0.6, 30, 0.6]  # one answer of 400 can still be seen


@pytest.mark.parametrize(("seconds", "said"), [(None, "–"), (0.0381, "38.1 ms"), (0.5, "500 ms"), (12.3456, "12.3 s")])
def test_latencies_are_said_as_people_say_them(seconds: float | None, said: str) -> None:
    assert span(seconds) == said
