"""What to do next, and how long a lost call has to be waited for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.deployment import Deployment, Moment, Step
from deployer.domain.lifecycle import TRANSITIONS, Event, State, StepKind
from deployer.domain.manifest import Safety
from deployer.domain.moves import (
    ATTEMPTS,
    Begin,
    GiveUp,
    Move,
    Recover,
    Rest,
    next_move,
    overslept,
    rebased,
    remaining,
    settle_time,
)
from tests.factories import deployment

SAFETY = Safety()
NOW = Moment("boot", 1000.0)
THEN = Moment("boot", 990.0)
KINDS = (StepKind.CLONE, StepKind.CONFIGURE, StepKind.RUN, StepKind.FOLLOW)
STATES = st.lists(st.sampled_from(State), max_size=4)


def step(state: State, kind: StepKind = StepKind.CLONE) -> Step:
    return Step(kind, state, intent=None if state is State.READY else THEN)


def steps(states: list[State]) -> tuple[Step, ...]:
    return tuple(map(step, states, KINDS))


def kind_of(move: Move) -> str:
    match move:
        case Rest():
            return "rest"
        case Begin(index) | Recover(index) | GiveUp(index):
            return f"{type(move).__name__.lower()} {index}"


# The states of clone, configure and run; the move; the move where nothing new may be begun.
TABLE = """
ready     ready    ready    begin 0      rest
intended  ready    ready    recover 0    recover 0
unknown   ready    ready    rest         rest
failed    ready    ready    rest         rest
skipped   ready    ready    rest         rest
cancelled ready    ready    rest         rest
done      ready    ready    begin 1      rest
done      intended ready    recover 1    recover 1
done      unknown  ready    rest         rest
done      failed   ready    rest         rest
done      skipped  ready    rest         rest
done      done     ready    begin 2      rest
done      done     intended recover 2    recover 2
done      done     failed   rest         rest
done      done     done     rest         rest
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_the_first_step_that_is_not_done_decides(row: str) -> None:
    words = row.split()
    found = deployment(*steps([State(word) for word in words[:3]]))
    move = kind_of(next_move(found, NOW, SAFETY))
    settled = kind_of(next_move(found, NOW, SAFETY, settle_only=True))
    assert f"{move} {settled}" == " ".join(words[3:])


def test_a_tenant_without_steps_rests() -> None:
    assert next_move(Deployment("r", 0, deployment().planned, ()), NOW, SAFETY) == Rest()


def test_a_call_proven_absent_too_often_is_given_up() -> None:
    tried = replace(step(State.READY), attempts=5)
    assert next_move(deployment(tried), NOW, SAFETY) == GiveUp(0, tried)
    again = replace(tried, attempts=4)
    assert next_move(deployment(again), NOW, SAFETY) == Begin(0, again)


def test_a_call_given_up_is_not_even_that_where_nothing_new_may_be_begun() -> None:
    tried = replace(step(State.READY), attempts=ATTEMPTS)
    assert next_move(deployment(tried), NOW, SAFETY, settle_only=True) == Rest()


@given(STATES.filter(bool), st.booleans())
def test_a_move_is_about_the_first_step_that_is_not_done(states: list[State], settle_only: bool) -> None:
    found = deployment(*steps(states))
    move = next_move(found, NOW, SAFETY, settle_only=settle_only)
    if not isinstance(move, Rest):
        assert set(states[: move.index]) <= {State.DONE}
        assert move.step is found.steps[move.index]
        assert move.step.state in {State.READY, State.INTENDED}


@given(st.data())
def test_never_are_two_steps_in_flight_whatever_happens(data: st.DataObject) -> None:
    found = deployment(*steps([State.READY] * 3))
    for _ in range(12):
        move = next_move(found, NOW, SAFETY)
        index = move.index if isinstance(move, Begin | Recover) else data.draw(st.integers(0, 2))
        known = {event for state, event in TRANSITIONS if state is found.steps[index].state}
        events = {Event.INTEND} if isinstance(move, Begin) else known - {Event.INTEND}
        if not events:
            continue
        event = data.draw(st.sampled_from(sorted(events)))
        found = found.moved(index, found.steps[index].meet(event, intent=NOW))
        assert [one.state for one in found.steps].count(State.INTENDED) <= 1


