"""A flow that is there and never was configured, and what of a flow is not ours to take or to overwrite."""

import pytest

from deployer.domain.identity import InstanceKey, birth_name
from deployer.simulator import Customer, Knobs, Rule, stable_id
from tests.engine.stage import US, Stage, template


@pytest.fixture
def alone(stage: Stage) -> Stage:
    """Return a stage with one tenant."""
    stage.tenants = {"acme": Customer(US, 0)}
    return stage


def test_a_newborn_beside_the_memory_of_a_dead_flow_is_configured(alone: Stage) -> None:
    alone.apply()
    alone.drop()
    model = alone.simulator.world.accounts[US].find("flows", template())
    name = birth_name("Orders: x", InstanceKey(template(), alone.integration()))
    alone.keep("acme", {**model, "_id": "a" * 24, "_sourceId": template(), "name": name, "disabled": True})

    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert alone.flow()["name"] == f"Orders: {alone.tenants['acme'].name}"
    assert alone.flow()["settings"]["batchSize"] == 200
    assert alone.flow()["disabled"] is False


def test_a_newborn_that_is_as_wanted_still_gets_its_name_and_marker(alone: Stage) -> None:
    alone.manifest["flow"] = {"disabled": True}
    alone.refuse("acme")
    alone.apply()
    alone.mend()

    ended = alone.apply()

    marker = InstanceKey(template(), alone.integration()).marker
    assert ended.code == 0, ended.err
    assert marker not in alone.flow()["name"]
    assert marker in alone.flow()["description"]


def _among_templates(stage: Stage) -> None:
    stage.columns["acme"] = {"integration": stable_id(US, "integrations", "Templates")}


def test_the_template_itself_is_never_taken_over(alone: Stage) -> None:
    _among_templates(alone)
    account = alone.simulator.world.accounts[US]
    before = dict(account.find("flows", template()))
    alone.manifest["adopt"] = "name"
    alone.manifest["flow"]["name"] = before["name"]

    ended = alone.apply("--ours", "acme")

    assert ended.tenants["acme"].get("flow") != template()
    assert account.find("flows", template()) == before


def test_the_template_itself_is_not_taken_at_a_persons_word(alone: Stage) -> None:
    _among_templates(alone)
    alone.simulator.knobs = Knobs(name_length=10)
    alone.befall(Rule(action="lose", route="flows.clone", applied=True, nth=1))
    doubted = alone.apply()

    said = alone.run("resolve", "acme", "--took", template())

    assert doubted.tenants["acme"]["outcome"] == "unknown"
    assert said.code == 6
    assert template() in said.err


def test_a_text_that_stands_where_settings_would_be_filled_in_is_a_conflict(alone: Stage) -> None:
    name = "Orders, by hand"
    alone.manifest["adopt"] = "name"
    alone.manifest["flow"] = {"name": name, "settings": {"limits": {"daily": 5}}}
    model = alone.simulator.world.accounts[US].find("flows", template())
    alone.keep("acme", {**model, "_id": "a" * 24, "name": name, "settings": {"limits": "theirs"}})

    ended = alone.apply()

    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "settings.limits.daily" in ended.tenants["acme"]["error"]["message"]
    assert alone.flow()["settings"] == {"limits": "theirs"}
