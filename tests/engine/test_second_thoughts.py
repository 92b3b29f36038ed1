"""What a plan or a person said once, when the world has moved on: nothing is done twice, and nothing is forgotten."""

import pytest

from deployer.domain.identity import InstanceKey
from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import US, Stage, template


@pytest.fixture
def alone(stage: Stage) -> Stage:
    """Return a stage with one tenant."""
    stage.tenants = {"acme": Customer(US, 0)}
    return stage


def _saved(stage: Stage) -> str:
    return str(stage.run("plan", "--json").document["plan"])


def _appeared(stage: Stage, **fields: object) -> dict[str, object]:
    """Let a colleague's deployer have made acme's flow; return it."""
    marker = InstanceKey(template(), stage.integration()).marker
    model = stage.simulator.world.accounts[US].find("flows", template())
    told = {"description": f"Managed by deployer · order-sync · {marker}", "_sourceId": template()}
    stage.keep("acme", {**model, **told, "_id": "a" * 24, **fields})
    return stage.flow()


def test_a_saved_plan_is_applied_once(stage: Stage) -> None:
    stage.run_flows()
    digest = _saved(stage)

    first = stage.apply("--plan", digest)
    second = stage.apply("--plan", digest)

    assert first.code == 0, first.err
    assert second.code == 6
    assert "applied already" in second.err
    assert len(stage.effects("run")) == 3


def test_a_saved_plan_does_not_undo_what_a_person_did_since_it_was_applied(stage: Stage) -> None:
    digest = _saved(stage)
    stage.apply("--plan", digest)
    stage.edit("acme", name="By hand")

    stage.apply("--plan", digest)

    assert stage.flow("acme")["name"] == "By hand"


def test_a_saved_plan_is_refused_where_a_call_in_doubt_stands_in_its_way(alone: Stage) -> None:
    alone.run_flows()
    digest = _saved(alone)
    alone.manifest["flow"]["settings"]["batchSize"] = 300
    alone.befall(Rule(action="lose", route="flows.run", nth=1))
    alone.apply()
    alone.manifest["flow"]["settings"]["batchSize"] = 200

    ended = alone.apply("--plan", digest)

    assert ended.code == 6
    assert "deployer resolve acme" in ended.err
    assert alone.sent("flows.run") == 1


def test_a_flow_that_a_colleague_made_since_the_plan_is_not_written_over(stage: Stage) -> None:
    digest = _saved(stage)
    before = _appeared(stage, name="A colleague's", disabled=True, settings={"region": "mars"})

    ended = stage.apply("--plan", digest)

    assert ended.tenants["acme"]["outcome"] == "stale"
    assert stage.flow("acme") == before
    assert ended.document["counts"]["done"] == 2


def test_what_went_stale_halts_nobody(stage: Stage) -> None:
    stage.one_at_a_time(5)
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    digest = _saved(stage)
    for number in range(3):
        stage.edit(f"tenant-{number}", settings={"region": "us-east", "batchSize": 999})

    ended = stage.apply("--plan", digest)

    assert ended.code == 3
    assert (ended.document["counts"]["stale"], ended.document["counts"]["done"]) == (3, 2)


def test_a_run_repeated_at_a_persons_word_is_planned_though_a_newer_rollout_began(stage: Stage) -> None:
    stage.run_flows()
    stage.befall(Rule(action="lose", route="flows.run", nth=1))
    lost = stage.apply()
    [name] = [name for name, tenant in lost.tenants.items() if tenant["outcome"] == "unknown"]
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    between = stage.apply("--allow", "many-updates")
    stage.manifest["flow"]["settings"]["batchSize"] = 200
    stage.run("resolve", name, "--retry")

    planned = stage.plan()[name]
    ended = stage.apply("--allow", "many-updates")

    assert between.tenants[name]["outcome"] == "blocked"
    assert planned["action"] == "run"
    assert ended.code == 0, ended.err
    assert len(stage.effects("run", name)) == 1


def test_a_run_that_failed_is_told_of_and_not_repeated_unasked(alone: Stage) -> None:
    alone.run_flows()
    alone.simulator.knobs = Knobs(job_duration=0.0, job_outcome={"*": 3})
    alone.apply()

    planned = alone.plan()["acme"]
    alone.apply()

    assert planned["action"] == "no_change"
    assert "its last run failed" in planned["reason"]
    assert len(alone.effects("run")) == 1


def test_a_flow_that_was_born_and_never_configured_is_not_run(alone: Stage) -> None:
    alone.simulator.knobs = Knobs(clone_disabled=False)
    alone.refuse("acme")
    alone.apply()
    alone.mend()

    ended = alone.run("run", "--json")

    assert ended.tenants["acme"]["outcome"] == "blocked"
    assert "not deployed yet" in ended.tenants["acme"]["error"]["message"]
    assert alone.effects("run") == []
