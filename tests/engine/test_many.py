"""More tenants than are looked at one by one: the account's whole list is read, and only what differs is read again."""

import pytest

from deployer.simulator import Customer, Knobs
from tests.engine.stage import US, Stage


@pytest.fixture
def many(stage: Stage) -> Stage:
    """Return a stage with two dozen tenants that are deployed, with the ledger emptied."""
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(24)}
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def test_a_plan_for_many_reads_each_flow_at_most_once(many: Stage) -> None:
    planned = many.plan()

    assert {tenant["action"] for tenant in planned.values()} == {"no_change"}
    assert many.sent("integrations.flows") == 0
    assert many.sent("flows.get") == 1  # the template


def test_only_the_flows_that_somebody_touched_are_read(many: Stage) -> None:
    many.edit("tenant-3", timezone="Asia/Tokyo")
    many.edit("tenant-4", note="not ours")

    planned = many.plan()

    assert many.sent("flows.get") == 3
    assert "timezone" in planned["tenant-3"]["reason"]
    assert {tenant["action"] for tenant in planned.values()} == {"no_change"}


def test_an_update_of_many_writes_what_differs(many: Stage) -> None:
    many.edit("tenant-4", note="not ours")
    many.columns["tenant-3"] = {"region": "moon"}
    many.columns["tenant-4"] = {"region": "mars"}

    ended = many.apply()

    assert ended.code == 0, ended.err
    assert many.writes == ["flows.put"] * 2
    assert many.flow("tenant-3")["settings"]["region"] == "moon"
    assert (many.flow("tenant-4")["settings"]["region"], many.flow("tenant-4")["note"]) == ("mars", "not ours")


def test_a_flow_deleted_outside_is_noticed_among_many(many: Stage) -> None:
    many.drop("tenant-5")

    planned = many.plan()

    assert planned["tenant-5"]["action"] == "blocked"
    assert "deleted outside" in planned["tenant-5"]["reason"]


def test_a_flow_that_the_list_does_not_show_yet_is_found_by_its_id(many: Stage) -> None:
    many.simulator.knobs = Knobs(list_lag=3600.0)

    ended = many.apply()

    assert (ended.code, many.writes) == (0, [])
    assert ended.document["counts"]["no_change"] == 24


def test_a_list_of_several_pages_is_read_to_its_end(many: Stage) -> None:
    many.simulator.knobs = Knobs(page_size=7)

    ended = many.apply()

    assert (ended.code, many.writes) == (0, [])
    assert many.sent("flows.list") == 4  # 24 and the two templates
