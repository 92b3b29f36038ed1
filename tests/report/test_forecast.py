"""A forecast against what came, in rollouts that a few lines play in virtual time."""

import pytest

from deployer.domain.deployment import Status, count
from deployer.domain.gate import Gate, GateState
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.waves import Wave
from deployer.report.forecast import Course, Forecast, Lane, Pace, Reached, Standing, paced
from deployer.report.summary import WaveStanding
from tests.report.play import READ, Play, Played, errors, waves
from tests.report.spread import Seen, Spread


@pytest.mark.parametrize(
    "played",
    [
        Played(),
        Played(burst=600.0),
        Played(burst=600.0, at_once=150),
        Played(rate=40.0, course=waves(1, 5, 80, 80, 80, 80, 74, bake=10.0)),
        Played(rate=40.0, given=0.7),
        Played(rate=40.0, tenants=2000, steps=READ),
        Played(rate=300.0, job=5.0, at_once=20),
        Played(rate=40.0, job=5.0, at_once=500, course=waves(1, 5, 80, 80, 80, 80, 74, bake=10.0)),
        Played(rate=20.0, course=waves(10, 390, bake=60.0), held=10.0),
        Played(rate=300.0, burst=600.0, machine=20.0),
        Played(rate=300.0, burst=600.0, machine=20.0, tiring=0.3),
        Played(rate=300.0, burst=600.0, machine=10.0, at_once=20, course=waves(10, 40, 350)),
    ],
    ids=[
        "steady",
        "a full bucket",
        "many at once",
        "waves that bake",
        "throttled",
        "more requests than planned",
        "jobs",
        "jobs in waves",
        "a long bake",
        "a slow machine",
        "a machine that becomes slower",
        "a slow machine and waves",
    ],
)
def test_what_is_forecast_is_near_what_comes_from_early_on(played: Played) -> None:
    assert [round(error, 2) for error in errors(Play(played), (0.1, 0.25, 0.5, 0.75)) if abs(error) > 0.2] == []


@pytest.mark.parametrize(
    "spread",
    [
        Spread([{"us": 200, "eu": 200}]),
        Spread([{"us": 100, "eu": 250}]),
        Spread([{"us": 10}, {"us": 150}, {"us": 140, "eu": 300}]),
        Spread([{"us": 50, "eu": 10}, {"us": 10, "eu": 200}, {"old": 200}]),
    ],
    ids=["alike", "one is last", "few in the first waves", "another in each wave"],
)
def test_what_is_forecast_of_several_accounts_is_near_what_comes(spread: Spread) -> None:
    assert Seen(spread).off() == []


def test_nothing_is_forecast_before_anybody_rests_or_when_all_do() -> None:
    play = Play(Played(tenants=10))
    end = play.go()
    assert play.told[0] == (0.0, None)
    assert play.forecast.left(end, Standing(0, 0, 30), [Pace(20.0)], ready=0.0) is None


def test_a_forecast_goes_to_the_approval_that_is_waited_for() -> None:
    play = Play(Played(course=waves(200, 200, bake=30.0, approve=True)))
    play.go()
    at, left = next((at, left) for at, left in play.told if at >= 16)
    assert left == pytest.approx(31 + 30 - at, rel=0.2)


def test_the_account_that_is_last_makes_it_longer_and_one_that_is_done_sends_nothing_more() -> None:
    us, eu, old = Lane(1, 20.0), Lane(2, 20.0), Lane(3, 5.0)
    assert paced({"us": 300, "eu": 100}, {"us": us, "eu": eu}) == Pace(40.0, 1.5)
    assert paced({"us": 300, "eu": 0}, {"us": us, "eu": eu}) == Pace(20.0, 1.0)
    assert paced({"us": 10, "more": 10, "old": 20}, {"us": us, "more": us, "old": old}) == Pace(25.0, 2.5)
    assert paced({}, {"us": us}) == paced({"us": 10}, {}) == Pace(0.0)


def test_accounts_take_turns_where_not_all_are_at_work_at_once() -> None:
    us, eu = Lane(1, 20.0), Lane(2, 20.0)
    tenants = {"waits": 200, "us": 100, "eu": 100}
    assert paced(tenants, {"us": us, "eu": eu}) == Pace(60.0, 1.5)
    assert paced(tenants, {"us": us, "eu": eu}, at_once=2, at_work=["us", "eu"]) == Pace(40.0, 1.5, in_turns=True)
    assert paced(tenants, {"us": us, "eu": eu}, at_once=2, at_work=["waits"]) == Pace(40.0, 1.0, in_turns=True)


def test_a_skew_is_of_the_requests_and_not_of_the_waits() -> None:
    forecast = Forecast(waves(5, 10, bake=60.0))
    forecast.sample(0.0, Standing(0, 15, 0))
    forecast.stepped("acme", StepKind.CLONE, State.DONE)
    forecast.rested("acme")
    lefts = [forecast.left(1.0, Standing(0, 14, 2), [Pace(1.0, skew)], ready=0.0) for skew in (1.0, 1.5)]
    assert lefts == [88.0, 102.0]


def test_accounts_that_are_done_leave_a_slow_machine_to_the_last_but_not_a_slow_api() -> None:
    for computed, expected in ((9.0, 30.0), (1.0, 45.0)):
        forecast = Forecast(Course())
        forecast.sample(0.0, Standing(0, 41, 0))
        forecast.stepped("acme", StepKind.CLONE, State.DONE)
        forecast.rested("acme")
        forecast.sample(1.0, Standing(0, 30, 2))
        stands = Standing(0, 30, 22, computed)
        forecast.sample(11.0, stands)
        assert forecast.left(11.0, stands, [Pace(600.0, 1.5)], ready=9000.0) == pytest.approx(expected, rel=0.2)


def test_what_others_send_is_forecast_by_the_tenants_that_rest() -> None:
    forecast = Forecast(Course())
    forecast.sample(0.0, Standing(0, 4, 0))
    forecast.rested("acme")
    assert forecast.left(10.0, Standing(0, 3, 0), [Pace(0.0)], ready=0.0) == 30.0


def test_waves_are_as_far_as_their_tenants_that_rest() -> None:
    released = WaveStanding(Wave("first", 2, 2, 0), count([Status.DONE] * 2), Gate(1, GateState.RELEASED, ""))
    forecast = Forecast(Course([released, *waves(3, 4).waves]))
    assert forecast.reached(7) == [Reached("first", 2, 2), Reached("wave 1", 0, 3), Reached("wave 2", 0, 4)]
    assert [wave.rested for wave in forecast.reached(5)] == [2, 2, 0]
    assert [wave.rested for wave in forecast.reached(0)] == [2, 3, 4]
    assert Forecast(Course()).reached(3) == []


def test_failed_tenants_of_waves_that_were_released_are_tried_again_in_theirs() -> None:
    gate = Gate(1, GateState.RELEASED, "")
    standings = [
        WaveStanding(Wave(name, 10, 10, 0, approve=True, bake=(60.0, 60.0)), count([Status.PENDING] * failed), gate)
        for name, failed in (("first", 2), ("second", 3), ("third", 0))
    ]
    forecast = Forecast(Course(standings))
    assert [wave.rested for wave in forecast.reached(5)] == [8, 7, 10]
    assert [wave.rested for wave in forecast.reached(1)] == [10, 9, 10]
    forecast.sample(0.0, Standing(0, 5, 0))
    forecast.stepped("acme", StepKind.CLONE, State.DONE)
    forecast.rested("acme")
    assert forecast.left(1.0, Standing(0, 4, 2), [Pace(1.0)], ready=0.0) == 8.0
