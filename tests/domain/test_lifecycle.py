"""The states of a step: every pair of state and event, those of the table and those it must not have."""

from itertools import product

import pytest

from deployer.domain.lifecycle import BIRTHS, CLONES, READ_BACK, TRANSITIONS, Event, State, StepKind, after
from deployer.errors import TransitionError

# state: event → next. What is not here is an error.
TABLE = """
ready:     intend → intended   found → done      refuse → failed    stale → failed
ready:     undecidable → unknown   skip → skipped   cancel → cancelled
intended:  succeed → done   found → done   restamp → intended   absent → ready
intended:  refuse → failed   stale → failed   undecidable → unknown
unknown:   found → done   confirm → done   retry → ready   skip → skipped   look → intended
failed:    confirm → done   retry → ready   skip → skipped
skipped:   retry → ready
"""

# kind, as journals hold it: whether it makes the tenant's flow, copies on the server, is read back from the document
KINDS = """
clone      birth  clones
create     birth
copy              clones
adjust                    read-back
configure                 read-back
run
follow
delete                    read-back
"""


def test_every_kind_of_step_is_what_the_table_says() -> None:
    sets = {"birth": BIRTHS, "clones": CLONES, "read-back": READ_BACK}
    rows = [line.split() for line in KINDS.strip().splitlines()]
    assert [[kind, *(word for word, kinds in sets.items() if kind in kinds)] for kind in StepKind] == rows


def expected() -> dict[tuple[State, Event], State]:
    table = {}
    for line in TABLE.strip().splitlines():
        state, events = line.split(":")
        words = events.replace("→", " ").split()
        table.update(
            {(State(state), Event(event)): State(end) for event, end in zip(words[::2], words[1::2], strict=True)}
        )
    return table


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_leads_where_the_table_says_or_is_an_error(state: State, event: Event) -> None:
    target = expected().get((state, event))
    if target:
        assert after(state, event) is target
    else:
        with pytest.raises(TransitionError, match=f"a step that is {state} cannot meet {event}"):
            after(state, event)


def reachable(start: State, events: set[Event]) -> set[State]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {end for (state, event), end in TRANSITIONS.items() if state in fresh and event in events} - found
        found |= fresh
    return found


def test_every_state_can_be_reached_from_ready_and_every_event_is_of_use() -> None:
    assert reachable(State.READY, set(Event)) == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_a_person_gets_every_step_that_is_stuck_to_done_or_aside() -> None:
    person = {Event.CONFIRM, Event.RETRY, Event.SKIP}
    for state in (State.UNKNOWN, State.FAILED):
        assert {State.DONE, State.READY, State.SKIPPED} <= reachable(state, person)


def test_without_a_person_nothing_leaves_an_end() -> None:
    person = {Event.CONFIRM, Event.RETRY, Event.SKIP, Event.FOUND, Event.LOOK}
    for state in set(State) - {State.READY, State.INTENDED}:
        assert reachable(state, set(Event) - person) == {state}
    assert reachable(State.DONE, set(Event)) == {State.DONE}
    assert reachable(State.CANCELLED, set(Event)) == {State.CANCELLED}


def test_only_an_intent_puts_a_call_in_flight() -> None:
    ways = {(state, event) for (state, event), end in TRANSITIONS.items() if end is State.INTENDED}
    looked_for_again = (State.UNKNOWN, Event.LOOK)
    assert ways == {(State.READY, Event.INTEND), (State.INTENDED, Event.RESTAMP), looked_for_again}
