"""Resources and upgrades where tenants are so many that the account's lists are read instead of each tenant's."""

import shutil

import pytest

from deployer.simulator import Customer
from tests.engine.stage import US, Stage
from tests.engine.test_resources import change, integration, name_of, part, settings


@pytest.fixture
def many(stage: Stage) -> Stage:
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(25)}
    stage.manifest["integration"] = {"settings": {"region": "${tenant.values.region}"}}
    stage.manifest["exports"] = {name_of(stage, "exports"): {"settings": {"pageSize": 50}}}
    assert stage.apply().code == 0
    stage.forget_requests()
    return stage


def test_a_second_apply_reads_lists_and_no_tenant(many: Stage) -> None:
    assert many.apply().document["counts"]["no_change"] == 25
    assert many.writes == []
    assert many.sent("exports.get") + many.sent("integrations.get") + many.sent("flows.get") <= 5, "the template alone"


def test_a_resource_that_somebody_touched_is_read_and_the_others_are_not(many: Stage) -> None:
    change(many, "integrations", integration(many, "tenant-3"), settings={"region": "mine"})
    planned = many.plan()
    assert [name for name, tenant in planned.items() if "drift" in tenant["reason"]] == ["tenant-3"]
    assert many.sent("integrations.get") == 1


def test_an_upgrade_of_many_goes_into_each_copy(many: Stage) -> None:
    account = many.simulator.world.accounts[US]
    master = account.documents["exports"][part(many, "exports", "tenant-0")["_sourceId"]]
    change(many, "exports", master, http={"method": "GET", "relativeURI": "/v2"})
    assert many.apply("--allow", "many-updates").document["counts"]["done"] == 25
    assert all(part(many, "exports", name)["http"]["relativeURI"] == "/v2" for name in many.tenants)
    many.forget_requests()
    assert many.apply().document["counts"]["no_change"] == 25
    assert many.writes == []
    assert many.sent("exports.get") <= 2


def test_a_journal_that_is_lost_takes_settings_of_ours_for_ours_again(many: Stage) -> None:
    before = [settings(many, name) for name in many.tenants]
    shutil.rmtree(many.directory / ".deployer")
    assert many.run("rebuild", "--yes").code == 0
    assert many.apply("--allow", "many-updates").code == 0
    assert [settings(many, name) for name in many.tenants] == before
    many.forget_requests()
    assert many.apply().document["counts"]["no_change"] == 25
    assert many.writes == []


def test_two_manifests_share_an_integration_and_each_owns_its_own_settings(many: Stage) -> None:
    before = dict(integration(many, "tenant-0")["settings"])
    many.manifest["name"] = "second"
    many.manifest["template"] = {"file": "flow.json", "id": "second"}
    (many.directory / "flow.json").write_text('{"name": "Second", "wizardState": "done"}', "utf-8")
    del many.manifest["exports"]
    del many.manifest["accounts"][US]["connections"]
    many.manifest["integration"] = {"settings": {"second": True}}
    assert many.apply().code == 0
    assert integration(many, "tenant-0")["settings"] == {**before, "second": True}
    assert len(many.flows("tenant-0")) == 2
