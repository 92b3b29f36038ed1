"""The seam to the durable record: what any journal does, and the values it takes and gives."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from math import inf
from types import TracebackType
from typing import Protocol, Self

from deployer.domain.deployment import Deployment, Instance, Status, Step
from deployer.domain.documents import Document
from deployer.domain.gate import Gate
from deployer.domain.identity import InstanceKey
from deployer.domain.instructions import Instruction
from deployer.domain.lifecycle import Event, StepKind
from deployer.domain.plan import Plan
from deployer.domain.rebuilding import Work
from deployer.domain.remembered import Remembered
from deployer.domain.samples import Sample
from deployer.domain.template import Template
from deployer.domain.waves import Wave


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as the journal lists it; times are UTC, ISO-8601. `kind` is "apply" or "run"."""

    id: str
    name: str
    kind: str
    plan: str
    manifest_digest: str
    tenants_digest: str
    outcome: str
    reason: str
    who: str
    started_at: str
    ended_at: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to one step of a deployment, written whole or not at all.

    `deployment` is how its writer knew it: where the journal holds another state somebody else wrote, and the entry
    fails. `facts` are what the event added; `instance` is what is remembered of the live flow from now on;
    with `forgets` nothing is.
    """

    deployment: Deployment
    index: int
    event: Event
    step: Step
    at: str
    facts: Document = field(default_factory=dict)
    instance: Instance | None = None
    forgets: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whether a tenant may begin, how many of its wave have failed so far, and whether nobody may any more."""

    granted: bool
    failed: int
    closed: bool = False


