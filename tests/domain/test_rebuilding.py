"""What tells a lost or restored journal from itself, and what is remembered of flows that are found again."""

import pytest

from deployer.domain.deployment import Moment
from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey
from deployer.domain.rebuilding import (
    Loss,
    Recollection,
    Work,
    elsewhere,
    has_run,
    loss,
    recollect,
    strangers,
    unlisted,
)
from tests.factories import FLOW, INTEGRATION, TEMPLATE, instance

KEY = InstanceKey(TEMPLATE, INTEGRATION)
ELSEWHERE = "5f0000000000000000000a02"


def flow(id_: str = FLOW, *, key: InstanceKey = KEY, created: str = "2026-01-01", **fields: str) -> Document:
    marked = {"_id": id_, "name": "Orders", "description": f"Managed by deployer · orders · {key.marker}"}
    return {**marked, "createdAt": created, **fields}


@pytest.mark.parametrize(
    ("known", "now", "found"),
    [
        (None, Work(), None),
        (None, Work("0a", 3), None),
        (Work("0a", 3), Work("0a", 3), None),
        (Work("0a", 3), Work("0a", 4), None),
        (Work("0a", 3), Work("0a", 2), Loss.RESTORED),
        (Work("0a", 3), Work("0b", 9), Loss.LOST),
        (Work("0a", 3), Work(), Loss.LOST),
    ],
)
def test_a_journal_is_the_same_if_it_is_no_other_and_no_older(
    known: Work | None, now: Work, found: Loss | None
) -> None:
    assert loss(known, now) is found


@pytest.mark.parametrize(
    ("works", "found"),
    [
        ({}, None),
        ({"/here": Work("0a", 9)}, None),
        ({"/there": Work("0a", 3)}, None),
        ({"/there": Work("0a", 4)}, "/there"),
        ({"/there": Work("0b", 9)}, None),
        ({"/there": Work("0a", 4), "/yonder": Work("0a", 5)}, "/yonder"),
    ],
)
def test_a_journal_is_an_older_copy_where_it_was_worked_with_since(works: dict[str, Work], found: str | None) -> None:
    assert elsewhere(works, "/here", Work("0a", 3)) == found


def recalled(*listing: Document, known: str | None = None) -> tuple[str | None, tuple[str, ...]]:
    remembered = instance(flow=known) if known else None
    found = recollect(listing, KEY, tenant="acme", account="main", known=remembered)
    return found.instance.flow if found.instance else None, found.surplus


def test_what_is_remembered_of_a_flow_that_is_still_there_stays() -> None:
    known = instance(flow="flow0002")
    found = recollect([flow(), flow("flow0002")], KEY, tenant="acme", account="main", known=known)
    assert found == Recollection(known, (FLOW,))


def test_a_flow_found_by_its_marker_is_remembered_as_one_that_nothing_is_known_of() -> None:
    found = recollect([flow()], KEY, tenant="acme", account="main", known=None).instance
    assert found is not None
    assert (found.tenant, found.account, found.template, found.integration) == ("acme", "main", TEMPLATE, INTEGRATION)
    assert not found.is_configured


def test_of_two_copies_the_older_is_remembered_and_the_other_is_surplus() -> None:
    assert recalled(flow("flow0002", created="2026-02-02"), flow()) == (FLOW, ("flow0002",))


def test_a_flow_that_replaced_the_remembered_one_is_remembered_in_its_place() -> None:
    assert recalled(flow(), known="flow0002") == (FLOW, ())


@pytest.mark.parametrize("source", ["", TEMPLATE])
def test_a_flow_without_the_marker_is_not_remembered(source: str) -> None:
    assert recalled({"_id": "flow0003", "name": "Orders", "_sourceId": source}) == (None, ())


def test_integrations_that_nobody_names_are_known_by_the_marker_of_their_own() -> None:
    there = InstanceKey(TEMPLATE, ELSEWHERE)
    flows = {INTEGRATION: [flow()], ELSEWHERE: [flow(key=there)], "integr03": [flow()], "integr04": []}
    assert strangers(flows, TEMPLATE, frozenset({INTEGRATION})) == [ELSEWHERE]
    assert strangers(flows, "template2", frozenset()) == []


@pytest.mark.parametrize(
    ("created", "ran"),
    [([], False), (["2026-01-01"], False), (["2026-01-02"], False), (["2026-01-01", "2026-01-03"], True)],
)
def test_a_flow_has_run_if_it_did_after_its_last_change(created: list[str], ran: bool) -> None:
    jobs: list[Document] = [{"_id": f"job0000{n}", "createdAt": at} for n, at in enumerate(created)]
    assert has_run(flow(lastModified="2026-01-02"), jobs) is ran


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        ({}, 0.0),
        ({"/ours": Moment("boot", 99.0)}, 0.0),
        ({"/other": Moment("boot", 90.0)}, 20.0),
        ({"/other": Moment("boot", 90.0), "/later": Moment("boot", 95.0), "/ours": Moment("boot", 99.0)}, 25.0),
        ({"/other": Moment("boot", 60.0)}, 0.0),
        ({"/other": Moment("boot", 120.0)}, 30.0),  # which no clock of one boot shows
        ({"/other": Moment("before", 1e6)}, 0.0),
    ],
)
def test_what_other_journals_made_is_waited_for_until_lists_show_it(left: dict[str, Moment], seconds: float) -> None:
    assert unlisted(left, "/ours", Moment("boot", 100.0), 30.0) == seconds


def test_what_was_made_before_a_boot_is_no_younger_than_that() -> None:
    assert unlisted({"/other": Moment("before", 1e6)}, "/ours", Moment("boot", 12.0), 30.0) == 18.0