# E + T + S + V: intent validity, timeout, settle time, lag of the lists.
@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        (StepKind.CLONE, 10 + 360 + 120 + 30),
        (StepKind.CREATE, 10 + 30 + 120 + 30),
        (StepKind.CONFIGURE, 10 + 30 + 120),
        (StepKind.COPY, 10 + 360 + 120 + 30),
        (StepKind.ADJUST, 10 + 30 + 120),
        (StepKind.DELETE, 10 + 30 + 120),
        (StepKind.RUN, 10 + 30 + 120 + 30),
        (StepKind.FOLLOW, 0),
    ],
)
def test_the_settle_time_is_the_sum_of_all_that_may_still_happen(kind: StepKind, seconds: float) -> None:
    assert settle_time(kind, SAFETY) == seconds


def test_every_setting_of_safety_is_in_the_settle_time_it_belongs_to() -> None:
    safety = Safety.model_validate(
        {"settle": "1s", "lag": "10s", "intent": "100s", "clone_timeout": "1000s", "timeout": "10000s"}
    )
    assert settle_time(StepKind.CLONE, safety) == 1111
    assert settle_time(StepKind.CREATE, safety) == 10111
    assert settle_time(StepKind.RUN, safety) == 10111
    assert settle_time(StepKind.CONFIGURE, safety) == 10101


@pytest.mark.parametrize(("kind", "seconds"), [(StepKind.CLONE, 370.0), (StepKind.CONFIGURE, 40.0)])
def test_a_call_is_given_up_late_once_its_window_and_timeout_are_over(kind: StepKind, seconds: float) -> None:
    sent = replace(step(State.INTENDED, kind), intent=Moment("boot", 1000.0 - seconds))
    assert overslept(sent, NOW, SAFETY)
    assert not overslept(sent, replace(NOW, at=NOW.at - 0.1), SAFETY)


@pytest.mark.parametrize(
    ("intent", "left"),
    [
        (Moment("boot", 1000.0), 60.0),
        (Moment("boot", 990.0), 50.0),
        (Moment("boot", 940.0), 0.0),
        (Moment("boot", 10.0), 0.0),
        (Moment("another boot", 940.0), 60.0),
        (Moment("another boot", 5000.0), 60.0),
        (None, 60.0),
    ],
)
def test_of_a_wait_remains_what_this_boots_clock_has_not_counted(intent: Moment | None, left: float) -> None:
    assert remaining(Step(StepKind.CLONE, State.INTENDED, intent=intent), NOW, 60.0) == left


def test_recovery_is_told_how_long_to_wait() -> None:
    move = next_move(deployment(step(State.INTENDED)), NOW, SAFETY)
    assert isinstance(move, Recover)
    assert move.wait == settle_time(StepKind.CLONE, SAFETY) - 10.0


def test_following_is_not_gone_on_with_where_only_calls_in_flight_are_settled() -> None:
    following = step(State.INTENDED, StepKind.FOLLOW)
    assert next_move(deployment(following), NOW, SAFETY) == Recover(0, following, 0.0)
    assert next_move(deployment(following), NOW, SAFETY, settle_only=True) == Rest()
    running = step(State.INTENDED, StepKind.RUN)
    assert next_move(deployment(running), NOW, SAFETY, settle_only=True) == Recover(0, running, 180.0)


def test_an_intent_of_another_boot_counts_from_now_on() -> None:
    foreign = replace(step(State.INTENDED), intent=Moment("another boot", 5.0), facts={"seen": []})
    found = rebased(deployment(step(State.DONE), foreign, step(State.READY)), NOW)
    assert [one.intent for one in found.steps] == [THEN, NOW, None]
    assert [one.facts for one in found.steps] == [{}, {"seen": [], "again": True}, {}]
    assert remaining(found.steps[1], Moment("boot", 1020.0), 60.0) == 40.0


@pytest.mark.parametrize("event", [Event.ABSENT, Event.REFUSE])
def test_what_certainly_did_not_happen_is_repeated_without_a_wait(event: Event) -> None:
    over = Step(StepKind.CLONE, State.INTENDED, 1, THEN).meet(event)
    ready = over if over.state is State.READY else over.meet(Event.RETRY)
    assert isinstance(next_move(deployment(ready), NOW, SAFETY), Begin)
