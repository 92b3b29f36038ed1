"""Waves: nobody of the next one begins before the last ended well, and what goes wrong stays as small as was said."""

import json
from datetime import datetime
from typing import Any

import pytest

from deployer.simulator import Customer, Rule
from tests.engine.stage import EU, US, Stage, template

pytestmark = pytest.mark.anywhere


def many(stage: Stage, count: int, **waves: Any) -> None:  # noqa: ANN401 - JSON
    """Let so many tenants be rolled out in waves."""
    stage.tenants = {f"tenant-{number:02}": Customer(US, number) for number in range(count)}
    stage.manifest["waves"] = waves


def outcomes(stage: Stage, status: str) -> list[str]:
    return [name for name, tenant in stage.status().items() if tenant["outcome"] == status]


def arrived(stage: Stage) -> list[str]:
    """Return the tenants in the order of their clones."""
    integrations = {stage.integration(name): name for name in stage.tenants}
    made = sorted((effect["n"], name) for name in stage.tenants for effect in stage.effects("clone", name))
    assert len(integrations) == len(stage.tenants)
    return [name for _, name in made]


def test_the_plan_shows_who_is_in_which_wave_and_how_many_can_fail(stage: Stage) -> None:
    many(stage, 8, sizes=[1, 2, "50%"], tolerance=1, mode="strict")

    plan = stage.run("plan", "--json").document
    told = stage.run("plan")

    assert [wave["size"] for wave in plan["waves"]] == [1, 2, 4, 1]
    assert [tenant["wave"] for tenant in plan["tenants"]] == [1, 2, 2, 3, 3, 3, 3, 4]
    assert plan["blast_radius"] == 1 + 1 + 2
    assert "waves wave 1: 1 (1 tolerated) · wave 2: 2 (1 tolerated)" in told.out
    assert "of 8 tenants with work, strict" in told.out
    assert "at most 4 tenants can fail before it stops" in told.out


def test_a_wave_begins_when_the_one_before_has_ended(stage: Stage) -> None:
    many(stage, 6, sizes=[1, 2])

    ended = stage.apply()

    assert ended.code == 0, ended.err
    order = [stage.tenants[name].number for name in arrived(stage)]
    assert (order[0], set(order[1:3]), set(order[3:5]), order[5]) == (0, {1, 2}, {3, 4}, 5)


def test_one_failure_more_than_tolerated_stops_before_the_next_wave(stage: Stage) -> None:
    many(stage, 6, sizes=[2], tolerance=1)
    for name in ("tenant-02", "tenant-03"):
        stage.refuse(name)
    stage.refuse("tenant-00")  # tolerated

    ended = stage.apply()

    assert ended.code == 6
    assert ended.document["outcome"] == "halted"
    assert ended.document["reason"] == "wave 2: 2 failed, 1 tolerated"
    assert outcomes(stage, "pending") == ["tenant-04", "tenant-05"]
    assert outcomes(stage, "failed") == ["tenant-00", "tenant-02", "tenant-03"]


def test_what_stopped_is_gone_on_with_once_the_failed_are_well(stage: Stage) -> None:
    many(stage, 3, sizes=[1])
    stage.refuse("tenant-00")
    assert stage.apply().code == 6
    assert stage.apply().code == 6  # nothing is mended, and nobody else begins
    assert outcomes(stage, "pending") == ["tenant-01", "tenant-02"]
    stage.mend()

    ended = stage.run("resume", "--failed", "--json")

    assert (ended.code, ended.document["outcome"]) == (0, "succeeded")


def test_in_strict_mode_no_more_begin_than_may_still_fail(stage: Stage) -> None:
    many(stage, 6, sizes=[6], tolerance=1, mode="strict")
    for name in stage.tenants:
        stage.refuse(name)

    ended = stage.apply()

    assert ended.code == 6
    assert (len(outcomes(stage, "failed")), len(outcomes(stage, "pending"))) == (2, 4)


def test_what_everybody_fails_with_halts_also_where_each_wave_tolerates_it(stage: Stage) -> None:
    many(stage, 6, sizes=[1], tolerance=1)
    stage.befall(Rule(action="refuse", route="flows.clone", id=template(), status=422, code="invalid_ref"))

    ended = stage.apply()

    assert ended.code == 6
    assert "the first 3 tenants all fail to clone with invalid_ref" in ended.document["reason"]
    assert (len(outcomes(stage, "failed")), len(outcomes(stage, "pending"))) == (3, 3)


