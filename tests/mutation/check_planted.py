"""What is asked of the planted module, by the trial of mutants alone."""

from tests.mutation.planted import is_grown_up


def test_of_age_is_who_is_18() -> None:
    assert [is_grown_up(years) for years in (17, 18, 19)] == [False, True, True]
