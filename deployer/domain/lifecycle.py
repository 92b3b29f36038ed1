"""The states of a step, as a table in which a missing pair is the error."""

from enum import StrEnum

from deployer.errors import TransitionError


class StepKind(StrEnum):
    """What a step does: one mutating call, or the following of the jobs that one started."""

    CLONE = "clone"
    CREATE = "create"
    COPY = "copy"
    ADJUST = "adjust"
    CONFIGURE = "configure"
    RUN = "run"
    FOLLOW = "follow"
    DELETE = "delete"


BIRTHS = frozenset({StepKind.CLONE, StepKind.CREATE})
CLONES = frozenset({StepKind.CLONE, StepKind.COPY})
READ_BACK = frozenset({StepKind.CONFIGURE, StepKind.ADJUST, StepKind.DELETE})  # from the document itself


class State(StrEnum):
    """What is known of a step."""

    READY = "ready"
    INTENDED = "intended"
    DONE = "done"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to a step."""

    INTEND = "intend"
    RESTAMP = "restamp"
    SUCCEED = "succeed"
    FOUND = "found"
    REFUSE = "refuse"
    STALE = "stale"
    ABSENT = "absent"
    UNDECIDABLE = "undecidable"
    LOOK = "look"
    CONFIRM = "confirm"
    RETRY = "retry"
    SKIP = "skip"
    CANCEL = "cancel"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.READY, Event.INTEND): State.INTENDED,
    (State.READY, Event.FOUND): State.DONE,
    (State.READY, Event.REFUSE): State.FAILED,  # the look before the call already says no
    (State.READY, Event.STALE): State.FAILED,
    (State.READY, Event.UNDECIDABLE): State.UNKNOWN,
    (State.READY, Event.SKIP): State.SKIPPED,
    (State.READY, Event.CANCEL): State.CANCELLED,
    (State.INTENDED, Event.RESTAMP): State.INTENDED,  # proven unsent and sent again; or given up late
    (State.INTENDED, Event.SUCCEED): State.DONE,
    (State.INTENDED, Event.FOUND): State.DONE,
    (State.INTENDED, Event.REFUSE): State.FAILED,
    (State.INTENDED, Event.STALE): State.FAILED,
    (State.INTENDED, Event.ABSENT): State.READY,
    (State.INTENDED, Event.UNDECIDABLE): State.UNKNOWN,
    (State.UNKNOWN, Event.FOUND): State.DONE,
    (State.UNKNOWN, Event.LOOK): State.INTENDED,  # what could not be read may be readable now
    (State.UNKNOWN, Event.CONFIRM): State.DONE,
    (State.UNKNOWN, Event.RETRY): State.READY,
    (State.UNKNOWN, Event.SKIP): State.SKIPPED,
    (State.FAILED, Event.CONFIRM): State.DONE,
    (State.FAILED, Event.RETRY): State.READY,
    (State.FAILED, Event.SKIP): State.SKIPPED,
    (State.SKIPPED, Event.RETRY): State.READY,
}


def after(state: State, event: Event) -> State:
    """Return the state that `event` leads to; raise TransitionError where the table has no such pair."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise TransitionError(f"a step that is {state} cannot meet {event}") from None
