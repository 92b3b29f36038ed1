"""A tenant that a plan is made for, and the flow it may already have."""

import pytest

from deployer.domain.candidate import Choices, Wanted, as_remembered, choose
from deployer.domain.chosen import Choice
from deployer.domain.documents import MISSING, Document
from deployer.domain.identity import InstanceKey, birth_name
from deployer.domain.merge3 import Memory
from deployer.domain.sighting import Absent, Doubtful, Found, Sighting
from tests.factories import FLOW, INTEGRATION, TEMPLATE, desired, instance, tenant

KEY = InstanceKey(TEMPLATE, INTEGRATION)
NAMED: Document = {"_id": FLOW, "name": "Orders"}
TWIN: Document = {"_id": "twin0001", "name": "Orders"}
CLONED: Document = {"_id": "cloned01", "name": "Orders copy", "_sourceId": TEMPLATE}
MARKED: Document = {"_id": "marked01", "name": birth_name("Orders", KEY)}
WANTED = Wanted(tenant(flow=FLOW), desired({"name": "Orders"}))


@pytest.mark.parametrize(
    ("adopt", "listing", "sighting"),
    [
        (None, [NAMED], Absent((FLOW,))),
        (None, [CLONED], Doubtful((CLONED,))),
        ("name", [NAMED, CLONED], Found(NAMED)),
        ("name", [NAMED, TWIN], Doubtful((NAMED, TWIN))),
        ("name", [CLONED], Doubtful((CLONED,))),
        ("id", [TWIN, NAMED], Found(NAMED)),
        ("id", [TWIN], Absent(("twin0001",))),
        ("id", [CLONED], Doubtful((CLONED,))),
        ("name", [NAMED, MARKED], Found(MARKED)),
        ("id", [NAMED, MARKED], Found(MARKED)),
    ],
)
def test_a_flow_is_taken_over_by_name_or_id_only_where_the_manifest_says_so(
    adopt: str | None, listing: list[Document], sighting: Sighting
) -> None:
    assert choose(listing, WANTED, KEY, known=None, adopt=adopt) == sighting


def test_a_flow_without_a_wanted_name_is_not_adopted_by_having_none() -> None:
    nameless: Document = {"_id": "nameless"}
    wanted = Wanted(tenant(), desired())
    assert choose([nameless], wanted, KEY, known=None, adopt="name") == Absent(("nameless",))


@pytest.mark.parametrize("adopt", ["name", "id"])
def test_where_a_flow_is_known_no_other_is_taken_over(adopt: str) -> None:
    known = instance(flow="gone0001")
    assert choose([NAMED], WANTED, KEY, known=known, adopt=adopt) == Absent((FLOW,))
    assert choose([NAMED, MARKED], WANTED, KEY, known=instance(flow=FLOW), adopt=adopt) == Found(NAMED, ("marked01",))


def test_a_choice_is_a_tenants_own() -> None:
    choices = Choices(ours=frozenset({"one"}), theirs=frozenset({"two"}))
    expected = [{"": Choice.OURS}, {"": Choice.THEIRS}, {}]
    assert [choices.conflict(name) for name in ("one", "two", "three")] == expected


STAMP = instance().last_modified
SUMMARY: Document = {"_id": FLOW, "lastModified": STAMP}
KNOWN = instance(fields={("name",): Memory("s", "returned", "f"), ("timezone",): Memory("s", MISSING, "f")})


def test_a_flow_that_nobody_touched_is_as_it_was_left() -> None:
    summary: Document = {**SUMMARY, "timezone": "UTC"}
    assert as_remembered(summary, KNOWN, WANTED) == {**SUMMARY, "name": "returned"}


@pytest.mark.parametrize("stamp", ["later", None, ""])
def test_a_flow_with_another_stamp_has_to_be_read(stamp: str | None) -> None:
    assert as_remembered({**SUMMARY, "lastModified": stamp}, KNOWN, WANTED) is None


def test_a_flow_that_is_not_known_or_wants_a_field_never_seen_has_to_be_read() -> None:
    assert as_remembered(SUMMARY, None, WANTED) is None
    assert as_remembered(SUMMARY, KNOWN, Wanted(tenant(), desired({"disabled": True}))) is None
