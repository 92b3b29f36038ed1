"""The seeded world: the same for everybody, and what its tenants.csv says is there."""

import re
from zoneinfo import ZoneInfo

import pytest

from deployer.simulator import World, seed, seed_tenants, stable_id, token_of

KINDS = {"github": "connections", "slack": "connections", "github_export": "exports", "slack_import": "imports"}


def test_two_worlds_of_one_seed_are_equal() -> None:
    assert seed(tenants=5).dump() == seed(tenants=5).dump()


def test_a_customer_is_the_same_however_many_there_are() -> None:
    assert list(seed_tenants(("acme-us",), 5)) == list(seed_tenants(("acme-us", "acme-eu"), 50))[:5]


@pytest.mark.parametrize("account", ["acme-us", "acme-eu"])
def test_every_id_in_a_row_is_there(account: str) -> None:
    documents = seed(tenants=4).accounts[account].documents
    for row in seed_tenants((account,), 4):
        assert documents["integrations"][row["integration"]]["name"] == row["name"]
        for column, kind in KINDS.items():
            assert row[column] in documents[kind]
        assert documents["exports"][row["github_export"]]["_connectionId"] == row["github"]
        assert ZoneInfo(row["timezone"]).key == row["timezone"]


def test_tenants_names_and_ids_are_unique_by_the_thousand() -> None:
    rows = list(seed_tenants(tenants=4000))
    assert len({row["tenant"] for row in rows}) == len({row["integration"] for row in rows}) == len(rows) == 8000
    assert all(re.fullmatch("[0-9a-f]{24}", row["integration"]) for row in rows)


def test_names_are_unique_within_a_kind_of_an_account() -> None:
    for account in seed(tenants=30).accounts.values():
        names = [connection["name"] for connection in account.documents["connections"].values()]
        assert len(set(names)) == len(names) == 4 * 31


def test_templates_have_ids_of_their_own_elsewhere() -> None:
    world = seed(tenants=0)
    us, eu = (set(world.accounts[name].documents["flows"]) for name in ("acme-us", "acme-eu"))
    assert us == {"55ea78c6b751843c37b7b367", "5980e7fedd9939649f8a5d9a"}
    assert stable_id("acme-eu", "flows", "Send GitHub Events to Slack") in eu
    assert us & eu == set()


def test_tokens_are_named_after_accounts() -> None:
    world: World = seed(("one", "two"), 0)
    assert [account.token for account in world.accounts.values()] == [token_of("one"), "sim-two"]
