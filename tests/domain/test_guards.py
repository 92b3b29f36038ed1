from dataclasses import replace

import pytest

from deployer.domain.guards import SHRUNK, UPDATES, violated
from deployer.domain.plan import Action, Plan
from tests.factories import plan, planned


def made(updated: int, unchanged: int, absent: int = 0) -> Plan:
    actions = [Action.UPDATE] * updated + [Action.NO_CHANGE] * unchanged
    tenants = [planned(f"t{number}", action=action, flow="flow0001") for number, action in enumerate(actions)]
    return replace(plan(*tenants), absent=tuple(f"gone{number}" for number in range(absent)))


@pytest.mark.parametrize(
    ("updated", "unchanged", "absent", "broken"),
    [
        (3, 7, 0, set()),
        (4, 6, 0, {UPDATES}),
        (9, 0, 0, set()),  # of nine, no share is judged
        (10, 0, 0, {UPDATES}),
        (0, 9, 1, set()),
        (0, 8, 2, {SHRUNK}),
        (0, 7, 1, set()),
        (10, 0, 2, {UPDATES, SHRUNK}),
    ],
)
def test_a_plan_that_changes_too_large_a_share_refuses_itself(
    updated: int, unchanged: int, absent: int, broken: set[str]
) -> None:
    assert violated(made(updated, unchanged, absent)).keys() == broken


def test_a_guard_says_by_how_much_it_is_broken() -> None:
    assert violated(made(4, 6))[UPDATES] == "4 of 10 existing flows would be updated, more than 30 %"


def test_new_tenants_are_no_updates() -> None:
    new = [planned(f"new{number}") for number in range(40)]
    assert not violated(plan(*new))
