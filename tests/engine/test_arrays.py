"""Lists that are merged by their elements, all the way to the flow and back."""

from typing import Any

import pytest

from deployer.simulator import Knobs
from tests.engine.stage import Stage

STORES = [{"id": 7, "name": "North"}, {"id": 8, "name": "South"}]


def settings(stage: Stage) -> Any:  # noqa: ANN401 - JSON
    return stage.manifest["flow"]["settings"]


def lists(stage: Stage, name: str = "acme") -> tuple[Any, Any]:
    there = stage.flow(name)["settings"]
    return there["tags"], there["stores"]


@pytest.fixture
def merging(stage: Stage) -> Stage:
    """Return a stage on which a set and a list by key are deployed, with the ledger emptied."""
    stage.manifest["flow"]["settings"] = {"tags": ["a", 1], "stores": [dict(store) for store in STORES]}
    stage.manifest["merge"] = {"settings.tags": "set", "settings.stores": {"by_key": "id"}}
    ended = stage.apply()
    assert ended.code == 0, ended.err
    stage.forget_requests()
    return stage


def others_edit(stage: Stage) -> None:
    """Let somebody add to both lists, turn them round, and add to an element of ours."""
    theirs = [{"id": 9}, {"id": 8, "name": "South", "open": True}, {"id": 7, "name": "North"}]
    stage.edit("acme", settings={"tags": ["theirs", 1, "a"], "stores": theirs})


def test_a_second_apply_writes_nothing_whatever_others_added(merging: Stage) -> None:
    assert lists(merging) == (["a", 1], STORES)
    others_edit(merging)

    ended = merging.apply()

    assert (ended.code, merging.writes) == (0, [])
    assert {tenant["action"] for tenant in merging.plan().values()} == {"no_change"}


def test_ours_come_and_go_and_what_others_put_in_stays(merging: Stage) -> None:
    others_edit(merging)
    settings(merging)["tags"] = ["b", "a"]
    settings(merging)["stores"] = [{"id": 8, "name": "Far South"}, {"id": 5}]

    ended = merging.apply()
    merging.forget_requests()
    again = merging.apply()

    assert (ended.code, again.code, merging.writes) == (0, 0, []), ended.err
    assert lists(merging) == (
        ["theirs", "a", "b"],
        [{"id": 9}, {"id": 8, "name": "Far South", "open": True}, {"id": 5}],
    )
    assert lists(merging, "globex") == (["a", "b"], [{"id": 8, "name": "Far South"}, {"id": 5}])


def test_a_field_of_an_element_that_both_changed_is_in_conflict_and_chosen_for_alone(merging: Stage) -> None:
    merging.edit("acme", settings={"tags": ["a", 1], "stores": [{"id": 7, "name": "Theirs"}, STORES[1]]})
    settings(merging)["stores"][0]["name"] = "Ours"
    settings(merging)["tags"] = ["a"]

    planned = merging.plan()["acme"]
    ended = merging.apply("--ours", "acme:settings.stores[id=7]")

    assert planned["action"] == "blocked"
    assert "settings.stores[id=7].name" in planned["reason"]
    assert ended.code == 0, ended.err
    assert lists(merging) == (["a"], [{"id": 7, "name": "Ours"}, STORES[1]])


def test_live_elements_that_cannot_be_told_apart_block_their_tenant(merging: Stage) -> None:
    merging.edit("acme", settings={"tags": ["a", 1], "stores": [*STORES, {"id": 7}]})
    settings(merging)["tags"] = ["b"]

    ended = merging.apply("--ours", "acme")

    assert ended.code == 3
    assert "settings.stores: its elements cannot be told apart" in ended.tenants["acme"]["error"]["message"]
    assert len(lists(merging)[1]) == len(STORES) + 1
    assert lists(merging, "globex") == (["b"], STORES)


def test_what_the_manifest_drops_goes_and_the_rest_of_the_list_stays(merging: Stage) -> None:
    others_edit(merging)
    merging.manifest["flow"]["settings"] = {}
    del merging.manifest["merge"]

    ended = merging.apply()

    assert ended.code == 0, ended.err
    assert lists(merging) == (["theirs"], [{"id": 9}])


def test_a_list_that_was_replaced_becomes_a_set_without_a_write(merging: Stage) -> None:
    merging.manifest["merge"] = {}
    switched = merging.apply()
    merging.manifest["merge"] = {"settings.tags": "set", "settings.stores": {"by_key": "id"}}
    back = merging.apply()
    merging.forget_requests()
    settings(merging)["tags"] = ["a"]
    last = merging.apply()

    assert (switched.code, back.code, last.code) == (0, 0, 0), (switched.err, back.err, last.err)
    assert merging.writes == ["flows.put"] * 3
    assert lists(merging)[0] == ["a"]


def test_a_server_that_gives_numbers_back_as_text_is_not_written_to_again(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(settings_as_text=True)
    stage.manifest["flow"]["settings"] = {"tags": [1, True, "a"], "stores": STORES}
    stage.manifest["merge"] = {"settings.tags": "set", "settings.stores": {"by_key": "id"}}
    first = stage.apply()
    stage.forget_requests()

    again = stage.apply()
    untouched = list(stage.writes)
    settings(stage)["tags"] = [True, 2]
    changed = stage.apply()

    assert (first.code, again.code, changed.code, untouched) == (0, 0, 0, []), first.err + changed.err
    assert lists(stage)[0] == ["true", "2"]


def test_a_rollback_takes_out_what_the_rollout_put_in_and_leaves_what_others_did(merging: Stage) -> None:
    settings(merging)["tags"] = ["a", "new"]
    settings(merging)["stores"] = [{"id": 7, "name": "New"}, {"id": 5, "name": "East"}]
    merging.apply()
    now = merging.flow()["settings"]
    merging.edit("acme", settings={"tags": [*now["tags"], "theirs"], "stores": [*now["stores"], {"id": 9}]})

    ended = merging.run("rollback", "--yes", "--json")

    assert ended.code == 0, ended.err
    tags, stores = lists(merging)
    assert (sorted(map(str, tags)), sorted(stores, key=lambda store: store["id"])) == (
        ["1", "a", "theirs"],
        [*STORES, {"id": 9}],
    )


def test_each_tenant_has_its_own_elements(stage: Stage) -> None:
    stage.manifest["flow"]["settings"] = {"tags": ["${tenant.values.region}", "all"]}
    stage.manifest["merge"] = {"settings.tags": "set"}

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert stage.flow()["settings"]["tags"] == ["us-east", "all"]
