"""When a rollout may rest: by the requests that its tenants still take, how fast those go, and how long waves bake."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deployer.domain.deployment import OPEN
from deployer.domain.gate import GateState
from deployer.domain.lifecycle import State, StepKind
from deployer.report.summary import WaveStanding

_WINDOW: Final = 20.0  # seconds with tenants left to begin, over which the speed is measured
_TURNS: Final = 10  # tenants one after the other that fit into it
_PARTS: Final = 100  # in which it is held
_ENOUGH: Final = 2.0  # of them, before they say anything about it
_SLOTS: Final = 8  # requests that are always under way
_DEAREST: Final = 2.0  # times what is planned
_POLLED: Final = 1.0  # the same where jobs are polled: what is beyond is sent because there is room for it
# Requests of one step where all is new: what it costs beside others, since what steps cost in fact is measured.
_COSTS: Final = {
    StepKind.CLONE: 2,
    StepKind.CREATE: 2,
    StepKind.COPY: 2,
    StepKind.ADJUST: 2,
    StepKind.CONFIGURE: 1,
    StepKind.RUN: 1,
    StepKind.FOLLOW: 3,
    StepKind.DELETE: 2,
}
_BEHIND: Final = frozenset({State.DONE, State.FAILED, State.UNKNOWN, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Course:
    """What a rollout has ahead: its waves, if it has any, and about how many tenants of each account do not rest."""

    waves: Sequence[WaveStanding] = ()
    accounts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leg:
    """What is left of a wave: tenants that do not rest yet, the seconds it bakes, whether a person is waited for."""

    tenants: int
    bake: float
    approve: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """How many tenants of a wave rest."""

    name: str
    rested: int
    tenants: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many tenants began and do not rest, how many did not begin, and how many requests were let through."""

    running: int
    pending: int
    sent: int

    @property
    def open(self) -> int:
        """Return the tenants that do not rest yet."""
        return self.running + self.pending


@dataclass(frozen=True, slots=True)
class Lane:
    """A limit that several accounts may share, by a number of its own, and what it lets through in a second."""

    number: int
    rate: float


def skewed(tenants: Mapping[str, float], lanes: Mapping[str, Lane]) -> tuple[float, float]:
    """Return how much longer the last account takes than all together, and the rate of those that have tenants left."""
    left: dict[Lane, float] = defaultdict(float)
    for account, count in tenants.items():
        if count > 0 and account in lanes and lanes[account].rate:
            left[lanes[account]] += count
    rate = sum(lane.rate for lane in left)
    if not rate:
        return 1.0, 0.0
    return max(count / lane.rate for lane, count in left.items()) * rate / sum(left.values()), rate


