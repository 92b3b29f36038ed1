"""Copies that should not exist are named, and nothing is changed."""

import time

import pytest

from deployer.domain.identity import InstanceKey
from deployer.simulator import Rule
from tests.engine.stage import SOON, Stage, template

SURPLUS = "f" * 24


def test_where_all_is_well_nothing_is_found_and_nothing_is_left_behind(stage: Stage) -> None:
    ended = stage.run("sweep")
    assert (ended.code, ended.out) == (0, "nothing is there that should not be\n")
    assert not (stage.directory / ".deployer").exists()
    stage.apply()
    assert stage.run("sweep").code == 0


def test_a_clone_that_lands_after_settle_is_named_as_untouched_beside_the_instance(stage: Stage) -> None:
    """The promise needs that a request is applied within `settle`; here that is broken."""
    stage.tenants = {"acme": stage.tenants["acme"]}
    stage.befall(Rule(action="late", route="flows.clone", seconds=3.0, nth=1))
    ours = stage.apply().tenants["acme"]["flow"]
    stage.forget_requests()

    until = time.monotonic() + SOON
    while (ended := stage.run("sweep", "--json")).code == 0 and time.monotonic() < until:
        continue  # the clone has not landed yet
    [surplus] = [flow["_id"] for flow in stage.flows() if flow["_id"] != ours]

    assert (ended.code, stage.writes, len(stage.flows())) == (3, [], 2)
    assert ended.document["copies"] == [
        {
            "tenant": "acme",
            "account": "acme-us",
            "integration": stage.integration(),
            "instance": ours,
            "flow": surplus,
            "doubt": None,
        }
    ]


def test_a_copy_where_the_manifest_names_no_tenant_is_named_as_such(stage: Stage) -> None:
    stage.apply()
    stage.keep("acme", {**stage.flow("acme"), "_id": SURPLUS, "createdAt": "2099-01-01T00:00:00.000Z"})
    del stage.tenants["acme"]
    ended = stage.run("sweep")
    assert f"surplus flow {SURPLUS}" in ended.out
    assert "which the manifest does not name" in ended.out


def test_the_parts_of_a_half_clone_are_named(stage: Stage) -> None:
    stage.befall(Rule(action="half", route="flows.clone", nth=1))
    stage.apply()
    stage.mend()
    [half] = stage.effects("half")
    ended = stage.run("sweep", "--json")
    assert (ended.code, ended.document["copies"]) == (3, [])
    assert sorted(stray["id"] for stray in ended.document["strays"]) == sorted(half["parts"])
    assert "no flow uses it" in stage.run("sweep").out


def test_a_copy_is_in_doubt_while_a_call_of_its_tenant_is(stage: Stage) -> None:
    stage.run_flows()
    stage.befall(Rule(action="lose", route="flows.run", id=stage.integration("globex"), nth=1))
    stage.apply()
    ours = stage.flow("globex")
    newborn = {"name": f"Orders · {InstanceKey(template(), stage.integration('globex')).marker}", "disabled": True}
    stamp = "2099-01-01T00:00:00.000Z"
    stage.keep("globex", {**ours, **newborn, "_id": SURPLUS, "createdAt": stamp, "lastModified": stamp})
    [copy] = stage.run("sweep", "--json").document["copies"]
    assert (copy["instance"], copy["flow"]) == (ours["_id"], SURPLUS)
    assert "deployer resolve globex" in copy["doubt"]


def test_an_account_that_cannot_be_opened_is_named_and_the_others_are_swept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.add_account()
    monkeypatch.delenv("EU_TOKEN")
    ended = stage.run("sweep")
    assert (ended.code, "not swept: account acme-eu: " in ended.out) == (3, True)
