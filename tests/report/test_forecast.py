"""A forecast against what came, in rollouts that a few lines play in virtual time."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import pytest

from deployer.domain.deployment import Status, count
from deployer.domain.gate import Gate, GateState
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.waves import Wave
from deployer.report.forecast import Course, Forecast, Lane, Reached, Standing, skewed
from deployer.report.summary import WaveStanding

LATENCY = 0.1  # seconds of a request
GLANCE = 0.125  # seconds between two looks at the forecast
CLONED = ((StepKind.CLONE, State.INTENDED), (StepKind.CLONE, State.DONE), (StepKind.CONFIGURE, State.DONE))
READ = (*CLONED[:2], (StepKind.CONFIGURE, State.INTENDED), CLONED[2])  # and read before it is written


def waves(*sizes: int, bake: float = 0.0, approve: bool = False) -> Course:
    return Course([_wave(number, size, bake, approve=approve) for number, size in enumerate(sizes, 1)])


def _wave(number: int, size: int, bake: float, *, approve: bool) -> WaveStanding:
    wave = Wave(f"wave {number}", size, size, 0, approve, (bake, bake))
    return WaveStanding(wave, count([Status.PENDING] * size), None)


@dataclass(frozen=True, slots=True)
class Played:
    """What is rolled out: `held` are the seconds before anything begins, `job` those that a tenant's last step takes.

    `rate` is what is aimed at and `given` the part of it that the server gives.
    """

    course: Course = Course()  # noqa: RUF009 - it is frozen
    tenants: int = 400
    rate: float = 20.0
    given: float = 1.0
    burst: float = 1.0
    at_once: int = 8
    job: float = 0.0
    steps: Sequence[tuple[StepKind, State]] = CLONED
    held: float = 1.0


class Play:
    """A rollout in virtual time, and what was forecast meanwhile: the moment, and how many seconds it would take."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.forecast = Forecast(played.course)
        self.now, self.sent, self.ready = 0.0, 0, played.burst
        self.pending, self.running = played.tenants, 0
        self.since: dict[int, float] = {}
        self.told: list[tuple[float, float | None]] = []
        self._looked = 0.0

    def go(self) -> float:
        """Play to the end, and return when that is."""
        self._pass(self.played.held)
        waves = [each.wave for each in self.played.course.waves]
        self._wave(waves[0].size if waves else self.played.tenants)
        for before, wave in pairwise(waves):
            self.forecast.baking(self.now + before.bake[0])
            self._pass(self.now + before.bake[0])
            self._wave(wave.size)
        return self.now

    def _wave(self, size: int) -> None:
        """Let so many at once go from request to request, each in its turn."""
        begun = min(size, self.played.at_once)
        line, answers = deque((tenant, 0) for tenant in range(begun)), list[tuple[float, int, int]]()
        while line or answers:
            turn = self.now + max(0.0, 1.0 - self.ready) / (self.played.rate * self.played.given)
            if line and not (answers and answers[0][0] <= turn):
                tenant, step = line.popleft()
                self._pass(turn)
                self.ready, self.sent = self.ready - 1, self.sent + 1
                last = step == len(self.played.steps) - 1
                heappush(answers, (self.now + LATENCY + last * self._job(tenant), tenant, step + 1))
                continue
            at, tenant, step = heappop(answers)
            self._pass(at)
            self._answered(tenant, step)
            if step < len(self.played.steps):
                line.append((tenant, step))
            elif begun < size:
                line.append((begun, 0))
                begun += 1

    def _answered(self, tenant: int, step: int) -> None:
        self.forecast.stepped(str(tenant), *self.played.steps[step - 1])
        if step == 1:
            self.pending, self.running = self.pending - 1, self.running + 1
            self.since[tenant] = self.now
            self.forecast.begun(self.now)
        if step == len(self.played.steps):
            self.running -= 1
            self.forecast.rested(str(tenant))
            self.forecast.took(self.now - self.since[tenant])

    def _job(self, tenant: int) -> float:
        """Return how long a tenant's job takes: not all take the same, or they would go in step."""
        return self.played.job * (0.9 + tenant * 0.618 % 0.2)

    def _pass(self, moment: float) -> None:
        while self._looked <= moment:
            stands = Standing(self.running, self.pending, self.sent)
            self.forecast.sample(self._looked, stands)
            left = self.forecast.left(self._looked, stands, rate=self.played.rate, ready=self.ready)
            self.told.append((self._looked, left))
            self._looked += GLANCE
        gained = (max(moment, self.now) - self.now) * self.played.rate * self.played.given
        self.ready = min(self.played.burst, self.ready + gained)
        self.now = max(moment, self.now)


def errors(played: Played, parts: Sequence[float]) -> Iterator[float]:
    """Yield by which part of the truth the forecast was off at parts of the time."""
    play = Play(played)
    end = play.go()
    for part in parts:
        now, left = next(each for each in play.told if each[0] >= part * end)
        yield (left or 0.0) / (end - now) - 1.0


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
    ],
)
def test_what_is_forecast_is_near_what_comes_from_early_on(played: Played) -> None:
    assert [round(error, 2) for error in errors(played, (0.1, 0.25, 0.5, 0.75)) if abs(error) > 0.2] == []


def test_nothing_is_forecast_before_anybody_rests_or_when_all_do() -> None:
    play = Play(Played(tenants=10))
    end = play.go()
    assert play.told[0] == (0.0, None)
    assert play.forecast.left(end, Standing(0, 0, 30), rate=20.0, ready=0.0) is None


def test_a_forecast_goes_to_the_approval_that_is_waited_for() -> None:
    play = Play(Played(course=waves(200, 200, bake=30.0, approve=True)))
    play.go()
    at, left = next((at, left) for at, left in play.told if at >= 16)
    assert left == pytest.approx(31 + 30 - at, rel=0.2)


def test_the_account_that_is_last_makes_it_longer_and_one_that_is_done_sends_nothing_more() -> None:
    us, eu, old = Lane(1, 20.0), Lane(2, 20.0), Lane(3, 5.0)
    assert skewed({"us": 300, "eu": 100}, {"us": us, "eu": eu}) == (1.5, 40.0)
    assert skewed({"us": 300, "eu": -1}, {"us": us, "eu": eu}) == (1.0, 20.0)
    assert skewed({"us": 10, "more": 10, "old": 20}, {"us": us, "more": us, "old": old}) == (2.5, 25.0)
    assert skewed({}, {}) == (1.0, 0.0)


def test_a_skew_is_of_the_requests_and_not_of_the_waits() -> None:
    forecast = Forecast(waves(5, 10, bake=60.0))
    forecast.sample(0.0, Standing(0, 15, 0))
    forecast.stepped("acme", StepKind.CLONE, State.DONE)
    forecast.rested("acme")
    lefts = [forecast.left(1.0, Standing(0, 14, 2), rate=1.0, ready=0.0, skew=skew) for skew in (1.0, 1.5)]
    assert lefts == [88.0, 102.0]


def test_what_others_send_is_forecast_by_the_tenants_that_rest() -> None:
    forecast = Forecast(Course())
    forecast.sample(0.0, Standing(0, 4, 0))
    forecast.rested("acme")
    assert forecast.left(10.0, Standing(0, 3, 0), rate=0.0, ready=0.0) == 30.0


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
    assert forecast.left(1.0, Standing(0, 4, 2), rate=1.0, ready=0.0) == 8.0
