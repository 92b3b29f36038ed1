"""What becomes of a tenant's time, told from what its steps met."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deployer.domain.deployment import Deployment, Step
from deployer.domain.lifecycle import TRANSITIONS, Event, State, StepKind
from deployer.domain.local_time import utc_text
from deployer.journal.protocol import Met
from deployer.report.tracks import Frame, Stretch, track_of
from tests.factories import CREATE, deployment, planned

RUNS = (*CREATE, StepKind.RUN, StepKind.FOLLOW)
BEGAN = 1_800_000_000.0
ENDED = Frame(BEGAN)
INTEND, SUCCEED, FOUND, RESTAMP = Event.INTEND, Event.SUCCEED, Event.FOUND, Event.RESTAMP


def at(second: float) -> str:
    return utc_text(datetime.fromtimestamp(BEGAN + second, UTC))


def after(
    *events: tuple[float, int, Event], steps: Sequence[StepKind] = CREATE, wave: int = 0
) -> tuple[Deployment, list[Met]]:
    """Return a tenant whose steps met events: at which second, which step, which event."""
    states = [State.READY] * len(steps)
    for _, index, event in events:
        states[index] = TRANSITIONS[states[index], event]
    found = deployment(*map(Step, steps, states), of=replace(planned(steps=steps), wave=wave))
    return found, [Met(index, event, at(second)) for second, index, event in events]


def told(found: tuple[Deployment, list[Met]], frame: Frame = ENDED) -> list[tuple[str, float, float | None]]:
    return [(each.what, each.begin, each.end) for each in track_of(*found, frame).stretches]


WELL = ((1.0, 0, INTEND), (3.0, 0, SUCCEED), (3.5, 1, INTEND), (4.0, 1, SUCCEED))


def test_a_call_lasts_from_its_intent_to_its_answer_and_before_it_is_waiting() -> None:
    assert told(after(*WELL)) == [
        ("turn", 0.0, 1.0), ("clone", 1.0, 3.0), ("turn", 3.0, 3.5), ("configure", 3.5, 4.0),
    ]  # fmt: skip
    track = track_of(*after(*WELL), ENDED)
    assert (track.begun_at, track.ended_at, track.seconds) == (at(1.0), at(4.0), 3.0)
    assert track.waited() == {"turn": 1.5}


def test_a_tenant_of_a_later_wave_waits_for_the_gate_before_it() -> None:
    frame = Frame(BEGAN, {2: BEGAN + 0.75})
    assert told(after(*WELL, wave=2), frame)[:2] == [("gate", 0.0, 0.75), ("turn", 0.75, 1.0)]
    assert told(after(*WELL, wave=1), frame)[0] == ("turn", 0.0, 1.0)


def test_a_lost_answer_is_made_sure_of() -> None:
    lost = after((0.0, 0, INTEND), (60.0, 0, FOUND))
    assert told(lost) == [("settle", 0.0, 60.0)]
    absent = after((0.0, 0, INTEND), (60.0, 0, Event.ABSENT), (61.0, 0, INTEND), (62.0, 0, SUCCEED))
    assert told(absent) == [("settle", 0.0, 60.0), ("turn", 60.0, 61.0), ("clone", 61.0, 62.0)]


def test_a_request_that_is_stamped_again_waited_for_its_turn() -> None:
    refused = after((0.0, 0, INTEND), (5.0, 0, RESTAMP), (6.0, 0, SUCCEED))
    assert told(refused) == [("turn", 0.0, 5.0), ("clone", 5.0, 6.0)]


def test_a_run_is_followed_by_its_job() -> None:
    events = (*WELL, (4.0, 2, INTEND), (5.0, 2, SUCCEED), (5.0, 3, INTEND), (95.0, 3, SUCCEED))
    assert told(after(*events, steps=RUNS))[-2:] == [("run", 4.0, 5.0), ("job", 5.0, 95.0)]


def test_a_person_is_waited_for_where_only_a_person_can_say() -> None:
    events = ((0.0, 0, INTEND), (9.0, 0, Event.UNDECIDABLE), (100.0, 0, Event.RETRY), (101.0, 0, INTEND))
    answered = after(*events, (102.0, 0, SUCCEED))
    assert told(answered) == [
        ("settle", 0.0, 9.0), ("person", 9.0, 100.0), ("turn", 100.0, 101.0), ("clone", 101.0, 102.0),
    ]  # fmt: skip


def test_who_never_began_and_was_cancelled_waited_for_nothing() -> None:
    assert told(after((50.0, 0, Event.CANCEL))) == []


LOOKED_AT = Frame(BEGAN, now=BEGAN + 10.0, at_work=True)


@pytest.mark.parametrize(
    ("events", "frame", "lasts"),
    [
        ((), LOOKED_AT, "turn"),
        (WELL[:1], LOOKED_AT, "clone"),
        (WELL[:2], LOOKED_AT, "turn"),
        (WELL[:2], replace(LOOKED_AT, at_work=False), "person"),
        ((), replace(LOOKED_AT, at_work=False), ""),
        (((0.0, 0, INTEND), (9.0, 0, Event.UNDECIDABLE)), replace(LOOKED_AT, at_work=False), "person"),
        (WELL, LOOKED_AT, ""),
    ],
)
def test_what_lasts_has_no_end(events: tuple[tuple[float, int, Event], ...], frame: Frame, lasts: str) -> None:
    stretches = track_of(*after(*events), frame).stretches
    assert [each.what for each in stretches if each.end is None] == ([lasts] if lasts else [])


def test_who_has_a_gate_before_it_waits_for_that() -> None:
    assert track_of(*after(wave=2), LOOKED_AT).stretches == (Stretch("gate", 0.0, None),)


def test_a_clock_that_is_put_back_makes_no_time_negative() -> None:
    assert told(after((5.0, 0, INTEND), (2.0, 0, SUCCEED), (6.0, 1, INTEND), (7.0, 1, SUCCEED))) == [
        ("turn", 0.0, 5.0), ("turn", 5.0, 6.0), ("configure", 6.0, 7.0),
    ]  # fmt: skip
