"""What is a surplus copy, what shows that it was touched, and which parts belong to no flow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey
from deployer.domain.resources import ResourceKind
from deployer.domain.sweeping import Stray, strays, surplus, touched
from tests.factories import FLOW, INTEGRATION, TEMPLATE

KEY = InstanceKey(TEMPLATE, INTEGRATION)
NEWBORN: Document = {
    "_id": FLOW,
    "name": f"Orders · {KEY.marker}",
    "_sourceId": TEMPLATE,
    "createdAt": "2026-01-01",
    "lastModified": "2026-01-01",
    "disabled": True,
}


def test_a_clone_that_nobody_used_is_untouched() -> None:
    assert touched(NEWBORN, KEY, []) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"_sourceId": "template2"}, "it was not cloned from the template"),
        ({"name": "Orders", "description": KEY.marker}, "it has not the name it was born with"),
        ({"lastModified": "2026-01-02"}, "it was changed after it was made"),
        ({"createdAt": "", "lastModified": ""}, "it was changed after it was made"),
        ({"schedule": "? 5 * * * *", "disabled": False}, "it is enabled and has a schedule"),
        ({"lastExecutedAt": "2026-01-03"}, "it has run"),
    ],
)
def test_one_sign_of_use_is_enough(change: Document, why: str) -> None:
    assert touched({**NEWBORN, **change}, KEY, []) == why


def test_jobs_and_jobs_that_cannot_be_read_are_signs_of_use() -> None:
    assert touched(NEWBORN, KEY, [{"_id": "job00001"}]) == "it has run"
    assert touched(NEWBORN, KEY, None) == "its jobs cannot be read"


def test_the_remembered_flow_is_the_instance_even_if_it_is_younger() -> None:
    older, younger = NEWBORN, {**NEWBORN, "_id": "flow0002", "createdAt": "2026-02-02"}
    assert surplus([younger, older], KEY, None) == (FLOW, [younger])
    assert surplus([younger, older], KEY, "flow0002") == ("flow0002", [older])
    assert surplus([], KEY, None) == ("", ())


FLOWS = st.lists(
    st.builds(
        lambda id_, name, source: {**NEWBORN, "_id": id_, "name": name, "_sourceId": source},
        st.sampled_from([TEMPLATE, "flow0001", "flow0002", "flow0003"]),
        st.sampled_from(["Payroll", f"Orders · {KEY.marker}", InstanceKey(TEMPLATE, "elsewhere").marker]),
        st.sampled_from([TEMPLATE, "template2"]),
    ),
    unique_by=lambda flow: flow["_id"],
)


@given(listing=FLOWS, known=st.sampled_from([None, "flow0001", "flow0009"]))
def test_nothing_without_our_marker_and_never_the_instance_or_the_template_is_surplus(
    listing: list[Document], known: str | None
) -> None:
    instance, others = surplus(listing, KEY, known)
    assert all(KEY.marker in str(flow["name"]) for flow in others)
    assert not {instance, TEMPLATE} & {str(flow["_id"]) for flow in others}


def test_a_part_is_stray_if_it_was_cloned_from_the_templates_and_no_flow_uses_it() -> None:
    template: Document = {"_id": TEMPLATE, "_exportId": "export01", "_importId": "import01"}
    parts: list[Document] = [{"_id": id_, "_sourceId": "export01"} for id_ in ("copy0001", "copy0002")]
    strange: list[Document] = [{"_id": "export01"}, {"_id": "copy0003", "_sourceId": "import01"}]
    flows: list[Document] = [template, {"_id": FLOW, "pageGenerators": [{"_exportId": "copy0001"}]}]
    found = list(strays("main", template, {ResourceKind.EXPORT: [*parts, *strange]}, flows))
    assert found == [Stray("main", ResourceKind.EXPORT, "copy0002", "export01")]
