"""Rollouts as they may have gone, for whoever shows them: made of a seed, and of nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from deployer.domain.deployment import Deployment, Step
from deployer.domain.gate import Gate, GateState
from deployer.domain.lifecycle import TRANSITIONS, Event, State, StepKind
from deployer.domain.local_time import utc_text
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount
from deployer.domain.samples import Call, Sample, bucket_of
from deployer.domain.waves import Stage, Wave, allot, stages_of
from deployer.journal.protocol import Met, Rollout
from deployer.report.gathering import Gathering, report_head
from deployer.report.tracks import Frame
from tests.factories import plan, planned
from tests.report.stage import change

BEGAN: Final = 1_800_000_000.0
ERRORS: Final = (
    ("invalid_field", 422, "schedule", "no such zone", "mend the cause and run resume with --failed"),
    ("entitlement", 403, None, "the account has no more flows to enable", "free some, or ask for more"),
    ("not_applied", None, "settings.region", "the API took the PUT and left settings.region as it was", "look at it"),
)
_PAUSE = 300.0  # seconds that the gates between waves take


@dataclass(frozen=True, slots=True)
class Course:
    """How a rollout went: so many tenants, in `waves` or none; of a hundred so many fail; `upto` is how far it came.

    `names` are those of the first tenants.
    """

    tenants: int = 40
    waves: Sequence[int | str] = ()
    failing: int = 3
    upto: float = 1.0
    outcome: str = "succeeded_with_failures"
    reason: str = ""
    names: Sequence[str] = ()
    accounts: int = 2
    per_second: float = 60.0
    chance: Random = field(default_factory=lambda: Random(7))

    @property
    def limit(self) -> float:
        """Return the requests a second of each account that are aimed at."""
        return 1.1 * self.per_second / self.accounts


@dataclass(slots=True)
class Made:
    """What was made of a course: its head, once its tenants were gone through."""

    rollout: Rollout
    plan: Plan
    gathered: Gathering
    samples: Sequence[Sample]
    gates: Mapping[int, Gate]
    course: Course
    taken: Sequence[int]
    length: float

    def deployments(self) -> Iterator[tuple[Deployment, list[Met]]]:
        """Yield the tenants as they ended, with what their steps met."""
        return (_tenant(self, place) for place in range(self.course.tenants))

    def tenants(self) -> Iterator[Mapping[str, Any]]:
        """Yield the tenants as a report shows them."""
        return (self.gathered.add(deployment, met) for deployment, met in self.deployments())

    @property
    def head(self) -> Mapping[str, Any]:
        read_at = at(4_000.0)
        return report_head(self.rollout, self.plan, self.gathered, self.samples, gates=self.gates, read_at=read_at)


def at(second: float) -> str:
    return utc_text(datetime.fromtimestamp(BEGAN + second, UTC))


def read(course: Course) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return the head and the tenants of a course."""
    made = new(course)
    tenants = [*made.tenants()]
    return made.head, tenants


def new(course: Course) -> Made:
    """Return a rollout whose tenants are made as they are gone through."""
    taken, waves = _waves(course)
    accounts = {name: _account(name) for name in _accounts(course)}
    settings: dict[str, Any] = {
        "accounts": {name: {"rate": {"per_second": 1.1 * course.per_second / course.accounts}} for name in accounts}
    }
    made = replace(plan(), waves=waves, accounts=accounts, settings=settings)
    over, length = course.upto >= 1.0, _length(course, len(waves))
    rollout = Rollout(
        "order-sync-20270115T080000-7f3a", "order-sync", "apply", "7f3ac1" + "0" * 58, "m" * 64, "t" * 64,
        course.outcome, course.reason, "jo@laptop", at(0.0), at(length) if over else None,
    )  # fmt: skip
    gates = {
        number: Gate(number, GateState.RELEASED, at(_gate(course, taken, number)), "jo@laptop")
        for number in range(1, len(waves))
        if taken.index(number + 1) < course.upto * course.tenants
    }
    released = {number + 1: datetime.fromisoformat(gate.since).timestamp() for number, gate in gates.items()}
    now = None if over else BEGAN + length
    gathered = Gathering(Frame(BEGAN, released, now, at_work=course.outcome == "running"))
    return Made(rollout, made, gathered, [*_samples(course, taken)], gates, course, taken, length)


def _waves(course: Course) -> tuple[list[int], tuple[Wave, ...]]:
    if not course.waves:
        return [0] * course.tenants, ()
    stages = stages_of(
        course.waves, sum(_has_work(place) for place in range(course.tenants)), Stage("wave", tolerance="10%")
    )
    working, waves = allot(stages, [0] * sum(_has_work(place) for place in range(course.tenants)))
    turn = iter(working)
    return [next(turn, working[-1]) if _has_work(place) else 0 for place in range(course.tenants)], waves


