"""One tenant's share of a rollout: its steps, what each has come to, and the status that follows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from deployer.domain.documents import MISSING, Document, Path, Value
from deployer.domain.lifecycle import Event, State, StepKind, after
from deployer.domain.merge3 import Memory
from deployer.domain.plan import Action, Planned
from deployer.domain.resources import PlannedResource, ResourceKey, ResourceMemory


@dataclass(frozen=True, slots=True)
class Moment:
    """A point on a machine's boot clock: `at` is in seconds and only compares within one `boot`."""

    boot: str
    at: float


_UNDONE = frozenset({Event.ABSENT, Event.REFUSE, Event.STALE})  # the call certainly did nothing, nor will it


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its state, when its last intent was written, and what is known of it.

    `facts` holds what the next decision needs, by kind: `seen` (ids that were there before the call), `flow`, `jobs`,
    `body` (fingerprint of what was PUT), `error` ({code, status, field, message, remedy}).
    """

    kind: StepKind
    state: State = State.READY
    attempts: int = 0
    intent: Moment | None = None
    facts: Document = field(default_factory=dict)

    def meet(self, event: Event, facts: Mapping[str, object] | None = None, *, intent: Moment | None = None) -> "Step":
        """Return the step after `event`; a pair the table does not have raises TransitionError."""
        tried = self.attempts + (event is Event.INTEND)
        merged: Document = {**self.facts, **(facts or {})}  # type: ignore[dict-item]  # callers pass JSON
        last = None if event in _UNDONE else intent or self.intent
        return replace(self, state=after(self.state, event), attempts=tried, intent=last, facts=merged)


@dataclass(frozen=True, slots=True)
class Instance:
    """What is remembered of a live flow between rollouts."""

    tenant: str
    account: str
    template: str
    integration: str
    flow: str
    revision: str
    last_modified: str = ""
    connections: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[Path, Memory] = field(default_factory=dict)
    resources: Mapping[ResourceKey, ResourceMemory] = field(default_factory=dict)

    @property
    def is_configured(self) -> bool:
        """Tell whether the flow was ever PUT with an answer, or taken over: one only born is not."""
        return bool(self.fields or self.last_modified)


def before_image(step: Step) -> dict[Path, Value]:
    """Return how the fields of ours stood before a step's PUT."""
    before = step.facts.get("before")
    entries = before if isinstance(before, list) else []
    return {
        tuple(str(key) for key in entry["path"]): entry.get("value", MISSING)
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry["path"], list)
    }


class Status(StrEnum):
    """Where a tenant stands in a rollout; every tenant counts in exactly one."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    NO_CHANGE = "no_change"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    STALE = "stale"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


OPEN = frozenset({Status.PENDING, Status.RUNNING})
TROUBLED = frozenset({Status.FAILED, Status.UNKNOWN, Status.BLOCKED, Status.STALE, Status.CANCELLED})


@dataclass(frozen=True, slots=True)
class Deployment:
    """A planned tenant and its steps; the status is a fold over them, never stored. `place` is its row in the plan.

    `known` is what was remembered of its flow when it was claimed, and since.
    """

    rollout: str
    place: int
    planned: Planned
    steps: tuple[Step, ...]
    known: Instance | None = None

    @property
    def status(self) -> Status:
        """Fold the steps into the one word a person needs."""
        if not self.steps:
            return Status.BLOCKED if self.planned.action is Action.BLOCKED else Status.NO_CHANGE
        return status_of(self.steps)

    @property
    def flow(self) -> str | None:
        """Return the id of the tenant's flow as far as it is known."""
        made = (str(step.facts["flow"]) for step in self.steps if step.facts.get("flow"))
        return next(made, self.planned.flow)

    @property
    def jobs(self) -> tuple[str, ...]:
        """Return the ids of the jobs that this deployment's run started."""
        jobs = [step.facts.get("jobs") for step in self.steps if step.kind is StepKind.FOLLOW]
        run = [step.facts.get("job") for step in self.steps if step.kind is StepKind.RUN]
        followed = [job for group in jobs if isinstance(group, list) for job in group]
        return tuple(str(job) for job in followed or run if job)

    @property
    def is_begun(self) -> bool:
        """Tell whether anything was asked for."""
        return any(step.state is not State.READY for step in self.steps)

    @property
    def in_doubt(self) -> bool:
        """Tell whether a call may still be on its way."""
        return any(step.state is State.INTENDED and step.kind is not StepKind.FOLLOW for step in self.steps)

    @property
    def error(self) -> Document | None:
        """Return what went wrong, or None."""
        errors = (step.facts.get("error") for step in self.steps if step.state in {State.FAILED, State.UNKNOWN})
        return next((error for error in errors if isinstance(error, dict)), None)

    def resource(self, index: int) -> PlannedResource:
        """Return the resource that the step at `index` makes or writes."""
        kind = self.steps[index].kind
        before = sum(step.kind is kind for step in self.steps[:index])
        copied = kind is StepKind.COPY
        resources = self.planned.resources
        return [one for one in resources if (one.is_copied if copied else one.is_written)][before]

    @property
    def copies(self) -> dict[ResourceKey, str]:
        """Return the ids of the copies that its steps made."""
        done = (
            index for index, step in enumerate(self.steps) if step.kind is StepKind.COPY and "resource" in step.facts
        )
        return {self.resource(index).key: str(self.steps[index].facts["resource"]) for index in done}

    def moved(self, index: int, step: Step, known: Instance | None = None) -> "Deployment":
        """Return the deployment with one step replaced, and perhaps with something new to know of its flow."""
        steps = (*self.steps[:index], step, *self.steps[index + 1 :])
        return replace(self, steps=steps, known=known or self.known)


def status_of(steps: Iterable[Step]) -> Status:
    """Fold steps: the first that is not DONE decides."""
    for position, step in enumerate(steps):
        if step.state is not State.DONE:
            return status_in(step.state, begun=position > 0, stale=step.facts.get("stale") is True)
    return Status.DONE


def status_in(state: State, *, begun: bool, stale: bool) -> Status:
    """Return the status of a tenant whose first step that is not done is in `state`; `begun`: others were done."""
    match state:
        case State.FAILED if stale:
            return Status.STALE
        case State.READY if not begun:
            return Status.PENDING
        case State.READY | State.INTENDED:
            return Status.RUNNING
        case _:
            return Status(state.value)


def count(statuses: Iterable[Status]) -> dict[Status, int]:
    """Count tenants by status; every status is there, and they add up to the tenants."""
    counted = Counter(statuses)
    return {status: counted[status] for status in Status}
