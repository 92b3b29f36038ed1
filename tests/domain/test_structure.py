"""Steps of a flow, merged by the export or import that each uses."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.documents import Document, Json, same
from deployer.domain.structure import bare, merged

PATH = ("pageProcessors",)


def steps(names: str, **more: Json) -> list[Json]:
    """Return a step for each letter: capitals are imports."""
    return [{("_importId" if name.isupper() else "_exportId"): f"part-{name}", **more} for name in names]


def names(value: object) -> str:
    assert isinstance(value, list)
    return "".join(str(step.get("_importId") or step.get("_exportId"))[-1] for step in value)


@pytest.mark.parametrize(
    ("before", "after", "live", "expected"),
    [
        ("ab", "abc", "ab", "abc"),
        ("ab", "acb", "ab", "acb"),  # in the template's order where the tenant has none of its own
        ("ab", "ba", "ab", "ba"),
        ("ab", "a", "ab", "a"),
        ("ab", "abc", "Xab", "Xabc"),
        ("ab", "abc", "aXb", "aXbc"),
        ("abc", "ac", "aXbc", "aXc"),
    ],
)
def test_what_the_template_changed_comes_and_what_is_the_tenants_stays(
    before: str, after: str, live: str, expected: str
) -> None:
    base, wanted = merged(PATH, steps(before), steps(after), steps(live))
    assert (base, names(wanted)) == (steps(live), expected)


@pytest.mark.parametrize(("after", "live"), [("acb", "abX"), ("ba", "aXb"), ("abc", "ba")])
def test_where_no_order_is_right_a_conflict_is_left_to_be_found(after: str, live: str) -> None:
    assert merged(PATH, steps("ab"), steps(after), steps(live)) == (steps("ab"), steps(after))


def test_ids_that_the_server_gives_to_steps_are_the_tenants() -> None:
    live: list[Json] = [{**step, "_id": f"own-{n}"} for n, step in enumerate(steps("ab")) if isinstance(step, dict)]
    template: list[Json] = [{**step, "_id": "x"} for step in steps("ab") if isinstance(step, dict)]
    new: list[Json] = [
        {**step, "_id": "y", "proceedOnFailure": True} for step in steps("abc") if isinstance(step, dict)
    ]
    base, wanted = merged(PATH, template, new, live)
    assert base == live
    assert isinstance(wanted, list)
    assert [step.get("_id") for step in wanted if isinstance(step, dict)] == ["own-0", "own-1", None]
    assert all(step["proceedOnFailure"] for step in wanted if isinstance(step, dict))


def test_routers_are_carried_whole_or_not_at_all() -> None:
    before: Document = {"branches": [{"name": "a"}]}
    after: Document = {"branches": [{"name": "b"}]}
    live: Document = {"branches": [{"name": "a"}], "_id": "router"}
    assert merged(("routers",), [before], [after], [live]) == ([live], [after])
    edited: Document = {"branches": [{"name": "mine"}]}
    assert merged(("routers",), [before], [after], [edited]) == ([before], [after])


ORDERS = st.sampled_from(["".join(order) for count in range(5) for order in permutations("abcD", count)])


@given(before=ORDERS, after=ORDERS, own=st.integers(0, 4))
def test_a_tenants_own_step_is_never_lost_and_ours_arrive(before: str, after: str, own: int) -> None:
    live = before[:own] + "X" + before[own:]
    base, wanted = merged(PATH, steps(before), steps(after), steps(live))
    if same(base, steps(live)):
        assert set(names(wanted)) == {*after, "X"}
        again, same_again = merged(PATH, steps(after), steps(after), wanted)
        assert (again, names(same_again)) == (wanted, names(wanted))
    else:
        assert (base, wanted) == (steps(before), steps(after))


def test_what_is_no_step_is_left_to_others() -> None:
    assert bare({"_id": 1, "a": [{"_id": 2, "b": 3}]}) == {"a": [{"b": 3}]}
    assert merged(("aliases",), [1], [2], [3]) == ([1], [2])
