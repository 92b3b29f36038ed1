from collections.abc import Mapping

import pytest

from deployer.domain.documents import Document
from deployer.domain.starting import Holdings, choose_integrations, find_by_id, find_by_name, start
from deployer.domain.template import Template
from deployer.errors import UsageError

FLOW: Document = {"_id": "f1", "name": "Orders", "_integrationId": "home"}
COPY: Document = {"_id": "f2", "name": "Orders", "_sourceId": "f1", "_integrationId": "a1"}
OTHER: Document = {"_id": "f3", "name": "Returns", "_integrationId": "home"}
PLACES = {"home": "Templates", "a1": "Acme Corp", "g1": "Globex", "a2": "Acme Labs"}


def holdings(
    *flows: Document, places: Mapping[str, str] = PLACES, connections: Mapping[str, str] | None = None
) -> Holdings:
    return Holdings(flows or (FLOW, COPY, OTHER), places, connections or {})


def template(*connections: str) -> Template:
    return Template("f1", "", FLOW, frozenset(connections))


@pytest.mark.parametrize("name", ["Orders", "orders"])
def test_a_template_is_found_by_its_name_before_its_copies_are(name: str) -> None:
    assert find_by_name(holdings(), name) is FLOW


def test_a_copy_is_found_by_its_name_where_it_alone_has_it() -> None:
    renamed = {**COPY, "name": "Orders: Acme"}
    assert find_by_name(holdings(FLOW, renamed), "Orders: Acme") is renamed


def test_two_flows_of_one_name_are_told_apart_by_their_ids() -> None:
    twin = {**FLOW, "_id": "f9"}
    with pytest.raises(UsageError, match='2 flows are called "Orders"') as caught:
        find_by_name(holdings(FLOW, twin), "Orders")
    assert caught.value.remedy == "choose one: --template f1 or f9"


def test_a_name_that_is_none_leads_to_the_nearest_and_to_those_there_are() -> None:
    with pytest.raises(UsageError, match=r'no flow "Ordres" \(did you mean "Orders"\?\)') as caught:
        find_by_name(holdings(), "Ordres")
    assert caught.value.remedy == 'it has:\nf1 "Orders"\nf3 "Returns"'
    with pytest.raises(UsageError, match='no flow with the id "f4"'):
        find_by_id(holdings().flows, "f4")
    with pytest.raises(UsageError) as none:
        find_by_name(Holdings((), {}, {}), "Orders")
    assert none.value.remedy == "it has no flows: make one first, in integrator.io"


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["all"], ["Acme Corp", "Acme Labs", "Globex"]),
        (["acme *"], ["Acme Corp", "Acme Labs"]),
        (["Globex", "*labs"], ["Acme Labs", "Globex"]),
        (["none"], []),
    ],
)
def test_tenants_are_chosen_by_name_and_never_the_template_s_own_integration(
    patterns: list[str], chosen: list[str]
) -> None:
    assert list(choose_integrations(holdings(), FLOW, patterns).values()) == chosen


def test_a_pattern_that_fits_nobody_is_an_error() -> None:
    with pytest.raises(UsageError, match=r'no integration is called "Globx" \(did you mean "Globex"\?\)'):
        choose_integrations(holdings(), FLOW, ["all", "Globx"])
    with pytest.raises(UsageError, match="no integration besides the template's"):
        choose_integrations(holdings(places={"home": "Templates"}), FLOW, ["all"])


def test_a_tenant_s_connections_are_those_called_as_the_template_s_are() -> None:
    connections = {
        "c1": "Templates Slack",
        "c2": "Templates NetSuite (EU)",
        "c3": "acme corp  slack",
        "c4": "Globex Slack",
        "c5": "Globex Slack",
        "c6": "Globex NetSuite (EU)",
    }
    made = start(holdings(connections=connections), template("c1", "c2"), {"a1": "Acme Corp", "g1": "Globex"})
    assert made.titles == ("tenant", "account", "integration", "name", "timezone", "netsuite_eu", "slack")
    assert [row.connections for row in made.rows] == [("?", "c3"), ("c6", "?")]
    assert made.unfilled == 2


def test_a_connection_of_nobody_s_name_has_a_column_of_its_own_to_fill_in() -> None:
    connections = {"c1": "Tenant", "c2": "Name", "c3": "名前", "c4": "id"}
    made = start(holdings(connections=connections), template("c1", "c2", "c3", "c4"), {"a1": "Acme Corp"})
    assert made.titles[5:] == ("name_2", "tenant_2", "id_2", "connection")
    assert set(made.rows[0].connections) == {"?"}


def test_each_tenant_has_a_name_that_can_be_typed_and_no_other_has() -> None:
    chosen = {"000000000000000000000abc": "東京", "2": "Café Zoë", "3": "cafe  zoe!", "4": "CAFE ZOE 2", "5": "x" * 90}
    rows = start(holdings(), template(), chosen).rows
    assert [row.tenant for row in rows] == ["tenant-000abc", "cafe-zoe", "cafe-zoe-2", "cafe-zoe-2-2", "x" * 40]


def test_without_tenants_there_is_an_example_to_replace() -> None:
    [row] = start(holdings(connections={"c1": "Slack"}), template("c1"), {}).rows
    assert (row.tenant, row.integration, row.connections) == ("example", "0" * 24, ("?",))
