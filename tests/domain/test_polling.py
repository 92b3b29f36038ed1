"""How often jobs are looked at, and how late their end is noticed."""

from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.polling import durations, until_next_look


def follow(duration: float, took: list[float]) -> tuple[int, float]:
    """Return how many looks a job needs and how late its end is seen, as a part of its duration."""
    looks, elapsed = 0, 0.0
    while elapsed < duration:
        elapsed += until_next_look(elapsed, took)
        looks += 1
    return looks, (elapsed - duration) / duration


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("length", [8.0, 60.0, 600.0])
def test_jobs_that_take_about_as_long_as_others_need_few_looks_and_are_noticed_soon(
    length: float, spread: float
) -> None:
    chance = Random(5)
    lengths = [length * chance.uniform(1 - spread, 1 + spread) for _ in range(300)]
    took: list[float] = []
    seen = []
    for duration in lengths:
        seen.append(follow(duration, took[-32:]))
        took.append(duration)
    assert mean(looks for looks, _ in seen) <= 3
    assert mean(lag for _, lag in seen) <= 0.10


@given(st.floats(1.0, 60.0))
def test_without_experience_looks_come_in_growing_steps(duration: float) -> None:
    looks, lag = follow(duration, [])
    assert looks <= 14
    assert lag <= 0.51


@given(st.floats(0, 10_000), st.lists(st.floats(0, 10_000), max_size=32))
def test_two_looks_never_follow_each_other_at_once(elapsed: float, took: list[float]) -> None:
    assert until_next_look(elapsed, took) > 0.2


@pytest.mark.parametrize(
    ("job", "seconds"),
    [
        ({"createdAt": "2026-06-01T10:00:00.000Z", "endedAt": "2026-06-01T10:00:07.500Z"}, [7.5]),
        ({"startedAt": "2026-06-01T10:00:00Z", "endedAt": "2026-06-01T12:00:01+02:00"}, [1.0]),
        ({"createdAt": "2026-06-01T10:00:00Z"}, []),
        ({"endedAt": "2026-06-01T10:00:00Z"}, []),
        ({"createdAt": "2026-06-01T10:00:00", "endedAt": "2026-06-01T10:00:01Z"}, []),
        ({"createdAt": "yesterday", "endedAt": 5}, []),
        ({"createdAt": "2026-06-01T10:00:00Z", "endedAt": "2026-06-01T09:00:00Z"}, []),
    ],
)
def test_a_job_tells_what_it_took_if_it_tells_it_plainly(job: dict[str, object], seconds: list[float]) -> None:
    assert durations([job]) == seconds  # type: ignore[list-item]  # JSON of any kind
