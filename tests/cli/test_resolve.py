"""`deployer resolve`: a person's word about a run that may or may not have started."""

import pytest

from deployer.simulator import Customer, Rule
from tests.engine.stage import US, Stage

pytestmark = pytest.mark.anywhere


@pytest.fixture
def alone(stage: Stage) -> Stage:
    """Return a stage with one tenant whose flow is run and followed."""
    stage.tenants = {"acme": Customer(US, 0)}
    stage.run_flows()
    return stage


def _in_doubt(stage: Stage) -> str:
    """Leave acme's run in doubt, though it happened; return the job."""
    stage.manifest["flow"]["schedule"] = "5 * * * *"
    stage.befall(Rule(action="lose", route="flows.run", nth=1, applied=True))
    assert stage.apply().tenants["acme"]["outcome"] == "unknown"
    [effect] = stage.effects("run")
    return str(effect["jobs"][0])


def test_a_person_says_that_a_job_is_the_run(alone: Stage) -> None:
    job = _in_doubt(alone)

    said = alone.run("resolve", "acme", "--took", job)
    ended = alone.apply()

    assert said.code == 0, said.err
    assert ended.code == 0, ended.err
    assert ended.tenants["acme"]["jobs"] == [job]
    assert alone.sent("flows.run") == 1


def test_a_person_says_that_a_run_did_not_happen(alone: Stage) -> None:
    _in_doubt(alone)

    alone.run("resolve", "acme", "--retry")
    ended = alone.apply()

    assert ended.code == 0, ended.err
    assert alone.sent("flows.run") == 2


def test_a_person_leaves_a_tenant_as_it_is(alone: Stage) -> None:
    _in_doubt(alone)

    alone.run("resolve", "acme", "--skip")
    ended = alone.apply()

    assert ended.code == 0
    assert ended.tenants["acme"]["outcome"] == "skipped"
    assert alone.sent("flows.run") == 1


def test_a_job_of_another_flow_is_not_taken(alone: Stage) -> None:
    _in_doubt(alone)
    alone.tenants["globex"] = Customer(US, 1)
    account = alone.simulator.world.accounts[US]
    other = next(flow for flow in account.documents["flows"] if flow != alone.flow("acme")["_id"])
    alone.befall(Rule(action="start", route="tokenInfo", flow=other, nth=1))

    alone.run("validate")
    alone.run("plan")
    [job, *_] = account.jobs_of_flow[other]
    said = alone.run("resolve", "acme", "--took", job.id)

    assert said.code == 6
    assert job.id in said.err


@pytest.mark.parametrize("words", [(), ("--retry", "--skip"), ("--took", "x" * 24, "--skip")])
def test_resolve_wants_exactly_one_decision(alone: Stage, words: tuple[str, ...]) -> None:
    _in_doubt(alone)

    assert alone.run("resolve", "acme", *words).code == 2


def test_resolve_refuses_a_tenant_that_waits_for_nobody(alone: Stage) -> None:
    alone.apply()

    said = alone.run("resolve", "acme", "--retry")

    assert said.code == 2
    assert "acme" in said.err


def test_run_waits_for_a_run_in_doubt_to_be_resolved(alone: Stage) -> None:
    _in_doubt(alone)

    ended = alone.run("run", "--json")

    assert ended.code != 0
    assert alone.sent("flows.run") == 1
