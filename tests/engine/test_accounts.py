"""What stops a whole account, and stops no other: its token, its rights, its template, its address."""

import time
from pathlib import Path
from random import Random

import anyio
import pytest

from deployer.domain.manifest import Account, Safety
from deployer.engine.accounts import Opening, open_accounts
from deployer.engine.vault import Vault
from deployer.simulator import Customer, Knobs, Rule, Simulator, seed, serving, token_of
from tests.engine.stage import EU, US, Stage, template


def test_a_token_refused_midway_stops_the_account_and_leaves_its_steps_ready(stage: Stage) -> None:
    stage.one_at_a_time(4)
    stage.befall(Rule(action="refuse", route="flows.put", nth=2, status=401, code="unauthorized"))

    halted = stage.apply()
    stage.mend()  # as a new token does
    ended = stage.apply()

    assert halted.code == 6
    assert halted.document["counts"]["failed"] == halted.document["counts"]["unknown"] == 0
    assert "token" in halted.document["reason"]
    assert ended.code == 0, ended.err
    assert ended.document["rollout"] == halted.document["rollout"]
    assert stage.sent("flows.clone") == 4
    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 4


def test_an_entitlement_that_is_used_up_halts_the_account(stage: Stage) -> None:
    stage.one_at_a_time(4)
    stage.simulator.knobs = Knobs(enabled_flows=3)  # the two templates are enabled

    halted = stage.apply()
    stage.simulator.knobs = Knobs()
    ended = stage.apply()

    assert halted.code == 6
    assert halted.document["counts"]["done"] == 1
    assert "entitlement_reached" in halted.document["reason"]
    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 4


def test_a_template_that_is_gone_halts_the_account(stage: Stage) -> None:
    stage.one_at_a_time(3)
    stage.befall(Rule(action="remove", route="flows.clone", nth=2, flow=template()))

    ended = stage.apply()

    assert ended.code == 6
    assert template() in ended.document["reason"]
    assert ended.document["counts"]["failed"] == 0


def test_a_template_that_is_gone_before_the_plan_is_said_in_a_sentence(stage: Stage) -> None:
    stage.simulator.world.accounts[US].drop("flows", template())

    ended = stage.apply()

    assert ended.code == 4
    assert f"template flow {template()} was not found" in ended.err


def test_the_second_account_goes_on_when_the_first_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.add_account()
    stage.tenants["berlin"] = Customer(EU, 0)
    monkeypatch.setenv("US_TOKEN", "wrong")

    ended = stage.apply()

    assert ended.code == 3
    assert len(stage.flows("berlin")) == 1
    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "token" in ended.tenants["acme"]["error"]["message"]


def test_an_account_that_halts_midway_stops_no_other(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["berlin"] = Customer(EU, 0)
    for name in ("acme", "globex", "initech"):
        stage.refuse(name, route="flows.clone", status=401, code="unauthorized")

    ended = stage.apply()

    assert ended.code == 6
    assert ended.tenants["berlin"]["outcome"] == "done"
    assert ended.document["counts"]["pending"] == 3


def test_no_account_that_works_is_exit_code_4(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("US_TOKEN", "wrong")

    ended = stage.apply()

    assert (ended.code, stage.writes) == (4, [])
    assert "does not accept the token" in ended.err


def test_no_account_that_works_is_exit_code_4_on_the_way_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    stage.apply()
    monkeypatch.setenv("US_TOKEN", "wrong")

    ended = stage.apply()

    assert ended.code == 4


def test_an_api_that_cannot_be_reached_is_exit_code_4(stage: Stage) -> None:
    stage.manifest["accounts"][US]["url"] = "http://127.0.0.1:9"

    ended = stage.apply()

    assert ended.code == 4
    assert "cannot be reached" in ended.err


def test_a_redirect_is_not_followed_and_stops_the_account(stage: Stage) -> None:
    elsewhere = {"Location": "http://localhost:1/v1/flows"}
    stage.befall(Rule(action="refuse", route="flows.clone", status=307, headers=elsewhere))

    ended = stage.apply()

    assert ended.code == 6
    assert "redirect" in ended.document["reason"]


def test_a_token_of_another_account_writes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    digest = stage.run("plan", "--json").document["plan"]
    stage.forget_requests()
    monkeypatch.setenv("US_TOKEN", token_of(EU))

    ended = stage.apply("--plan", digest)

    assert ended.code in {4, 6}
    assert stage.writes == []


def test_two_names_for_one_account_share_it(stage: Stage) -> None:
    stage.manifest["accounts"]["also"] = dict(stage.manifest["accounts"][US])
    stage.columns["globex"] = {"account": "also"}

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]


def test_accounts_are_asked_side_by_side_and_entries_of_one_share_the_budget_of_the_first(tmp_path: Path) -> None:
    entries = {f"entry-{number}": {"rate": {"per_second": 10.0 + number}} for number in range(30)}
    simulator = Simulator(seed([US, EU], 1), Knobs(latency={"tokenInfo": 0.3}))
    env = {"US_TOKEN": token_of(US)}

    async def opened() -> tuple[list[str], set[float]]:
        async with serving(simulator) as url:
            accounts = {
                name: Account.model_validate({**entry, "url": url, "token": "env:US_TOKEN"})
                for name, entry in entries.items()
            }
            accounts["gone"] = accounts["entry-0"].model_copy(update={"token": "env:NO_TOKEN"})
            opening = Opening(
                env, tmp_path, Safety(), Random(0), lambda _: None, None, tmp_path, Vault(None, env, tmp_path)
            )
            async with open_accounts(accounts, opening) as (answering, refused):
                assert list(refused) == ["gone"]
                return list(answering), {account.limiter.rate for account in answering.values()}

    began = time.monotonic()
    names, rates = anyio.run(opened)
    assert time.monotonic() - began < 0.5 * len(entries) * 0.3
    assert (names, rates) == (list(entries), {0.985 * 10})
