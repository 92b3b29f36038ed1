"""Copies that should not exist are named, and deleted where nobody can need them."""

import json
import time
from collections.abc import Mapping

import pytest

from deployer.domain.identity import InstanceKey
from deployer.simulator import Customer, Rule
from tests.engine.stage import EU, SOON, US, Ended, Stage, template

SURPLUS = "f" * 24


def test_where_all_is_well_nothing_is_found_and_nothing_is_left_behind(stage: Stage) -> None:
    ended = stage.run("sweep")
    assert (ended.code, ended.out) == (0, "nothing is there that should not be\n")
    assert not (stage.directory / ".deployer").exists()
    stage.apply()
    assert stage.run("sweep").code == 0


def test_an_account_that_cannot_be_read_is_named_and_stops_no_other(stage: Stage) -> None:
    stage.add_account()
    stage.tenants["umbrella"] = Customer(EU, 0)
    stage.apply()
    doubled(stage)
    stage.befall(Rule(action="refuse", status=403, code="forbidden", route="flows.get", id=template(EU)))

    ended, told = stage.run("sweep", "--json"), stage.run("sweep")

    assert (ended.code, [copy["flow"] for copy in ended.document["copies"]]) == (3, [SURPLUS])
    [refused] = ended.document["refused"]
    assert refused["account"] == EU
    assert f"template flow {template(EU)}: the API says no (403)" in refused["reason"]
    assert f"not swept: account {EU}: {refused['reason'][:40]}" in told.out


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


STAMP = "2099-01-01T00:00:00.000Z"


def doubled(stage: Stage, changed: Mapping[str, object] | None = None) -> None:
    """Let acme have a second clone, with an export and an import of its own, that nobody touched but as `changed`."""
    key = InstanceKey(template(), stage.integration())
    account = stage.simulator.world.accounts[US]
    parts = {}
    for kind, field in (("exports", "_exportId"), ("imports", "_importId")):
        source = account.find("flows", template())[field]
        copy = {**account.find(kind, source), "_id": f"{kind[0]}{'c' * 23}", "_sourceId": source}
        account.keep(kind, {**copy, "createdAt": STAMP, "lastModified": STAMP})
        parts[field] = copy["_id"]
    born = {"_id": SURPLUS, "name": f"Orders · {key.marker}", "_sourceId": template(), "disabled": True, **parts}
    stage.keep("acme", {**born, "createdAt": STAMP, "lastModified": STAMP, **(changed or {})})


def left(ended: Ended) -> dict[str, str | None]:
    return {removal["id"]: removal["left"] for removal in ended.document["removals"]}


def sweep(stage: Stage) -> Ended:
    return stage.run("sweep", "--delete", "--yes", "--json")


def test_an_untouched_copy_goes_with_what_only_it_used_and_a_second_sweep_finds_nothing(stage: Stage) -> None:
    stage.apply()
    ours = stage.flow("acme")
    doubled(stage)
    stage.forget_requests()

    ended = sweep(stage)

    assert (ended.code, left(ended)) == (0, {SURPLUS: None, "e" + "c" * 23: None, "i" + "c" * 23: None})
    assert stage.writes == ["flows.delete", "exports.delete", "imports.delete"]
    assert stage.flow("acme") == ours
    assert {ours["_exportId"]} <= stage.simulator.world.accounts[US].documents["exports"].keys()
    assert (sweep(stage).code, stage.apply().code) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"_sourceId": "another1"}, "it was not cloned from the template"),
        ({"lastModified": "2099-01-02T00:00:00.000Z"}, "it was changed after it was made"),
        ({"disabled": False, "schedule": "? 5 * ? * *"}, "it is enabled and has a schedule"),
        ({"lastExecutedAt": STAMP}, "it has run"),
    ],
)
def test_a_copy_that_anybody_may_need_is_left_and_said_why(stage: Stage, changed: dict[str, object], why: str) -> None:
    stage.apply()
    doubled(stage, changed)
    stage.forget_requests()
    ended = sweep(stage)
    assert (ended.code, left(ended), stage.writes) == (3, {SURPLUS: why}, [])


def test_a_copy_that_is_touched_after_the_look_is_left(stage: Stage) -> None:
    stage.apply()
    doubled(stage)
    stage.befall(Rule(action="edit", route="flows.get", id=SURPLUS, fields={"note": "a person's"}, nth=1))
    ended = sweep(stage)
    assert (ended.code, left(ended)) == (3, {SURPLUS: "it was changed after it was made"})
    assert len(stage.flows("acme")) == 2


def test_a_copy_of_whoever_is_not_in_the_manifest_is_left(stage: Stage) -> None:
    stage.apply()
    doubled(stage)
    del stage.tenants["acme"]
    assert left(sweep(stage)) == {SURPLUS: "the manifest does not name its integration"}


def test_a_part_that_another_flow_uses_stays(stage: Stage) -> None:
    stage.apply()
    doubled(stage)
    stage.edit("globex", _exportId="e" + "c" * 23)
    assert left(sweep(stage))["e" + "c" * 23] == "a flow uses it"


@pytest.mark.parametrize(
    ("applied", "why"), [(True, None), (False, "the API was told to delete it, and it is still there")]
)
def test_a_delete_that_nobody_answered_is_found_out_by_reading(stage: Stage, applied: bool, why: str | None) -> None:
    stage.apply()
    doubled(stage)
    stage.befall(Rule(action="lose", route="flows.delete", applied=applied))
    stage.forget_requests()
    assert left(sweep(stage))[SURPLUS] == why
    assert stage.sent("flows.delete") == 1


def test_nothing_is_deleted_where_nobody_confirms(stage: Stage) -> None:
    stage.apply()
    doubled(stage)
    stage.forget_requests()
    ended = stage.run("sweep", "--delete")
    assert (ended.code, stage.writes, SURPLUS in ended.err) == (2, [], True)


def test_nothing_is_deleted_where_another_journals_deployer_died(stage: Stage) -> None:
    stage.apply()
    doubled(stage)
    [lock] = (stage.directory.parent / "state" / "deployer" / "locks").glob("*.lock")
    content = json.loads(lock.read_text("utf-8"))
    lock.write_text(json.dumps({**content, "journals": ["/elsewhere/journal.db"]}), "utf-8")
    assert "another journal's deployer died" in str(left(sweep(stage))[SURPLUS])
    assert json.loads(lock.read_text("utf-8"))["journals"] != []  # it is still to be waited for


def test_a_copy_where_the_manifest_names_no_tenant_is_named_as_such(stage: Stage) -> None:
    stage.apply()
    stage.keep("acme", {**stage.flow("acme"), "_id": SURPLUS, "createdAt": "2099-01-01T00:00:00.000Z"})
    del stage.tenants["acme"]
    ended = stage.run("sweep")
    assert f"surplus flow {SURPLUS}" in ended.out
    assert "which the manifest does not name" in ended.out
    assert ended.out.endswith("deployer sweep rollout.yaml --delete\n")


def test_the_parts_of_a_half_clone_are_named(stage: Stage) -> None:
    stage.befall(Rule(action="half", route="flows.clone", nth=1))
    stage.apply()
    stage.mend()
    [half] = stage.effects("half")
    ended = stage.run("sweep", "--json")
    assert (ended.code, ended.document["copies"]) == (3, [])
    assert sorted(stray["id"] for stray in ended.document["strays"]) == sorted(half["parts"])
    shown = stage.run("sweep").out
    assert "no flow uses it" in shown
    assert "Look at each part in integrator.io" in shown
    assert "--delete" not in shown  # it would delete none of them


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
