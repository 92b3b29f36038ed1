"""Decide what to do next from what the journal holds, and nothing else."""

from dataclasses import dataclass, replace

from deployer.domain.deployment import Deployment, Moment, Step
from deployer.domain.lifecycle import CLONES, READ_BACK, State, StepKind
from deployer.domain.manifest import Safety

ATTEMPTS = 5  # calls proven absent before a tenant is given up: deaths of ours before they were sent count too


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is left to do, or a person is needed."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Do a step that was never asked for, or was proven not to have happened."""

    index: int
    step: Step


@dataclass(frozen=True, slots=True)
class Recover:
    """Find out what became of a call whose answer is lost.

    `wait` is how many seconds have to pass before absence, or another write, may be concluded upon.
    """

    index: int
    step: Step
    wait: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop trying: the call was proven absent too often."""

    index: int
    step: Step


Move = Rest | Begin | Recover | GiveUp


def next_move(deployment: Deployment, now: Moment, safety: Safety, *, settle_only: bool = False) -> Move:
    """Return the one move a deployment allows; with `settle_only` nothing new is begun."""
    for index, step in enumerate(deployment.steps):
        match step.state:
            case State.DONE:
                pass  # on to the next
            case State.READY if settle_only:
                return Rest()
            case State.READY if step.attempts >= ATTEMPTS:
                return GiveUp(index, step)
            case State.READY:
                return Begin(index, step)
            case State.INTENDED if settle_only and step.kind is StepKind.FOLLOW:
                return Rest()  # which changes nothing, and may take long
            case State.INTENDED:
                return Recover(index, step, remaining(step, now, settle_time(step.kind, safety)))
            case _:
                return Rest()
    return Rest()


def settle_time(kind: StepKind, safety: Safety) -> float:
    """Return D of a call: seconds from its intent after which a new observation shows what it did.

    Intent validity + timeout + the time the server may still apply it + the time until it is listed. A PUT or DELETE is
    read back from the document itself, where no list lags.
    """
    if kind is StepKind.FOLLOW:
        return 0.0  # nothing is sent that could land late
    lag = 0.0 if kind in READ_BACK else safety.lag
    return _giving_up(kind, safety) + safety.settle + lag


def overslept(step: Step, now: Moment, safety: Safety) -> bool:
    """Tell whether a call is given up only now although its time was over long ago: its sender slept, or was stopped.

    Until now it may not even have left this machine, so the server's time to apply it begins now.
    """
    return remaining(step, now, _giving_up(step.kind, safety)) <= 0


def _giving_up(kind: StepKind, safety: Safety) -> float:
    """Return the seconds from an intent within which its call is answered or given up."""
    return safety.intent + (safety.clone_timeout if kind in CLONES else safety.timeout)


def remaining(step: Step, now: Moment, span: float) -> float:
    """Return how much of `span` seconds since the intent is left: by a clock of another boot, all of it."""
    if step.intent is None or step.intent.boot != now.boot:
        return span
    return max(0.0, span - (now.at - step.intent.at))


def rebased(deployment: Deployment, now: Moment) -> Deployment:
    """Count the wait of intents of another boot or host from now on: theirs cannot be compared with our clock.

    How long ago they were is not known either, so nothing of theirs is sent again at once.
    """
    steps = tuple(
        replace(step, intent=now, facts={**step.facts, "again": True})
        if step.intent and step.intent.boot != now.boot
        else step
        for step in deployment.steps
    )
    return replace(deployment, steps=steps)
