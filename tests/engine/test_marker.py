"""The line and the token by which a flow is known to be ours, and by which nobody is bothered."""

import pytest

from deployer.simulator import Knobs
from tests.engine.stage import Stage


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    """Return a stage on which everything is deployed, with the ledger emptied."""
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def test_the_description_ends_with_one_line_that_says_who_manages_the_flow(stage: Stage) -> None:
    stage.manifest["flow"]["description"] = "All orders"
    stage.apply()
    first = stage.flow()["description"]
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.apply()

    assert first.splitlines()[:2] == ["All orders", ""]
    assert first.splitlines()[2].startswith("Managed by deployer · order-sync · ")
    assert stage.flow()["description"] == first
    assert {tenant["action"] for tenant in stage.plan().values()} == {"no_change"}


def test_a_description_that_a_person_wrote_stands_above_the_marker_line(deployed: Stage) -> None:
    line = deployed.flow()["description"]
    deployed.edit("acme", description="Ask Jo before you touch this")
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    deployed.apply()

    assert deployed.flow()["description"] == f"Ask Jo before you touch this\n\n{line}"


def test_without_a_marker_wanted_none_is_left(stage: Stage) -> None:
    stage.manifest["marker"] = "none"

    ended = stage.apply()
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    assert "description" not in stage.flow()
    assert stage.flow()["name"] == f"Orders: {stage.tenants['acme'].name}"
    assert (again.code, stage.writes) == (0, [])


def test_a_flow_that_a_person_renamed_is_still_ours(deployed: Stage) -> None:
    deployed.edit("acme", name="My flow", description="mine")
    deployed.manifest["flow"]["settings"]["batchSize"] = 300

    ended = deployed.apply()

    assert ended.code == 0
    assert deployed.flow("acme")["settings"]["batchSize"] == 300
    assert deployed.flow("acme")["name"] == "My flow"
    assert deployed.sent("flows.clone") == 0


def test_a_birth_name_that_the_server_trims_comes_to_its_final_name_all_the_same(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(name_length=60)  # which leaves only a part of the marker
    stage.manifest["flow"]["name"] = "Orders of ${tenant.values.name}, kept in step every hour"

    ended = stage.apply()
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    assert stage.flow()["name"] == f"Orders of {stage.tenants['acme'].name}, kept in step every hour"
    assert (again.code, stage.writes) == (0, [])
