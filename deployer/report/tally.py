"""What a watcher knows while a rollout goes: how many tenants stand where, how fast it goes, who waits for what."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

from deployer.domain.deployment import OPEN, Status
from deployer.domain.documents import Document
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.waves import titled
from deployer.report.forecast import Course, Forecast, Lane, Pace, Reached, Standing, paced
from deployer.report.text import duration, numbered, plain
from deployer.telemetry.events import Event

_WINDOW = 5.0  # seconds over which requests a second are measured
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # what intents are stamped with


@dataclass(frozen=True, slots=True)
class Budget:
    """All accounts' requests so far, and their rate in requests a second; `paused_for` is in seconds.

    `ready` is how many may be sent at once; `lanes` are the limits by account; `computed` are the seconds that sending
    took this machine. Of the accounts so many are worked on `at_once`, and some are `at_work` now, where not all are.
    """

    sent: int
    throttled: int
    in_flight: int
    paused_for: float
    rate: float
    ready: float = 0.0
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    computed: float = 0.0
    at_once: float = inf
    at_work: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a tenant waits, and until which second of the clock."""

    why: str
    until: float


def boot_seconds() -> float:
    """Return the seconds of the clock that intents are stamped with."""
    return time.clock_gettime(_CLOCK)


@dataclass(slots=True)
class Tally:
    """The tenants by status, as moves change them, and the requests that this takes."""

    counts: dict[Status, int]
    budgets: Callable[[], Budget]
    clock: Callable[[], float]
    course: Course = field(default_factory=Course)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    wave: str = ""
    forecast: Forecast = field(init=False)
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    _left: list[dict[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.forecast, self._left = Forecast(self.course), [{**wave} for wave in self.course.accounts]

    def start(self) -> None:
        """Measure from here on."""
        now, budget = self.clock(), self.budgets()
        self._samples.append((now, budget.sent))
        self.forecast.sample(now, self._stands(budget))

    @property
    def total(self) -> int:
        """Return the number of tenants."""
        return sum(self.counts.values())

    @property
    def rested(self) -> int:
        """Return how many tenants have nothing left to do here."""
        return self.total - sum(self.counts[status] for status in OPEN)

    @property
    def reached(self) -> list[Reached]:
        """Return how far each wave is."""
        return self.forecast.reached(self.total - self.rested)

    @property
    def bakes(self) -> float:
        """Return for how many more seconds the wave before bakes."""
        return self.forecast.bakes(self.clock())

    def see(self, event: Event) -> Document:
        """Count what an event changes, and return its fields."""
        told = event.fields
        match event.name:
            case "step.moved":
                self.waiting.pop(str(told["tenant"]), None)
                self._moved(Status(str(told["was"])), Status(str(told["status"])))
                self.forecast.stepped(str(told["tenant"]), StepKind(str(told["step"])), State(str(told["state"])))
            case "rollout.counted" if isinstance(counts := told["counts"], dict):
                self._count({status: int(str(counts[status.value])) for status in Status})
            case "step.waiting" | "account.waiting":
                until = self.clock() + float(str(told["seconds"]))
                self.waiting[str(told.get("tenant", told["account"]))] = Waiting(str(told["why"]), until)
            case "tenant.rested":
                self._rested(str(told["account"]))
                self.forecast.rested(str(told["tenant"]))
                if told["status"] == Status.DONE and isinstance(seconds := told["seconds"], int | float):
                    self.forecast.took(seconds)
            case "wave.baking" if "seconds" in told:
                self.forecast.baking(self.clock() + float(str(told["seconds"])))
            case _:
                pass
        return told

    def _rested(self, account: str) -> None:
        wave = next((wave for wave in self._left if wave.get(account)), None)
        if wave:
            wave[account] -= 1

    def _moved(self, was: Status, status: Status) -> None:
        self.counts[was] -= 1
        self.counts[status] += 1
        if was is Status.PENDING and status is not was:
            self.forecast.begun(self.clock())

    def _count(self, counts: dict[Status, int]) -> None:
        if counts[Status.PENDING] < self.counts[Status.PENDING]:
            self.forecast.begun(self.clock())
        self.counts = counts

    def waiters(self) -> list[str]:
        """Return who waits now."""
        now = self.clock()
        return [name for name, waiting in self.waiting.items() if waiting.until > now]

    def pace(self) -> Iterator[str]:
        """Yield what to know about the requests, and when all tenants may rest."""
        budget = self.budgets()
        if budget.rate:  # workers have not said yet what they ask
            yield f"{self._per_second(budget.sent):,.0f} requests/s of {budget.rate:,.0f}"
            yield f"{budget.in_flight} in flight"
        if budget.paused_for > 0:
            yield f"paused {duration(budget.paused_for)} (429)"
        elif budget.throttled:
            yield f"{budget.throttled:,} × 429"
        if left := self.seconds_left(budget):
            yield f"about {duration(left)} left"

    def waits(self, tenant: str) -> str:
        """Return why a tenant waits, and for how much longer."""
        waiting = self.waiting[tenant]
        return f"{plain(tenant)}: {plain(waiting.why)}, {duration(max(0.0, waiting.until - self.clock()))}"

    def _per_second(self, sent: int) -> float:
        now = self.clock()
        while len(self._samples) > 1 and now - self._samples[1][0] >= _WINDOW:
            self._samples.popleft()
        self._samples.append((now, sent))
        since, before = self._samples[0]
        return (sent - before) / (now - since) if now > since else 0.0

    def seconds_left(self, budget: Budget) -> float | None:
        """Return how long it still takes, if that can be told."""
        now, stands = self.clock(), self._stands(budget)
        self.forecast.sample(now, stands)
        left = self.forecast.left(now, stands, self._paces(budget), ready=budget.ready)
        return None if left is None else max(left, budget.paused_for)

    def _paces(self, budget: Budget) -> list[Pace]:
        paces = [
            paced(wave, budget.lanes, at_once=budget.at_once, at_work=budget.at_work) for wave in self._left or [{}]
        ]
        return [pace if pace.rate else Pace(budget.rate) for pace in paces]

    def _stands(self, budget: Budget) -> Standing:
        sent = budget.sent - budget.throttled
        return Standing(self.counts[Status.RUNNING], self.counts[Status.PENDING], sent, budget.computed)


def wave_said(name: str, told: Document) -> str:
    """Return how far a wave is as a line: `wave canary baking, 2m0s`."""
    word = name.removeprefix("wave.")
    more = duration(float(str(told["seconds"]))) if "seconds" in told else str(told.get("cause", ""))
    tenants = numbered(int(str(told["tenants"])), "tenant") if word == "started" else ""
    return ", ".join(filter(None, [f"{titled(plain(told['name']))} {word}", tenants, plain(more)]))


def instructed(told: Document) -> str:
    """Return what a person said as a line: `exclude acme, by jo@laptop`."""
    return f"{' '.join(filter(None, [str(told['verb']), plain(told['about'])]))}, by {plain(told['who'])}"


def trouble(tenant: object, status: object, error: object) -> str:
    """Return what went wrong with a tenant: `initech invalid_field: no such zone`; its status' own code is not said."""
    if not isinstance(error, dict):
        return f"{plain(tenant)} {plain(status)}"
    code = f"{plain(error['code'])}: " if error["code"] != status else ""
    return f"{plain(tenant)} {code}{plain(error['message'])}"
