"""One tenant's share of a rollout: how its steps fold into one status."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.deployment import Deployment, Instance, Moment, Status, Step, before_image, count, status_of
from deployer.domain.documents import MISSING, Json
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.merge3 import Change, Memory, Verdict
from deployer.domain.plan import Action
from deployer.domain.resources import PlannedResource, ResourceKey, ResourceKind
from deployer.errors import TransitionError
from tests.factories import deployment, planned

# The states of the steps, in order, and the status they fold into.
TABLE = """
ready     ready     pending
intended  ready     running
done      ready     running
done      intended  running
done      done      done
failed    ready     failed
done      failed    failed
unknown   ready     unknown
done      unknown   unknown
skipped   ready     skipped
done      skipped   skipped
cancelled cancelled cancelled
done      cancelled cancelled
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_the_first_step_that_is_not_done_gives_the_status(row: str) -> None:
    *states, status = row.split()
    steps = [Step(kind, State(state)) for kind, state in zip((StepKind.CLONE, StepKind.RUN), states, strict=True)]
    assert deployment(*steps).status is Status(status)


def test_a_step_that_failed_because_the_flow_moved_is_stale() -> None:
    assert deployment(Step(StepKind.CONFIGURE, State.FAILED, facts={"stale": True})).status is Status.STALE
    assert deployment(Step(StepKind.CONFIGURE, State.FAILED, facts={"stale": False})).status is Status.FAILED


@pytest.mark.parametrize(("action", "status"), [(Action.BLOCKED, Status.BLOCKED), (Action.NO_CHANGE, Status.NO_CHANGE)])
def test_a_tenant_without_steps_has_the_status_of_its_action(action: Action, status: Status) -> None:
    assert Deployment("r", 0, planned(action=action, steps=()), ()).status is status


@given(st.lists(st.sampled_from(State), min_size=1, max_size=4))
def test_every_combination_of_states_has_a_status(states: list[State]) -> None:
    assert status_of(Step(StepKind.RUN, state) for state in states) in Status


@given(st.lists(st.sampled_from(Status)))
def test_counts_name_every_status_and_add_up_to_the_tenants(statuses: list[Status]) -> None:
    counts = count(statuses)
    assert set(counts) == {status.value for status in Status}
    assert sum(counts.values()) == len(statuses)


def test_an_intent_counts_as_an_attempt_and_a_fresh_stamp_does_not() -> None:
    first = Step(StepKind.CLONE).meet(Event.INTEND, {"seen": ["a"]}, intent=Moment("boot", 1.0))
    again = first.meet(Event.RESTAMP, intent=Moment("boot", 2.0))
    assert (first.attempts, again.attempts) == (1, 1)
    assert again.intent == Moment("boot", 2.0)
    assert again.meet(Event.ABSENT).meet(Event.INTEND).attempts == 2


def test_facts_add_up_and_the_intent_stays_until_there_is_another() -> None:
    intended = Step(StepKind.CLONE).meet(Event.INTEND, {"seen": ["a"]}, intent=Moment("boot", 1.0))
    done = intended.meet(Event.SUCCEED, {"flow": "flow0001"})
    assert done.facts == {"seen": ["a"], "flow": "flow0001"}
    assert done.intent == Moment("boot", 1.0)
    assert intended.facts == {"seen": ["a"]}


@pytest.mark.parametrize(
    ("event", "stays"),
    [
        (Event.ABSENT, False),
        (Event.REFUSE, False),
        (Event.STALE, False),
        (Event.FOUND, True),
        (Event.UNDECIDABLE, True),
    ],
)
def test_an_intent_is_over_once_its_call_certainly_did_nothing(event: Event, stays: bool) -> None:
    intended = Step(StepKind.CLONE).meet(Event.INTEND, intent=Moment("boot", 1.0))
    assert (intended.meet(event).intent is not None) == stays


def test_a_step_does_not_meet_what_its_state_does_not_know() -> None:
    with pytest.raises(TransitionError, match="ready cannot meet succeed"):
        Step(StepKind.CLONE).meet(Event.SUCCEED)


def test_the_flow_is_the_one_that_was_made_else_the_planned_one() -> None:
    made = Step(StepKind.CLONE, State.DONE, facts={"flow": "made0001"})
    assert deployment(made, of=planned(flow="known001")).flow == "made0001"
    assert deployment(of=planned(flow="known001")).flow == "known001"
    assert deployment().flow is None


def test_jobs_are_those_followed_else_the_one_the_run_answered_with() -> None:
    run = Step(StepKind.RUN, State.DONE, facts={"job": "job00001"})
    assert deployment(run).jobs == ("job00001",)
    assert deployment(run, Step(StepKind.FOLLOW, facts={"jobs": ["job00001", "job00002"]})).jobs == (
        "job00001",
        "job00002",
    )
    assert deployment(Step(StepKind.RUN)).jobs == ()


def test_jobs_of_a_run_that_answered_with_none_are_none_and_other_steps_have_none() -> None:
    other = Step(StepKind.CONFIGURE, State.DONE, facts={"job": "job00001", "jobs": ["job00001"]})
    assert deployment(other, Step(StepKind.RUN), Step(StepKind.FOLLOW)).jobs == ()
    assert deployment(other, Step(StepKind.RUN, facts={"job": "job00002"}), Step(StepKind.FOLLOW)).jobs == ("job00002",)


