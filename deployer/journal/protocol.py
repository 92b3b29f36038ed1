"""The seam to the durable record: what any journal does, and the values it takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from deployer.domain.deployment import Deployment, Instance, Step
from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.plan import Plan


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
    fails. `facts` are what the event added; `instance` is what is remembered of the live flow from now on.
    """

    deployment: Deployment
    index: int
    event: Event
    step: Step
    at: str
    facts: Document = field(default_factory=dict)
    instance: Instance | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry as it is read back: which step met which event, when (UTC, ISO-8601), and what that added."""

    step: StepKind
    event: Event
    at: str
    facts: Document


class Journal(Protocol):
    """The durable record. Every method may raise JournalError; after one, nothing more is written."""

    async def begin(self, rollout: Rollout, plan: Plan, remembered: Sequence[Instance]) -> None:
        """Write a rollout, its plan and every tenant's steps in one transaction."""

    async def latest(self, name: str | None = None, plan: str | None = None) -> Rollout | None:
        """Return the newest rollout, of a name and of a plan's digest where they are given."""

    async def conclude(self, rollout: str, *, outcome: str, reason: str, ended_at: str | None) -> None:
        """Write how a rollout stands; `ended_at` is None while it may go on."""

    async def plan(self, rollout: str) -> Plan:
        """Return the frozen plan of a rollout, its tenants left out."""

    async def claim(self, rollout: str, account: str, *, after: int, limit: int) -> Sequence[Deployment]:
        """Return the next deployments of an account, by place, that have an open step."""

    async def deployments(self, rollout: str, *, after: int, limit: int) -> Sequence[Deployment]:
        """Return the next deployments of a rollout by place, whatever their status."""

    async def deployment(self, rollout: str, tenant: str) -> Deployment | None:
        """Return one tenant's deployment."""

    async def awaiting(self, name: str, tenant: str) -> Deployment | None:
        """Return a tenant's newest deployment, in rollouts of a name, that has a step UNKNOWN or FAILED."""

    async def happenings(self, deployment: Deployment) -> Sequence[Happening]:
        """Return what happened to a deployment, oldest first."""

    async def record(self, entry: Entry) -> None:
        """Write an entry and return when it is durable."""

    def note(self, entry: Entry) -> None:
        """Write an entry before anything that is recorded later, without waiting for it."""

    async def instances(self, templates: Sequence[str]) -> Sequence[Instance]:
        """Return what is remembered of the live flows of some templates."""

    async def unsettled(self) -> Mapping[InstanceKey, str]:
        """Return, by instance key, why nothing may start there: a call whose effect is not known yet."""

    async def owed(self) -> Mapping[InstanceKey, State]:
        """Return, by instance key, READY where the last rollout's run was never asked for, FAILED where it failed."""

    async def __aenter__(self) -> Self:
        """Open the journal."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what was noted, and close."""