class Hold:
    """What holds accounts while a block runs; a file's lock holds them until its process ends."""

    def demand(self, account: str) -> None:
        """Raise GuardError where an account may be somebody else's by now: it is asked right before each request."""

    def idle(self, account: str) -> float:  # noqa: ARG002 - a file's lock does not tell
        """Return for how many seconds nobody had sent anything for an account when it was taken."""
        return inf


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry as it is read back: which step, at `index`, met which event, when (UTC, ISO-8601), what that added."""

    step: StepKind
    event: Event
    at: str
    facts: Document
    index: int = 0


@dataclass(frozen=True, slots=True)
class Met:
    """What a step, at `index`, met and when (UTC, ISO-8601)."""

    index: int
    event: Event
    at: str


class Journal(Protocol):
    """The durable record. Every method may raise JournalError; after one, nothing more is written."""

    @property
    def is_shared(self) -> bool:
        """Tell whether others may write at the same time."""

    def tell_commits(self, told: Callable[[float], None]) -> None:
        """Tell from now on how many seconds each commit took, from the thread that commits."""

    async def work(self) -> Work:
        """Return which journal this is, and how often work was begun with it."""

    async def begin_work(self, *, anew: bool = False) -> Work:
        """Count one more work, durably, and return it; with `anew` the journal is another one from now on."""

    async def begin(self, rollout: Rollout, plan: Plan, revisions: Collection[Template] = ()) -> None:
        """Write a rollout, its plan, its steps, and what tenants without a step leave to remember, all at once.

        What `revisions` of templates hold is kept for the upgrades to come. The plan's tenants are gone through on
        whatever thread writes.
        """

    async def rollouts(
        self, name: str | None = None, plan: str | None = None, *, begins: str = "", kind: str | None = None, limit: int
    ) -> Sequence[Rollout]:
        """Return the newest rollouts, newest first: of a name, a plan's digest, an id's beginning, a kind, if given."""

    async def later(self, rollout: str) -> Sequence[Rollout]:
        """Return the rollouts of any name that began after one, newest first, without the runs that ended."""

    async def unfinished(self) -> Sequence[Rollout]:
        """Return the rollouts, oldest first, of which anything may still be resumed, retried or owed."""

    async def conclude(self, rollout: str, *, outcome: str, reason: str, ended_at: str | None) -> None:
        """Write how a rollout stands; `ended_at` is None while it may go on."""

    async def prunable(self, name: str, *, before: str) -> Sequence[Rollout]:
        """Return the rollouts of a name, oldest first, that ended before a moment and that nobody can need.

        That is none of the newest, of what a rollback would undo, of calls in doubt, of runs that are owed.
        """

    async def ended(self, name: str, *, before: str) -> int:
        """Count the rollouts of a name that ended before a moment, whether they may go or not."""

    async def prune(self, rollout: Rollout, *, before: str) -> bool:
        """Delete a rollout that ended before a moment; tell whether nobody has come to need it meanwhile."""

    async def plan(self, rollout: str) -> Plan:
        """Return the frozen plan of a rollout, its tenants left out."""

    async def counts(self, rollout: str) -> Mapping[Status, int]:
        """Count the tenants of a rollout by status; every status is there."""

    async def counts_by_wave(self, rollout: str) -> Mapping[int, Mapping[Status, int]]:
        """Count the tenants of each wave by status; every status is there. Without waves, nothing is."""

    async def open_by_account(self, rollout: str) -> Mapping[int, Mapping[str, int]]:
        """Count the tenants of each wave that do not rest, by account in order; those of no wave are in wave 0."""

    async def gates(self, rollout: str) -> Mapping[int, Gate]:
        """Return the gates of the waves that have ended, by the wave's number."""

    async def set_gate(self, rollout: str, gate: Gate) -> None:
        """Write how far a gate is, and return when it is durable."""

    async def instruct(self, instruction: Instruction) -> None:
        """Write what a person said, once however often it is told, and return when it is durable."""

    async def instructions(self, rollout: str) -> Sequence[Instruction]:
        """Return what people said to a rollout, oldest first."""

    async def claim(
        self, rollout: str, account: str, *, wave: int, begun: bool | None, after: int, limit: int
    ) -> Sequence[Deployment]:
        """Return the next deployments of an account in a wave, by place, that have an open step, and what is known.

        Only those that have begun, or not, where that is told.
        """

    async def deployments(
        self, rollout: str, *, after: int, limit: int, troubled: bool = False, wave: int | None = None
    ) -> Sequence[Deployment]:
        """Return the next deployments of a rollout, or of a wave, by place: all, or only those in trouble."""

    async def deployment(self, rollout: str, tenant: str) -> Deployment | None:
        """Return one tenant's deployment."""

    async def awaiting(self, name: str, tenant: str) -> Deployment | None:
        """Return a tenant's newest deployment, in rollouts of a name, that has a step UNKNOWN or FAILED."""

    def holding(self, accounts: Mapping[str, Collection[str]], boot: str) -> AbstractAsyncContextManager[Hold]:
        """Hold accounts against others who work with this journal: by what they are, their names in plans.

        Raise GuardError where somebody else has one. `boot` tells this boot of this machine from any other.
        """

    async def admit(self, deployment: Deployment, wave: Wave, *, strict: bool) -> Admitted:
        """Let a tenant begin in its wave, durably, unless as many fail or are in flight already as the wave bounds."""

    async def seat(self, rollout: str, wave: int) -> None:
        """Count those tenants of a wave as in flight that have begun and not come to rest."""

    async def has_done(self, rollout: str, account: str, kind: StepKind) -> bool:
        """Tell whether any tenant of an account has a step of a kind that is done."""

    async def happenings(self, deployment: Deployment) -> Sequence[Happening]:
        """Return what happened to a deployment, oldest first."""

    async def met(self, rollout: str, *, after: int, upto: int) -> Mapping[int, Sequence[Met]]:
        """Return what happened to the deployments after one place up to another, oldest first, without what it added.

        Where nothing happened, there is none.
        """

    async def record(self, entry: Entry) -> None:
        """Write an entry and return when it is durable."""

    def note(self, entry: Entry) -> None:
        """Write an entry before anything that is recorded later, without waiting for it."""

    def sample(self, rollout: str, sample: Sample) -> None:
        """Write a sample with what is written next, or before the journal is closed; it fails nobody."""

    async def samples(self, rollout: str) -> Sequence[Sample]:
        """Return the samples of a rollout, oldest first; where it was carried out by an older version, none."""

    async def remember(self, instances: Sequence[Instance]) -> None:
        """Write what is remembered of live flows from now on, and return when it is durable."""

    async def recall(self, template: str, tenants: Mapping[str, str]) -> Remembered:
        """Return what bears on a plan of a template for some tenants: their names, by integration."""

    async def revisions(self, template: str, names: Collection[str]) -> Mapping[str, Template]:
        """Return what revisions of a template hold, as far as they were kept, by name."""

    async def by_revision(self, templates: Sequence[str]) -> Mapping[str, int]:
        """Count the remembered flows of templates by the revision they are on, empty where that is not known."""

    async def instances(self, *, after: InstanceKey | None, limit: int) -> Sequence[Instance]:
        """Return the next remembered flows, by key."""

    async def absent(self, templates: Sequence[str], present: Callable[[str], Sequence[str]]) -> Sequence[str]:
        """Return the tenants, by name, that some templates have a flow for and that are not in the lists.

        `present` gives the integrations of each account.
        """

    async def unsettled(self) -> Mapping[InstanceKey, str]:
        """Return, by instance key, why nothing may start there: a call whose effect is not known yet."""

    async def __aenter__(self) -> Self:
        """Open the journal."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what was noted, and close."""