@pytest.mark.parametrize(
    ("states", "begun"), [("ready ready", False), ("done ready", True), ("skipped skipped", True), ("ready done", True)]
)
def test_a_tenant_is_begun_once_anything_was_asked_for(states: str, begun: bool) -> None:
    assert deployment(*(Step(StepKind.CLONE, State(state)) for state in states.split())).is_begun == begun


FIELD = ("name",)


@pytest.mark.parametrize(
    ("instance", "configured"),
    [
        (Instance("acme", "main", "t", "i", "f", "r"), False),
        (Instance("acme", "main", "t", "i", "f", "r", "2026-01-01"), True),
        (Instance("acme", "main", "t", "i", "f", "r", fields={FIELD: Memory("a", "a", MISSING)}), True),
    ],
)
def test_a_flow_that_is_only_born_is_not_configured(instance: Instance, configured: bool) -> None:
    assert instance.is_configured is configured


@pytest.mark.parametrize(
    ("before", "image"),
    [
        (None, {}),
        ("text", {}),
        ([{"path": ["name"], "value": None}, {"path": ["a", 0]}], {("name",): None, ("a", "0"): MISSING}),
        ([7, {"path": "name", "value": 1}], {}),
    ],
)
def test_how_fields_stood_is_read_from_what_a_step_kept(before: Json, image: object) -> None:
    assert before_image(Step(StepKind.CONFIGURE, facts={"before": before})) == image


def key(number: int) -> ResourceKey:
    return ResourceKey(ResourceKind.IMPORT, str(number))


def resource(number: int, *, copied: bool = False, verdict: Verdict = Verdict.UPDATE) -> PlannedResource:
    change = Change(FIELD, "a", "b", verdict)
    return PlannedResource(key(number), f"import {number}", None, changes=(change,), is_copied=copied)


def test_every_copy_and_every_write_is_about_its_own_resource_in_their_order() -> None:
    resources = (
        resource(1),
        resource(2, copied=True),
        resource(3, verdict=Verdict.DRIFT),
        resource(4, copied=True),
    )
    kinds = (StepKind.COPY, StepKind.CLONE, StepKind.COPY, StepKind.ADJUST, StepKind.ADJUST, StepKind.ADJUST)
    found = deployment(*map(Step, kinds), of=replace(planned(), resources=resources))
    about = [found.resource(index).label for index, kind in enumerate(kinds) if kind is not StepKind.CLONE]
    assert about == ["import 2", "import 4", "import 1", "import 2", "import 4"]


def test_copies_are_known_by_their_resource_once_they_are_made() -> None:
    made = Step(StepKind.COPY, State.DONE, facts={"resource": "copy0002"})
    other = Step(StepKind.ADJUST, State.DONE, facts={"resource": "copy0003"})
    resources = (resource(1, copied=True), resource(2, copied=True))
    found = deployment(Step(StepKind.COPY), made, other, of=replace(planned(), resources=resources))
    assert found.copies == {key(2): "copy0002"}


def test_what_is_known_of_a_flow_stays_until_there_is_something_new() -> None:
    known, newer = (Instance("acme", "main", "t", "i", "f", revision) for revision in "ab")
    first = deployment().moved(0, Step(StepKind.CLONE, State.DONE), known)
    assert first.known == known
    assert first.moved(1, Step(StepKind.CONFIGURE)).known == known
    assert first.moved(1, Step(StepKind.CONFIGURE), newer).known == newer


def test_the_error_is_told_while_it_stands_and_not_after() -> None:
    facts = {"error": {"code": "invalid"}}
    failed = Step(StepKind.CLONE, State.FAILED).meet(Event.RETRY, facts)
    assert deployment(Step(StepKind.CLONE, State.FAILED, facts={"error": {"code": "x"}})).error == {"code": "x"}
    assert deployment(failed).error is None
    unknown = Step(StepKind.CLONE, State.UNKNOWN, facts={"error": {"code": "y"}})
    silent = Step(StepKind.CLONE, State.FAILED, facts={"error": "text"})
    assert deployment(Step(StepKind.CLONE, State.FAILED), silent, unknown).error == {"code": "y"}


@pytest.mark.parametrize(
    ("kind", "state", "doubt"),
    [
        (StepKind.CLONE, State.INTENDED, True),
        (StepKind.CLONE, State.READY, False),
        (StepKind.CLONE, State.UNKNOWN, False),
        (StepKind.FOLLOW, State.INTENDED, False),
    ],
)
def test_a_call_in_flight_is_in_doubt_and_following_is_none(kind: StepKind, state: State, doubt: bool) -> None:
    assert deployment(Step(kind, state)).in_doubt is doubt
    assert deployment(Step(StepKind.CLONE, State.DONE), Step(kind, state), Step(StepKind.RUN)).in_doubt is doubt


def test_moving_one_step_leaves_the_others_and_the_old_value_alone() -> None:
    before = deployment()
    after = before.moved(1, Step(StepKind.CONFIGURE, State.DONE))
    assert [step.state for step in after.steps] == [State.READY, State.DONE]
    assert [step.state for step in before.steps] == [State.READY, State.READY]
