from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.seen import Seen


@given(st.lists(st.text(max_size=3), max_size=300))
def test_a_text_is_known_by_the_number_it_first_came_with(texts: list[str]) -> None:
    seen, first = Seen(), dict[str, int]()
    for number, text in enumerate(texts):
        assert seen.first(text, number) == first.setdefault(text, number)


def test_thousands_of_texts_are_told_apart_in_at_most_48_bytes_each() -> None:
    seen = Seen()
    for twice in range(2):
        assert all(seen.first(f"tenant {number}", number + twice) == number for number in range(10_000))
    tables = (seen.hashes, seen.checks, seen.numbers)
    assert sum(table.itemsize * len(table) for table in tables) <= 48 * 10_000
