"""What became of a tenant's time: the calls that were made for it, and what it waited for in between."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.lifecycle import TRANSITIONS, Event, State, StepKind
from deployer.journal.protocol import Met

GATE, TURN, SETTLE, JOB, PERSON = "gate", "turn", "settle", "job", "person"
WAITS: Final[Mapping[str, str]] = {
    TURN: "its turn: the rate, and others first",
    SETTLE: "certainty: the answer to a call was lost",
    JOB: "the job to end",
    GATE: "the gate of the wave before",
    PERSON: "a person",
}
"""What a tenant may wait for, and how that is said; everything else that takes its time is a call."""

_ANSWERED: Final = frozenset({Event.SUCCEED, Event.REFUSE, Event.STALE})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A call, named as its step, or a wait, between two seconds since the rollout began; no end while it lasts."""

    what: str
    begin: float
    end: float | None


@dataclass(frozen=True, slots=True)
class Track:
    """The stretches of a tenant, one after the other, and when its first call was intended and the last ended (UTC)."""

    stretches: tuple[Stretch, ...]
    begun_at: str | None
    ended_at: str | None

    @property
    def seconds(self) -> float | None:
        """Return how long a tenant that rests took from its first call on."""
        if self.begun_at is None or self.ended_at is None:
            return None
        return max(0.0, moment(self.ended_at) - moment(self.begun_at))

    def waited(self) -> dict[str, float]:
        """Return the seconds that were waited, by what for."""
        total: dict[str, float] = {}
        for each in self.stretches:
            if each.what in WAITS and each.end is not None:
                total[each.what] = total.get(each.what, 0.0) + each.end - each.begin
        return total


@dataclass(frozen=True, slots=True)
class Frame:
    """The time of a rollout: its begin, and when each wave was let begin, in seconds of the epoch.

    `now` is when it was looked at, if it has not ended; `at_work` tells whether anybody goes on with it.
    """

    began: float
    released: Mapping[int, float] = field(default_factory=dict)
    now: float | None = None
    at_work: bool = False

    def since(self, at: str) -> float:
        """Return the seconds since the begin."""
        return moment(at) - self.began

    def opened(self, wave: int) -> float | None:
        """Return how many seconds after the begin a wave was let begin; None where it was not yet."""
        if wave <= 1:
            return 0.0
        return self.released[wave] - self.began if wave in self.released else None


def moment(at: str) -> float:
    """Return a time as the journal writes it in seconds of the epoch."""
    return datetime.fromisoformat(at).timestamp()


def track_of(deployment: Deployment, met: Sequence[Met], frame: Frame) -> Track:
    """Return what became of a tenant's time, from what its steps met."""
    intents = (each.at for each in met if each.event is Event.INTEND)
    ended = met[-1].at if met and deployment.status not in OPEN else None
    return Track(tuple(_stretches(deployment, met, frame)), next(intents, None), ended)


def _stretches(deployment: Deployment, met: Sequence[Met], frame: Frame) -> Iterator[Stretch]:
    states = [State.READY] * len(deployment.steps)
    opened = frame.opened(deployment.planned.wave)
    cursor, known = opened or 0.0, bool(met)
    if opened and (known or deployment.status is Status.PENDING):
        yield Stretch(GATE, 0.0, opened)
    for each in met:
        at = frame.since(each.at)
        what = _what(deployment.steps[each.index].kind, states[each.index], each.event)
        if at > cursor and (what != PERSON or each is not met[0]):
            yield Stretch(what, cursor, at)
        cursor = max(cursor, at)
        states[each.index] = TRANSITIONS.get((states[each.index], each.event), states[each.index])
    if frame.now is not None and deployment.steps:
        lasting = _lasting(deployment, frame, opened=opened is not None)
        if lasting:
            yield Stretch(lasting, cursor, None)


def _what(kind: StepKind, before: State, event: Event) -> str:
    """Return what the time was spent on that an event ended."""
    if before is State.INTENDED:
        if kind is StepKind.FOLLOW:
            return JOB
        if event is Event.RESTAMP:
            return TURN
        return kind.value if event in _ANSWERED else SETTLE
    if before is State.READY:
        return PERSON if event in {Event.SKIP, Event.CANCEL} else TURN
    return PERSON


def _lasting(deployment: Deployment, frame: Frame, *, opened: bool) -> str:
    """Return what a tenant waits for now, nothing where it rests or nobody goes on."""
    if deployment.status is Status.UNKNOWN:
        return PERSON
    step = next((step for step in deployment.steps if step.state is not State.DONE), None)
    if step is None or deployment.status not in OPEN:
        return ""
    if not opened:
        return GATE
    if not frame.at_work:
        return PERSON if deployment.is_begun else ""
    if step.state is State.INTENDED:
        return JOB if step.kind is StepKind.FOLLOW else step.kind.value
    return TURN
