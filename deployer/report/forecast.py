"""When a rollout may rest: by the requests that its tenants still take, how fast those go, and how long waves bake."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deployer.domain.deployment import OPEN
from deployer.domain.gate import GateState
from deployer.domain.lifecycle import State, StepKind
from deployer.report.costs import Costs
from deployer.report.summary import WaveStanding

_WINDOW: Final = 20.0  # seconds with tenants left to begin, over which the speed is measured
_TURNS: Final = 10  # tenants one after the other that fit into it
_PARTS: Final = 100  # in which it is held
_ENOUGH: Final = 2.0  # of them, before they say anything about it
_COMPUTING: Final = 0.5  # of the time: from there on it is this machine that takes it


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
    """How many tenants began and do not rest, how many did not begin, and how many requests were let through.

    `computed` are the seconds that sending them took this machine, if it is the one that sends.
    """

    running: int
    pending: int
    sent: int
    computed: float = 0.0

    @property
    def open(self) -> int:
        """Return the tenants that do not rest yet."""
        return self.running + self.pending


@dataclass(frozen=True, slots=True)
class Lane:
    """A limit that several accounts may share, by a number of its own, and what it lets through in a second."""

    number: int
    rate: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a span of time: requests, and the seconds that this machine computed."""

    seconds: float
    sent: int
    computed: float

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(self.seconds + other.seconds, self.sent + other.sent, self.computed + other.computed)


@dataclass(frozen=True, slots=True)
class Speed:
    """Requests a second: how many are aimed at, and how many were `seen`, 0 where that is not known.

    `skew` is how much longer the account takes that is last than if all were done together; `late` is the same where
    it is not the rate that takes the time.
    """

    rate: float
    seen: float
    skew: float
    late: float

    def seconds(self, requests: float, *, ready: float = 0.0) -> float:
        """Return how long requests take of which some may be sent at once, as far as there is time to send them."""
        seen = self.late * requests / self.seen if self.seen else 0.0
        return max(0.0, (self.skew * requests - ready) / self.rate, seen)


def skewed(tenants: Mapping[str, float], lanes: Mapping[str, Lane]) -> tuple[float, float]:
    """Return how much longer the last account takes than all together, and the rate of those that have tenants left.

    As long as others wait for their turn behind these, none of them is the last.
    """
    left: dict[Lane, float] = defaultdict(float)
    ahead = {account: count for account, count in tenants.items() if count > 0}
    for account, count in ahead.items():
        if account in lanes and lanes[account].rate:
            left[lanes[account]] += count
    rate = sum(lane.rate for lane in left)
    if not rate or not ahead.keys() <= lanes.keys():
        return 1.0, rate
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
        self._all = self._sent = 0
        self._costs = Costs()
        self._quickest = 0.0  # seconds: what a tenant takes if it waits for no other
        self._last: tuple[float, Standing, bool] | None = None
        self._busy: deque[Seen] = deque()

    def begun(self, now: float) -> None:
        """Note that a tenant began."""
        self._begun_at = now

    def stepped(self, tenant: str, step: StepKind, state: State) -> None:
        """Note that a step of a tenant's moved."""
        self._costs.step(tenant, step, state)

    def rested(self, tenant: str) -> None:
        """Note that a tenant came to rest."""
        self._costs.rest(tenant)

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
            self._began, self._all, self._last = now, stands.open, (now, stands, False)
        then, before, waited = self._last
        waits = self._waits(stands)
        sent = stands.sent - before.sent
        self._sent += sent
        if waits and waited and now > then:
            self._measure(Seen(now - then, sent, stands.computed - before.computed))
        self._last = now, stands, waits
        self._costs.sample(self._sent, stands.running)

    def _measure(self, seen: Seen) -> None:
        """Take in what was seen in some seconds, and forget what was long ago."""
        window = max(_WINDOW, _TURNS * self._quickest)  # tenants may go in step, and then requests come in bursts
        if self._busy and self._busy[-1].seconds < window / _PARTS:
            seen = self._busy.pop() + seen
        self._busy.append(seen)
        while sum(each.seconds for each in self._busy) - self._busy[0].seconds > window:
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
        costs = self._costs
        if not (costs.rested and stands.open):
            return None
        if not (rate and costs.known):  # others send, and how much is not known
            return stands.open * (now - self._began) / costs.rested
        speed, tenant = self._speed(rate, skew), costs.tenant
        here, later = self._ahead(stands.open)
        pending, running = max(0, stands.pending - later), costs.left(self._sent, stands.running)
        since = speed.seconds(running) if pending else now - self._begun_at
        tail = max(0.0, self._quickest - since)  # of who is last, beside the requests that others need meanwhile
        work = speed.seconds(pending * tenant + running, ready=ready)
        return self.bakes(now) + work + tail + sum(self._after(here, speed.seconds(tenant)))

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

    def _speed(self, rate: float, skew: float) -> Speed:
        """Return how many requests a second may be counted on.

        Where this machine takes the time, accounts that are done leave theirs to the last; where the API does, not.
        """
        seen = sum(self._busy, Seen(0.0, 0, 0.0))
        if not seen.sent or seen.seconds < _ENOUGH:
            return Speed(rate, 0.0, skew, skew)
        late = 1.0 if seen.computed > _COMPUTING * seen.seconds else skew
        return Speed(rate, seen.sent / seen.seconds, skew, late)

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
