"""Rollouts of several accounts that a few lines play in virtual time, as a tally sees them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapreplace

from deployer.domain.deployment import Status, count
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.waves import Wave
from deployer.report.forecast import Course, Lane
from deployer.report.summary import WaveStanding
from deployer.report.tally import Budget, Tally
from deployer.telemetry.events import Event

LATENCY = 0.1  # seconds of a request
GLANCE = 0.125  # seconds between two looks at the forecast
REQUESTS = 3  # of a tenant: it is looked for, cloned and configured
ABREAST = 8  # tenants of an account that go from request to request together


@dataclass(frozen=True, slots=True)
class Spread:
    """Tenants by account, wave after wave, and the requests a second of each account, of which some go at once.

    Before an account begins its part of a wave `pause` seconds go by, half of them before anybody is at it.
    """

    waves: Sequence[Mapping[str, int]]
    rate: float = 8.0
    at_once: int = 100
    pause: float = 0.0

    @property
    def course(self) -> Course:
        if len(self.waves) == 1:
            return Course(accounts=self.waves)
        return Course([_standing(number, wave) for number, wave in enumerate(self.waves, 1)], self.waves)


@dataclass(frozen=True, slots=True)
class Turn:
    """An account's part of a wave: when it was queued, taken up, began and ended, and what happens when."""

    account: str
    queued: float
    taken: float
    begun: float
    ended: float
    sends: Sequence[float]
    begins: Sequence[tuple[float, str]]
    rests: Sequence[tuple[float, str]]


def _standing(number: int, wave: Mapping[str, int]) -> WaveStanding:
    size = sum(wave.values())
    return WaveStanding(Wave(f"wave {number}", size, size, 0), count([Status.PENDING] * size), None)


def turns(spread: Spread) -> Iterator[Turn]:
    """Yield who is at work when, in the order in which they begin."""
    now = 0.0
    for number, wave in enumerate(spread.waves):
        free = [now] * min(spread.at_once, len(wave))
        for account, tenants in wave.items():
            turn = _turn(
                account, [f"{account} {number} {n}" for n in range(tenants)], (now, free[0] + spread.pause / 2), spread
            )
            heapreplace(free, turn.ended)
            yield turn
        now = max(free)


def _turn(account: str, tenants: Sequence[str], queued: tuple[float, float], spread: Spread) -> Turn:
    begun = queued[1] + spread.pause / 2
    sends: list[float] = []
    begins: list[tuple[float, str]] = []
    rests: list[tuple[float, str]] = []
    for first in range(0, len(tenants), ABREAST):
        for request in range(REQUESTS):
            for name in tenants[first : first + ABREAST]:
                at = begun + len(sends) / spread.rate
                sends.append(at)
                if request == 1:
                    begins.append((at, name))
                if request == REQUESTS - 1:
                    rests.append((at + LATENCY, name))
    return Turn(account, *queued, begun, rests[-1][0], sends, begins, rests)


@dataclass
class Seen:
    """A rollout as it goes, in this process: every step and request is known at once. `told` has what was forecast."""

    spread: Spread
    now: float = 0.0
    told: list[tuple[float, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turns = list(turns(self.spread))
        self.end = max(turn.ended for turn in self.turns)
        size = sum(len(turn.rests) for turn in self.turns)
        self.tally = Tally(count([Status.PENDING] * size), self.budget, lambda: self.now, self.spread.course)
        self._news = iter(sorted(self.news(), key=lambda news: news[0]))
        self._next = next(self._news, None)

    def go(self) -> None:
        """Look at it until all tenants rest."""
        self.tally.start()
        while self.now < self.end:
            self.look()
            self.told.append((self.now, self.tally.seconds_left(self.budget())))
            self.now += GLANCE

    def look(self) -> None:
        """See what happened since."""
        while self._next and self._next[0] <= self.now:
            for event in self._next[1]:
                self.tally.see(event)
            self._next = next(self._news, None)

    def news(self) -> Iterator[tuple[float, list[Event]]]:
        """Yield what is told, and when."""
        for turn in self.turns:
            for at, name in turn.begins:
                yield at, [moved(turn.account, name, State.INTENDED, was=Status.PENDING)]
            for at, name in turn.rests:
                yield at - LATENCY, [moved(turn.account, name, State.DONE)]
                yield at, [moved(turn.account, name, State.DONE, StepKind.CONFIGURE), rested(turn.account, name)]

    def budget(self) -> Budget:
        lanes = {name: Lane(number, self.spread.rate) for number, name in enumerate(self.accounts)}
        sent = sum(at <= self.now for turn in self.turns for at in turn.sends)
        rate = sum(lane.rate for lane in lanes.values())
        return Budget(sent=sent, throttled=0, in_flight=1, paused_for=0.0, rate=rate, lanes=lanes)

    @property
    def accounts(self) -> Sequence[str]:
        return list(dict.fromkeys(turn.account for turn in self.turns))

    def off(self) -> list[tuple[float, float]]:
        """Return when, from a quarter of the time on, a forecast was off by a tenth and 3 s, and by how much."""
        self.go()
        return [
            (round(now / self.end, 2), round(left - (self.end - now), 1))
            for now, left in self.told
            if now >= self.end / 4
            and left is not None
            and abs(left - (self.end - now)) > max(3.0, 0.1 * (self.end - now))
        ]


def moved(
    account: str, tenant: str, state: State, step: StepKind = StepKind.CLONE, *, was: Status = Status.RUNNING
) -> Event:
    status = Status.DONE if step is StepKind.CONFIGURE else Status.RUNNING
    fields = {"tenant": tenant, "account": account, "step": step.value, "state": state.value}
    return Event("step.moved", "", {**fields, "was": was.value, "status": status.value})


def rested(account: str, tenant: str) -> Event:
    return Event("tenant.rested", "", {"tenant": tenant, "account": account, "status": "done", "seconds": 1.0})
