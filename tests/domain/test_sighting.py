"""What a listing says about the flow looked for."""

from itertools import permutations

import pytest

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, birth_name, marker_line
from deployer.domain.sighting import Absent, Doubtful, Found, sight
from tests.factories import INTEGRATION, TEMPLATE

KEY = InstanceKey(TEMPLATE, INTEGRATION)
ELSEWHERE = InstanceKey(TEMPLATE, "5f0000000000000000000a02")
BORN: Document = {"_id": "born0001", "name": birth_name("Orders", KEY), "createdAt": "2026-03-02"}
NAMED: Document = {
    "_id": "named001",
    "name": "Orders",
    "description": marker_line("sync", KEY),
    "createdAt": "2026-03-03",
}
CLONED: Document = {"_id": "cloned01", "name": "Orders", "_sourceId": TEMPLATE}
STRANGE: Document = {"_id": "strange1", "name": "Orders", "_sourceId": "5f0000000000000000000009"}


@pytest.mark.parametrize("flow", [BORN, NAMED])
def test_the_marker_in_name_or_description_makes_a_flow_ours(flow: Document) -> None:
    assert sight([STRANGE, flow], KEY) == Found(flow)


def test_the_journalled_id_wins_over_every_marker() -> None:
    assert sight([BORN, NAMED, STRANGE], KEY, known="strange1") == Found(STRANGE, ("born0001", "named001"))
    assert sight([BORN, NAMED], KEY, known="named001") == Found(NAMED, ("born0001",))


def test_a_journalled_id_that_is_gone_leaves_the_marker_to_decide() -> None:
    assert sight([NAMED], KEY, known="gone0001") == Found(NAMED)


def test_a_server_that_trims_a_name_hides_nothing() -> None:
    longest = birth_name("  " + "Orders " * 60, KEY)
    assert isinstance(sight([{**BORN, "name": longest.strip()}], KEY), Found)


def test_a_person_who_renames_a_flow_hides_nothing() -> None:
    assert sight([{**NAMED, "name": "My own name"}], KEY) == Found({**NAMED, "name": "My own name"})


def test_a_copy_that_lies_in_another_integration_is_not_that_integrations_own() -> None:
    copy: Document = {**NAMED, "_sourceId": "named001"}
    assert sight([copy], ELSEWHERE) == Absent(("named001",))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_oldest_is_ours_and_the_others_are_surplus_in_order_of_age(order: tuple[int, ...]) -> None:
    twin: Document = {**NAMED, "_id": "named000"}
    late: Document = {**NAMED, "_id": "alate001", "createdAt": "2026-03-04"}
    flows = [BORN, twin, NAMED, late]
    assert sight([flows[place] for place in order], KEY) == Found(BORN, ("named000", "named001", "alate001"))


def test_a_clone_of_the_template_without_the_marker_is_doubtful_not_absent() -> None:
    assert sight([STRANGE, CLONED], KEY) == Doubtful((CLONED,))


def test_a_clone_that_was_there_before_is_not_doubtful() -> None:
    assert sight([STRANGE, CLONED], KEY, seen=["cloned01"]) == Absent(("strange1", "cloned01"))


def test_the_marker_leaves_no_doubt() -> None:
    assert sight([CLONED, NAMED], KEY) == Found(NAMED)


def test_absence_names_every_flow_that_was_seen() -> None:
    assert sight([], KEY) == Absent(())
    assert sight([STRANGE], KEY) == Absent(("strange1",))