class Forecast:
    """How long a rollout still takes, from what was seen of it. Moments are seconds of one clock.

    A step costs the requests that those before it did, at the rate that is aimed at, or slower if that is what is seen.
    Tenants that rest do not say how fast it goes: the first come late, and a full bucket lets many through at once.
    """

    def __init__(self, course: Course) -> None:
        self._waves = [each.wave for each in course.waves]
        self._legs = [_leg(each) for each in course.waves]
        self._began = self._begun_at = self._baked_at = 0.0
        self._all, self._rested, self._sent = 0, 0, 0
        self._most = 0  # tenants that ran at once
        self._polls = False
        self._behind = self._of_rested = 0  # what steps cost that are behind, and those of tenants that rest
        self._of_running: dict[str, int] = {}
        self._from: tuple[int, int] | None = None  # what was sent and behind as the first came to rest
        self._quickest = 0.0  # seconds: what a tenant takes if it waits for no other
        self._last: tuple[float, int, bool] | None = None
        self._busy: deque[tuple[float, int]] = deque()

    def begun(self, now: float) -> None:
        """Note that a tenant began."""
        self._begun_at = now

    def stepped(self, tenant: str, step: StepKind, state: State) -> None:
        """Note that a step of a tenant's moved."""
        if state in _BEHIND:
            self._behind += _COSTS[step]
            self._polls |= step is StepKind.FOLLOW
            self._of_running[tenant] = self._of_running.get(tenant, 0) + _COSTS[step]

    def rested(self, tenant: str) -> None:
        """Note that a tenant came to rest."""
        self._rested += 1
        self._of_rested += self._of_running.pop(tenant, 0)

    def took(self, seconds: float) -> None:
        """Note how long a tenant took that is done."""
        self._quickest = min(self._quickest or seconds, seconds)

    def baking(self, until: float) -> None:
        """Note until when the wave bakes that ended."""
        self._baked_at = until

    def bakes(self, now: float) -> float:
        """Return for how many more seconds the wave before bakes."""
        return max(0.0, self._baked_at - now)

    def sample(self, now: float, stands: Standing) -> None:
        """Note what was sent until now; it says how fast that goes only while tenants are there to begin."""
        if self._last is None:
            self._began, self._all, self._last = now, stands.open, (now, stands.sent, False)
        then, before, waited = self._last
        waits = self._waits(stands)
        self._most = max(self._most, stands.running)
        self._sent += stands.sent - before
        if waits and waited and now > then:
            self._measure(now - then, stands.sent - before)
        self._last = now, stands.sent, waits
        if self._rested and self._from is None:
            self._from = self._sent, self._behind

    def _measure(self, seconds: float, sent: int) -> None:
        """Take in how many requests there were in some seconds, and forget what was long ago."""
        window = max(_WINDOW, _TURNS * self._quickest)  # tenants may go in step, and then requests come in bursts
        if self._busy and self._busy[-1][0] < window / _PARTS:
            before = self._busy.pop()
            seconds, sent = before[0] + seconds, before[1] + sent
        self._busy.append((seconds, sent))
        while sum(span for span, _ in self._busy) - self._busy[0][0] > window:
            self._busy.popleft()

    def _waits(self, stands: Standing) -> bool:
        """Tell whether tenants of a wave wait for others, and nothing else keeps them all from beginning."""
        here, later = self._ahead(stands.open)
        tenants = self._legs[here].tenants if here < len(self._legs) else self._all
        return 0 < stands.pending - later < tenants

    def left(self, now: float, stands: Standing, *, rate: float, ready: float, skew: float = 1.0) -> float | None:
        """Return the seconds until all rest, or a person is waited for; None before the first rests.

        `rate` is what may be sent in a second, and `ready` what may be sent at once. `skew` is how much longer the
        account takes that is last than if all were done together.
        """
        if not (self._rested and stands.open):
            return None
        if not (rate and self._of_rested):  # others send, and how much is not known
            return stands.open * (now - self._began) / self._rested
        speed, cost = self._speed(rate), self._cost()
        tenant = cost * self._of_rested / self._rested
        here, later = self._ahead(stands.open)
        pending = max(0, stands.pending - later)
        running = stands.running * tenant - cost * sum(self._of_running.values())
        looks = min(max(0.0, self._sent - cost * self._behind), self._in_step, stands.open - later)  # before a call
        work = skew * (pending * tenant + running - looks) - ready
        since = running / speed if pending else now - self._begun_at
        tail = max(0.0, self._quickest - since)  # of who is last, beside the requests that others need meanwhile
        return self.bakes(now) + max(0.0, work / speed) + tail + sum(self._after(here, skew * tenant / speed))

    def reached(self, tenants: int) -> list[Reached]:
        """Return how far each wave is if so many tenants do not rest."""
        here, later = self._ahead(tenants)
        ahead = [leg.tenants for leg in self._legs]
        ahead[: here + 1] = [0] * here + [tenants - later]
        return [
            Reached(wave.name, max(0, wave.size - open_), wave.size)
            for wave, open_ in zip(self._waves, ahead, strict=False)
        ]

    def _after(self, here: int, tenant: float) -> Iterator[float]:
        """Yield the seconds that waves take from the end of one on, as far as nobody has to let them begin."""
        for before, leg in zip(self._legs[here:], self._legs[here + 1 :], strict=False):
            yield before.bake
            if before.approve:
                return
            yield leg.tenants * tenant + self._quickest

    def _cost(self) -> float:
        """Return how many requests there are for each that is planned: as near to one as what was seen allows.

        Tenants may go in step, and have a request ahead of what is behind them, or behind it: as many as go at once, or
        as a full bucket let go.
        """
        sent_then, behind_then = self._from or (0, 0)
        sent, behind = self._sent - sent_then, self._behind - behind_then
        if not behind:
            return 1.0
        cost = max((sent - self._in_step) / behind, min(1.0, (sent + self._in_step) / behind))
        return min(_POLLED if self._polls else _DEAREST, cost)

    @property
    def _in_step(self) -> int:
        """Return how many requests may be ahead of what is behind, or behind it."""
        sent, behind = self._from or (0, 0)
        return _SLOTS + max(self._most, sent - behind)

    def _speed(self, rate: float) -> float:
        """Return how many requests a second may be counted on."""
        seconds, sent = (sum(each) for each in zip(*self._busy, strict=True)) if self._busy else (0.0, 0)
        return min(rate, sent / seconds) if sent and seconds >= _ENOUGH else rate

    def _ahead(self, tenants: int) -> tuple[int, int]:
        """Return which wave it is if so many tenants do not rest, and how many of those are of later ones."""
        later = sum(leg.tenants for leg in self._legs)
        for here, leg in enumerate(self._legs):
            later -= leg.tenants
            if tenants > later:
                return here, later
        return len(self._legs), 0


def _leg(standing: WaveStanding) -> Leg:
    """Return what is left of a wave: where it was released before, failed tenants may be tried again."""
    tenants, wave = sum(standing.counts[status] for status in OPEN), standing.wave
    if standing.gate and standing.gate.state is GateState.RELEASED:
        return Leg(tenants, 0.0, approve=False)
    return Leg(tenants, wave.bake[0], wave.approve)
