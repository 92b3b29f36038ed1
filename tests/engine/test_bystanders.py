"""One tenant's or one account's fault stops no other, and two names of one thing are one thing."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.engine.accounts import identity_of
from deployer.integrator.transport import open_session
from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import EU, US, Stage, staged, template


@pytest.fixture
def abroad(stage: Stage) -> Stage:
    """Return a stage with one tenant in each of two accounts."""
    stage.add_account()
    stage.tenants = {"acme": Customer(US, 0), "euro": Customer(EU, 0)}
    return stage


def test_an_integration_under_two_names_of_its_account_has_one_flow(stage: Stage) -> None:
    stage.tenants = {"acme": Customer(US, 0), "twin": Customer(US, 0)}
    stage.manifest["accounts"]["also"] = dict(stage.manifest["accounts"][US])
    stage.columns["twin"] = {"account": "also"}

    ended = stage.apply()

    assert ended.tenants["acme"]["outcome"] == "done"
    assert ended.tenants["twin"]["outcome"] == "blocked"
    assert "acme is the same integration" in ended.tenants["twin"]["error"]["message"]
    assert len(stage.flows("acme")) == 1


def test_an_integration_under_two_addresses_of_its_account_has_one_flow(stage: Stage) -> None:
    stage.tenants = {"acme": Customer(US, 0), "globex": Customer(US, 1), "twin": Customer(US, 0)}
    entry = stage.manifest["accounts"][US]
    stage.manifest["accounts"]["also"] = {**entry, "url": entry["url"].replace("127.0.0.1", "localhost")}
    stage.columns["twin"] = {"account": "also"}

    ended = stage.apply()

    assert [ended.tenants[name]["outcome"] for name in stage.tenants] == ["done", "done", "blocked"]
    assert "acme is the same integration" in ended.tenants["twin"]["error"]["message"]
    assert len(stage.flows("acme")) == 1


def test_an_account_is_the_same_however_its_address_is_written() -> None:
    ways = ("https://api.integrator.io", "https://API.integrator.io", "https://api.integrator.io:443/")

    assert {identity_of(way, "user") for way in ways} == {("api.integrator.io", "user")}


def test_what_another_journal_made_just_now_is_waited_for_until_lists_show_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged(tmp_path, monkeypatch, Knobs(list_lag=1.0)) as stage:
        stage.manifest["safety"]["lag"] = "1500ms"
        assert stage.apply().code == 0
        elsewhere = replace(stage, directory=tmp_path / "elsewhere")

        ended = elsewhere.apply()

        assert ended.code == 0, ended.err
        assert f"waiting {US}: another journal's deployer has only just ended here" in ended.err
        assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]


def test_two_tenants_whose_integrations_were_swapped_are_both_blocked(stage: Stage) -> None:
    mine, theirs = stage.integration("acme"), stage.integration("globex")
    connections = {system: stage.tenants["acme"].row()[system] for system in ("github", "slack")}
    stage.columns = {name: dict(connections) for name in stage.tenants}
    stage.apply()
    stage.columns["acme"]["integration"] = theirs
    stage.columns["globex"]["integration"] = mine
    before = stage.flow("acme"), stage.flow("globex")

    planned = stage.plan()
    stage.apply()

    assert [planned[name]["action"] for name in ("acme", "globex")] == ["blocked", "blocked"]
    assert all(planned[name]["reason"].startswith("moved: ") for name in ("acme", "globex"))
    assert (stage.flow("acme"), stage.flow("globex")) == before


def test_work_in_one_account_does_not_forget_who_died_in_another(abroad: Stage) -> None:
    everybody = abroad.tenants
    abroad.tenants = {"euro": everybody["euro"]}
    abroad.befall(Rule(action="stall", route="flows.clone"))
    with abroad.started("apply", "--yes", "--journal", "other.db") as process:
        abroad.await_requests("flows.clone")
        process.kill()
        process.wait()
    abroad.mend()

    abroad.tenants = {"acme": everybody["acme"]}
    near = abroad.apply()
    abroad.tenants = {"euro": everybody["euro"]}
    far = abroad.apply()

    assert (near.code, far.code) == (0, 0), far.err
    assert f"waiting {EU}: another journal's deployer died" in far.err


def test_an_account_whose_template_is_gone_does_not_keep_others_from_running(abroad: Stage) -> None:
    abroad.apply()
    abroad.simulator.world.accounts[EU].drop("flows", template(EU))

    ended = abroad.run("run", "--json")

    assert {name: tenant["outcome"] for name, tenant in ended.tenants.items()} == {"acme": "done", "euro": "blocked"}
    assert len(abroad.effects("run", "acme")) == 1


def test_an_account_whose_template_is_gone_does_not_keep_others_from_being_resumed(abroad: Stage) -> None:
    abroad.befall(Rule(action="refuse", route="flows.put", id=abroad.integration("acme"), status=401))
    abroad.apply()
    abroad.mend()
    abroad.simulator.world.accounts[EU].drop("flows", template(EU))

    ended = abroad.run("resume", "--json")

    assert ended.tenants["acme"]["outcome"] == "done", ended.err
    assert abroad.flow("acme")["settings"]["batchSize"] == 200


def test_an_integration_that_may_not_be_read_blocks_its_tenant_alone(stage: Stage) -> None:
    stage.refuse("acme", route="integrations.flows", status=403, code="access_restricted")

    ended = stage.apply()

    assert ended.code == 3
    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "403" in ended.tenants["acme"]["error"]["message"]
    assert ended.document["counts"]["done"] == 2


def test_tenants_bad_each_for_itself_halt_nobody_when_they_are_tried_again(stage: Stage) -> None:
    stage.one_at_a_time(5)
    for number in range(1, 5):
        stage.refuse(f"tenant-{number}")
    stage.apply()
    stage.forget_requests()

    ended = stage.apply("--failed")

    assert ended.code == 3
    assert stage.sent("flows.put") == 4
    assert ended.document["counts"]["failed"] == 4


@pytest.mark.anyio
async def test_no_account_waits_for_the_connections_of_another() -> None:
    async with open_session() as session:
        assert session.connector is not None
        assert session.connector.limit == 0