def _has_work(place: int) -> bool:
    return place % 20 != 19


def _accounts(course: Course) -> list[str]:
    return [f"acme-{number}" for number in range(course.accounts)]


def _account(name: str) -> PlannedAccount:
    return PlannedAccount(name, "https://api.integrator.io", name, "5f0000000000000000000001", "Orders", "7f" * 32, 1)


def _turn(course: Course, place: int, wave: int) -> float:
    """Return the second in which a tenant's turn comes."""
    return place * 5.0 / course.per_second + max(0, wave - 1) * _PAUSE


def _gate(course: Course, taken: Sequence[int], number: int) -> float:
    first = taken.index(number + 1)
    return _turn(course, first, number + 1) - 0.2


def _length(course: Course, waves: int) -> float:
    return _turn(course, round(course.upto * course.tenants), waves) + 12.0


def _samples(course: Course, taken: Sequence[int]) -> Iterator[Sample]:
    """Yield what each account was asked: all of the rate while there is a wave, with a refusal now and then."""
    begins = [taken.index(wave) for wave in sorted({*taken} - ({0} if course.waves else set()))]
    for begin, end in zip(begins, [*begins[1:], course.tenants], strict=True):
        upto = min(end, round(course.upto * course.tenants))
        second, last = (_turn(course, place, taken[begin]) for place in (begin, upto))
        while second < last + 2.0 and begin < upto:
            refused = course.chance.random() < 0.05
            for name in _accounts(course):
                sent = round(course.per_second / course.accounts * 10 * course.chance.uniform(0.8, 1.0)) or 1
                latency = {
                    call: {bucket_of(course.chance.lognormvariate(mean, 0.3)): sent // 4 + 1 for _ in range(4)}
                    for call, mean in ((Call.LIST, -3.0), (Call.CLONE, -0.5), (Call.READ, -3.2), (Call.WRITE, -2.0))
                }
                paused = (3, 2.5) if refused else (0, 0.0)
                yield Sample(name, at(second), 10.0, sent, *paused, 24, course.limit, latency)
            second += 10.0


def _tenant(made: Made, place: int) -> tuple[Deployment, list[Met]]:
    course, wave = made.course, made.taken[place]
    name = course.names[place] if place < len(course.names) else f"tenant-{place}"
    account = _accounts(course)[place % course.accounts]
    if not _has_work(place):
        action = Action.BLOCKED if place % 3 else Action.NO_CHANGE
        reason = 'connection "NetSuite EU" not found' if action is Action.BLOCKED else ""
        of = planned(name, action=action, account=account, steps=(), reason=reason)
        return Deployment(made.rollout.id, place, of, ()), []
    begun = place < course.upto * course.tenants
    return _moved(made, place, _planned(name, account, wave), begun=begun)


def _planned(name: str, account: str, wave: int) -> Planned:
    changes = [change("name", "Orders", f"Orders: {name}"), change("settings.region", None, "eu")]
    steps = (StepKind.CLONE, StepKind.CONFIGURE, StepKind.RUN, StepKind.FOLLOW)
    return replace(planned(name, account=account, changes=changes, steps=steps), wave=wave)


def _moved(made: Made, place: int, of: Planned, *, begun: bool) -> tuple[Deployment, list[Met]]:
    course = made.course
    chance = Random(place)
    facts: dict[int, dict[str, Any]] = {0: {"flow": f"{place:024x}"}}
    events: list[tuple[float, int, Event]] = []
    second = _turn(course, place, of.wave)
    for index, kind in enumerate(of.steps if begun else ()):
        takes = chance.uniform(1.0, 8.0) if kind is StepKind.FOLLOW else chance.lognormvariate(-0.7, 0.4)
        events.append((second, index, Event.INTEND))
        last = Event.SUCCEED
        if index and chance.randrange(200) < course.failing:
            code, status, where, message, remedy = ERRORS[chance.randrange(len(ERRORS))]
            error = {"code": code, "status": status, "field": where, "message": message, "remedy": remedy}
            facts[index] = {"error": error}
            last = chance.choice((Event.REFUSE, Event.REFUSE, Event.UNDECIDABLE))
        elif chance.randrange(100) == 0:
            takes, last = takes + 30.0, Event.FOUND
        second += takes
        if second > made.length and course.upto < 1.0:
            break
        events.append((second, index, last))
        if last not in {Event.SUCCEED, Event.FOUND}:
            break
        second += chance.uniform(0.0, 0.3)
    states = [State.READY] * len(of.steps)
    for _, index, event in events:
        states[index] = TRANSITIONS[states[index], event]
    pairs = enumerate(zip(of.steps, states, strict=True))
    steps = tuple(Step(kind, state, facts=facts.get(index, {})) for index, (kind, state) in pairs)
    met = [Met(index, event, at(when)) for when, index, event in events]
    return Deployment(made.rollout.id, place, of, steps), met
