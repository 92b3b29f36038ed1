"""Rollouts that a few lines play in virtual time, and what is forecast meanwhile."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

from deployer.domain.deployment import Status, count
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.waves import Wave
from deployer.report.forecast import Course, Forecast, Pace, Standing
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

    `rate` is what is aimed at and `given` the part of it that the server gives. `machine` are the requests a second
    that this machine manages, and `tiring` the part of them that it loses until the end; 0 where it manages any rate.
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
    machine: float = 0.0
    tiring: float = 0.0


class Play:
    """A rollout in virtual time, and what was forecast meanwhile: the moment, and how many seconds it would take."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.forecast = Forecast(played.course)
        self.now, self.sent, self.ready = 0.0, 0, played.burst
        self.pending, self.running = played.tenants, 0
        self.since: dict[int, float] = {}
        self.told: list[tuple[float, float | None]] = []
        self.looked = self._free = 0.0

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
            turn = max(self._free, self.now + max(0.0, 1.0 - self.ready) / (self.played.rate * self.played.given))
            if line and not (answers and answers[0][0] <= turn):
                tenant, step = line.popleft()
                self._pass(turn)
                self.ready, self.sent = self.ready - 1, self.sent + 1
                self._free = turn + self._effort()
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
        self.stepped(tenant, step)
        if step == 1:
            self.pending, self.running = self.pending - 1, self.running + 1
            self.since[tenant] = self.now
            self.forecast.begun(self.now)
        if step == len(self.played.steps):
            self.running -= 1
            self.rested(tenant)

    def stepped(self, tenant: int, step: int) -> None:
        """Tell that a step of a tenant's moved."""
        self.forecast.stepped(str(tenant), *self.played.steps[step - 1])

    def rested(self, tenant: int) -> None:
        """Tell that a tenant came to rest."""
        self.forecast.rested(str(tenant))
        self.forecast.took(self.now - self.since[tenant])

    def asked(self) -> tuple[int, float]:
        """Return what is known of how many requests were sent, and of how many may be sent at once."""
        return self.sent, self.ready

    def _effort(self) -> float:
        """Return for how many seconds this machine is busy with one request."""
        if not self.played.machine:
            return 0.0
        begun = 1.0 - self.pending / self.played.tenants
        return 1.0 / (self.played.machine * (1.0 - self.played.tiring * begun))

    def _job(self, tenant: int) -> float:
        """Return how long a tenant's job takes: not all take the same, or they would go in step."""
        return self.played.job * (0.9 + tenant * 0.618 % 0.2)

    def _pass(self, moment: float) -> None:
        while self.looked <= moment:
            sent, ready = self.asked()
            stands = Standing(self.running, self.pending, sent)
            self.forecast.sample(self.looked, stands)
            left = self.forecast.left(self.looked, stands, [Pace(self.played.rate)], ready=ready)
            self.told.append((self.looked, left))
            self.looked += GLANCE
        gained = (max(moment, self.now) - self.now) * self.played.rate * self.played.given
        self.ready = min(self.played.burst, self.ready + gained)
        self.now = max(moment, self.now)


def errors(play: Play, parts: Sequence[float]) -> Iterator[float]:
    """Yield by which part of the truth the forecast was off at parts of the time."""
    end = play.go()
    for part in parts:
        now, left = next(each for each in play.told if each[0] >= part * end)
        yield (left or 0.0) / (end - now) - 1.0
