"""The plan: steps of an action, requests, counts."""

from dataclasses import replace

import pytest

from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import REQUESTS, Action, Totals, steps_for
from tests.factories import INTEGRATION, TEMPLATE, crowd, plan, planned, verdicts

# action, options, steps
STEPS = """
create                        clone configure
create     file               create configure
create     trigger            clone configure run
create     trigger+follow     clone configure run follow
create     file+trigger       create configure run
create     follow             clone configure
update                        configure
update     trigger+follow     configure run follow
adopt                         configure
adopt      trigger            configure run
run                           run
run        follow             run follow
no_change  trigger+follow
blocked    trigger+follow
"""


@pytest.mark.parametrize("row", [line for line in STEPS.splitlines() if line])
def test_an_action_has_its_steps_in_order(row: str) -> None:
    options = set(row[11:30].strip().split("+"))
    steps = steps_for(
        Action(row[:11].strip()), from_file="file" in options, trigger="trigger" in options, follow="follow" in options
    )
    assert list(steps) == [StepKind(word) for word in row[30:].split()]


def test_the_requests_of_a_plan_are_those_of_its_steps() -> None:
    assert plan(*crowd(3)).requests == 3 * (2 + 2)
    assert set(REQUESTS) == set(StepKind)


def test_work_is_what_has_steps_and_actions_add_up() -> None:
    idle = planned("idle", action=Action.NO_CHANGE, steps=())
    found = plan(*crowd(2), *crowd(1, account="other"), idle)
    assert found.work == 3
    assert found.totals.work == {"main": 2, "other": 1}
    assert found.totals.requests == {"main": 8, "other": 4}
    assert found.totals.actions == {Action.CREATE: 3, Action.NO_CHANGE: 1}
    assert found.revision == "r" * 64


def test_who_has_a_flow_exists_unless_it_is_only_run() -> None:
    kept = planned("kept", action=Action.NO_CHANGE, steps=(), flow="flow0001")
    drifted = replace(kept, changes=(Change(("name",), "a", "b", Verdict.DRIFT),))
    run = planned("run", action=Action.RUN, steps=(StepKind.RUN,), flow="flow0002")
    totals = Totals.of([kept, drifted, run, *crowd(1)])
    assert (totals.existing, totals.drifted) == (2, 1)


def test_a_planned_tenant_knows_its_key_and_verdicts() -> None:
    found = planned(changes=[Change(("name",), "a", "b", Verdict.UPDATE)])
    assert found.key == InstanceKey(TEMPLATE, INTEGRATION)
    assert verdicts(found) == {("name",): Verdict.UPDATE}