def test_no_more_tenants_are_under_way_than_the_wave_allows(stage: Stage) -> None:
    many(stage, 8, sizes=[8], concurrency=2)
    stage.run_flows()

    ended = stage.apply()

    assert ended.code == 0, ended.err
    under_way: set[str] = set()
    most = 0
    steps = sorted(
        (effect["n"], kind, name)
        for name in stage.tenants
        for kind in ("clone", "run")
        for effect in stage.effects(kind, name)
    )
    for _, kind, name in steps:
        (under_way.add if kind == "clone" else under_way.discard)(name)
        most = max(most, len(under_way))
    assert most <= 2


def test_an_account_that_stops_stops_the_wave_in_every_account(stage: Stage) -> None:
    stage.add_account()
    many(stage, 3, sizes=[4, 2])
    stage.tenants["other"] = Customer(EU, 0)
    stage.tenants |= {f"late-{number}": Customer(EU, 1 + number) for number in range(2)}
    stage.befall(Rule(action="refuse", route="flows.clone", id=stage.manifest["template"]["flow"], status=401))

    ended = stage.apply()

    assert ended.code == 6, ended.err
    assert {"late-0", "late-1"} <= set(outcomes(stage, "pending"))


def test_tenants_of_a_wave_are_those_with_its_labels(stage: Stage) -> None:
    many(stage, 4)
    stage.manifest["waves"] = [{"name": "canary", "select": "ring=canary"}, {"name": "rest", "size": "rest"}]
    stage.columns = {name: {"label.ring": "canary" if name == "tenant-02" else "late"} for name in stage.tenants}

    assert [tenant["wave"] for tenant in stage.run("plan", "--json").document["tenants"]] == [2, 2, 1, 2]


@pytest.mark.parametrize(
    ("waves", "said"),
    [
        ([{"size": 1}], "waves: tenant-01 is in none"),
        ([{"select": "ring=a"}, {"select": "tier=gold"}], "waves: tenant-00 is in wave 1 and in wave 2"),
    ],
)
def test_a_tenant_in_two_waves_or_in_none_is_named(stage: Stage, waves: list[object], said: str) -> None:
    many(stage, 2)
    stage.manifest["waves"] = waves
    stage.columns = {name: {"label.ring": "a", "label.tier": "gold"} for name in stage.tenants}

    ended = stage.run("plan")

    assert (ended.code, said in ended.err) == (6, True), ended.err


def test_a_wave_bakes_before_the_next(stage: Stage) -> None:
    many(stage, 2, sizes=[1], bake={"min": "1200ms"})

    ended = stage.apply("--events", "events.jsonl")

    assert ended.code == 0, ended.err
    first, second = (datetime.fromisoformat(stage.effects("clone", name)[0]["time"]) for name in stage.tenants)
    assert (second - first).total_seconds() >= 1.2
    told = [json.loads(line) for line in (stage.directory / "events.jsonl").read_text("utf-8").splitlines()]
    assert [event["event"] for event in told if event["event"].startswith("wave.")] == [
        "wave.started",
        "wave.baking",
        "wave.released",
        "wave.started",
    ]


def test_a_bake_that_was_cut_short_is_not_begun_again(stage: Stage) -> None:
    many(stage, 2, sizes=[1], bake={"min": "2s"})
    assert stage.apply("--timeout", "1s").code == 5
    assert outcomes(stage, "pending") == ["tenant-01"]

    ended = stage.apply("--timeout", "1700ms")

    assert ended.code == 0, ended.err


def test_a_tenant_that_failed_before_something_was_left_counts_once_however_often_its_wave_is_gone_through(
    stage: Stage,
) -> None:
    many(stage, 5, sizes=[3, 2], tolerance=1, approve=True)
    stage.run_flows()
    stage.refuse("tenant-00")
    waiting = stage.apply()
    assert (waiting.code, waiting.document["outcome"]) == (5, "waiting")

    assert stage.run("approve", "--plan", waiting.document["plan"]).code == 0
    ended = stage.run("resume", "--json")

    assert (ended.code, ended.document["outcome"]) == (3, "succeeded_with_failures"), ended.document["reason"]
    assert outcomes(stage, "done") == ["tenant-01", "tenant-02", "tenant-03", "tenant-04"]
