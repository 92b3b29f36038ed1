"""When a rollout may rest: by the requests that its tenants still take, how fast those go, and how long waves bake."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace
from itertools import islice
from math import inf
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
_NEAR: Final = 0.85  # of what is aimed at, where accounts take turns: while they are handed over nothing is sent


@dataclass(frozen=True, slots=True)
class Course:
    """What a rollout has ahead: its waves, if it has any, and how many tenants of each account do not rest.

    Those are of each wave, or of all together where there are none.
    """

    waves: Sequence[WaveStanding] = ()
    accounts: Sequence[Mapping[str, int]] = ()


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
class Pace:
    """Requests a second that are aimed at, and how much longer the account takes that is last than all together.

    Where accounts take turns, it is the last turn that counts.
    """

    rate: float
    skew: float = 1.0
    in_turns: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a span of time: requests, how many were aimed at, and the seconds that this machine computed."""

    seconds: float
    sent: int
    aimed: float
    computed: float

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            self.seconds + other.seconds,
            self.sent + other.sent,
            self.aimed + other.aimed,
            self.computed + other.computed,
        )


@dataclass(frozen=True, slots=True)
class Speed:
    """The pace that is aimed at, and how many requests a second were `seen` to be had of it, 0 where that is not known.

    `skew` is that of the pace where it is not this machine that takes the time.
    """

    pace: Pace
    seen: float = 0.0
    skew: float = 1.0

    def seconds(self, requests: float, *, ready: float = 0.0) -> float:
        """Return how long requests take of which some may be sent at once, as far as there is time to send them."""
        seen = self.skew * requests / self.seen if self.seen else 0.0
        return max(0.0, (self.pace.skew * requests - ready) / self.pace.rate, seen)


def paced(
    tenants: Mapping[str, float], lanes: Mapping[str, Lane], *, at_once: float = inf, at_work: Collection[str] = ()
) -> Pace:
    """Return how fast the tenants go that accounts have left, if so many accounts are at work at once.

    Those that are `at_work` already come first. A limit that is not known yet is taken to be as the others are.
    """
    rates = [lane.rate for lane in lanes.values() if lane.rate]
    left: dict[Lane, float] = defaultdict(float)
    ahead = [account for account, count in tenants.items() if count > 0]
    if not (rates and ahead):
        return Pace(0.0)
    usual = sum(rates) / len(rates)
    for account in sorted(ahead, key=lambda name: name not in at_work):
        lane = lanes.get(account)
        left[lane if lane and lane.rate else Lane(-1 - len(left), usual)] += tenants[account]
    turns = [0.0] * int(min(len(left), at_once))
    for lane, count in left.items():
        heapreplace(turns, turns[0] + count / lane.rate)
    rate = sum(lane.rate for lane in islice(left, len(turns)))
    return Pace(rate, max(turns) * rate / sum(left.values()), at_once < inf)


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
        self._aimed = 0.0  # requests a second, since the last look

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
            self._measure(Seen(now - then, sent, self._aimed * (now - then), stands.computed - before.computed))
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

    def left(self, now: float, stands: Standing, paces: Sequence[Pace], *, ready: float) -> float | None:
        """Return the seconds until all rest, or a person is waited for; None before the first rests.

        `paces` are those of the waves, the last also of those after it; `ready` is what may be sent at once.
        """
        costs, (here, later) = self._costs, self._ahead(stands.open)
        ahead = [*paces[here:], *(paces[-1] for _ in self._legs), paces[-1]]
        self._aimed = ahead[0].rate
        if not (costs.rested and stands.open):
            return None
        if not (ahead[0].rate and costs.known):  # others send, and how much is not known
            return stands.open * (now - self._began) / costs.rested
        speed, tenant = self._speed(ahead[0]), costs.tenant
        pending, running = max(0, stands.pending - later), costs.left(self._sent, stands.running)
        since = speed.seconds(max(running, tenant)) if pending else now - self._begun_at
        tail = max(0.0, self._quickest - since)  # of who is last, beside the requests that others need meanwhile
        work = speed.seconds(pending * tenant + running, ready=ready)
        return self.bakes(now) + work + tail + sum(self._after(here, tenant, ahead))

    def reached(self, tenants: int) -> list[Reached]:
        """Return how far each wave is if so many tenants do not rest."""
        here, later = self._ahead(tenants)
        ahead = [leg.tenants for leg in self._legs]
        ahead[: here + 1] = [0] * here + [tenants - later]
        return [
            Reached(wave.name, max(0, wave.size - open_), wave.size)
            for wave, open_ in zip(self._waves, ahead, strict=False)
        ]

    def _after(self, here: int, tenant: float, ahead: Sequence[Pace]) -> Iterator[float]:
        """Yield the seconds that waves take from the end of one on, as far as nobody has to let them begin."""
        for before, leg, pace in zip(self._legs[here:], self._legs[here + 1 :], ahead[1:], strict=False):
            yield before.bake
            if before.approve:
                return
            yield self._speed(pace).seconds(leg.tenants * tenant) + self._quickest

    def _speed(self, pace: Pace) -> Speed:
        """Return how many requests a second may be counted on.

        Where this machine takes the time, it manages as many for whatever accounts; where the API does, a part of what
        is aimed at.
        """
        seen = sum(self._busy, Seen(0.0, 0, 0.0, 0.0))
        if not seen.sent or seen.seconds < _ENOUGH:
            return Speed(pace)
        if seen.computed > _COMPUTING * seen.seconds:
            return Speed(pace, seen.sent / seen.seconds)
        if pace.in_turns and seen.sent > _NEAR * seen.aimed:
            return Speed(pace)
        return Speed(pace, pace.rate * seen.sent / seen.aimed if seen.aimed else seen.sent / seen.seconds, pace.skew)

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
