"""The plan: per tenant one action and its field changes, decided purely from what is wanted, seen and remembered."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Self

from deployer.domain.chosen import Chosen
from deployer.domain.documents import Document, Path, Value, dotted
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import CONFLICTS, Change, Verdict
from deployer.domain.resources import PlannedResource
from deployer.domain.waves import Wave, blast_radius


class Action(StrEnum):
    """What a plan does with one tenant."""

    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    RUN = "run"
    DELETE = "delete"
    DETACH = "detach"
    NO_CHANGE = "no_change"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Fought:
    """What is in conflict: its kind as the API has it, its name, its id, and the server's stamp of its last change."""

    kind: str
    label: str
    id: str
    last_modified: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One tenant of a plan.

    `seen` are flows that were there and are known not to be ours; `last_modified` is the server's stamp of the
    flow when it was observed. `wave` is counted from 1: 0 where there are none, or nothing is to be done. `resources`
    are what is wanted besides the flow: each that is written has a step of its own, in their order. `upgrade` names the
    template's revisions between which it leads; `base` holds what the first had of the fields that it carries.
    `changed_by` is who last changed what is in conflict, where the account tells. `secrets` says where the value behind
    each seal in the fields is read from.
    """

    tenant: str
    account: str
    integration: str
    action: Action
    template: str
    reason: str = ""
    flow: str | None = None
    fields: Mapping[Path, Value] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    connections: Mapping[str, str] = field(default_factory=dict)
    document: Document | None = None
    seen: tuple[str, ...] = ()
    steps: tuple[StepKind, ...] = ()
    chosen: Chosen = field(default_factory=dict)
    last_modified: str = ""
    wave: int = 0
    resources: tuple[PlannedResource, ...] = ()
    base: Mapping[Path, Value] = field(default_factory=dict)
    upgrade: tuple[str, str] | None = None
    changed_by: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> InstanceKey:
        """Return what identifies the tenant's flow, whoever looks for it."""
        return InstanceKey(self.template, self.integration)

    @property
    def is_drifted(self) -> bool:
        """Tell whether a field of the tenant's was changed outside."""
        return any(change.verdict is Verdict.DRIFT for change in self.all_changes)

    @property
    def all_changes(self) -> Iterator[Change]:
        """Return each change of the flow and of the resources."""
        return chain(self.changes, *(resource.changes for resource in self.resources))

    @property
    def every_change(self) -> Iterator[tuple[str, Change]]:
        """Yield each change of the flow and of the resources, with its path as the manifest has it."""
        for change in self.changes:
            yield dotted(change.path), change
        for resource in self.resources:
            for change in resource.changes:
                yield f"{resource.label}.{dotted(change.path)}", change

    @property
    def is_fought(self) -> bool:
        """Tell whether a field is in conflict."""
        return any(change.verdict in CONFLICTS for change in self.all_changes)

    @property
    def fought(self) -> "Fought | None":
        """Return the first thing of the tenant's that has a field in conflict, and is there."""
        if self.flow and any(change.verdict in CONFLICTS for change in self.changes):
            return Fought("flow", "the flow", self.flow, self.last_modified)
        for resource in self.resources:
            if resource.id and any(change.verdict in CONFLICTS for change in resource.changes):
                return Fought(resource.key.kind.value, resource.label, resource.id, resource.last_modified)
        return None


@dataclass(frozen=True, slots=True)
class PlannedAccount:
    """What a plan holds of an account: who it is, and which template it has."""

    account: str
    base_url: str
    user: str
    template: str
    template_name: str
    revision: str
    generators: int


# Requests of one step, as a plan states them: a look, the call, and reading it back where the answer may not hold it.
REQUESTS = {
    StepKind.CLONE: 2,
    StepKind.CREATE: 2,
    StepKind.COPY: 2,
    StepKind.ADJUST: 2,
    StepKind.CONFIGURE: 2,
    StepKind.RUN: 2,
    StepKind.FOLLOW: 3,
    StepKind.DELETE: 2,
}


@dataclass(slots=True)
class Totals:
    """What the tenants of a plan add up to, by action and by account, so that nobody has to go through them again.

    `existing` are tenants that have a flow which the plan may change; `work` and `requests` are by account.
    """

    actions: Counter[Action] = field(default_factory=Counter)
    work: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    drifted: int = 0
    existing: int = 0

    @classmethod
    def of(cls, tenants: Iterable[Planned]) -> Self:
        """Add tenants up."""
        totals = cls()
        for planned in tenants:
            totals.add(planned)
        return totals

    def add(self, planned: Planned) -> None:
        """Count one more tenant."""
        self.actions[planned.action] += 1
        self.drifted += planned.is_drifted
        self.existing += bool(planned.flow) and planned.action is not Action.RUN
        if planned.steps:
            self.work[planned.account] += 1
            self.requests[planned.account] += sum(REQUESTS[step] for step in planned.steps)


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen plan. `settings` is the manifest without its tenants; `observed_at` is no part of the digest.

    `tenants` may lie in a file: they are gone through one by one, and as often as somebody asks. Without `waves`
    nothing stops before all of them.
    """

    name: str
    manifest_digest: str
    tenants_digest: str
    settings: Document
    accounts: Mapping[str, PlannedAccount]
    tenants: Collection[Planned]
    totals: Totals
    absent: tuple[str, ...] = ()  # instances whose tenant is not in the manifest any more
    observed_at: str = ""
    waves: tuple[Wave, ...] = ()
    strict: bool = False

    @property
    def blast_radius(self) -> int:
        """Return the most tenants that can fail before the rollout stops: without waves, all that have work."""
        return blast_radius(self.waves, strict=self.strict) if self.waves else self.work

    @property
    def work(self) -> int:
        """Return how many tenants have something to do."""
        return self.totals.work.total()

    @property
    def requests(self) -> int:
        """Return how many requests the steps take when nothing goes wrong."""
        return self.totals.requests.total()

    @property
    def revision(self) -> str:
        """Return the template's revision, of the first account where they differ."""
        return next((account.revision for account in self.accounts.values()), "")


def steps_of(resources: Iterable[PlannedResource]) -> tuple[StepKind, ...]:
    """Return the steps of resources, in order: what only a new revision uses is copied before anything is written."""
    found = tuple(resources)
    copies = (StepKind.COPY for resource in found if resource.is_copied)
    return (*copies, *(StepKind.ADJUST for resource in found if resource.is_written))


def steps_for(
    action: Action,
    *,
    from_file: bool,
    trigger: bool,
    follow: bool,
    resources: Iterable[PlannedResource] = (),
    configured: bool = True,
) -> tuple[StepKind, ...]:
    """Return the steps of an action, in order: the flow is named, scheduled and enabled last, and runs after that.

    The `resources` that are copied or written come before.
    """
    writes = (*steps_of(resources), *((StepKind.CONFIGURE,) if configured else ()))
    run = (StepKind.RUN, StepKind.FOLLOW) if follow else (StepKind.RUN,)
    match action:
        case Action.CREATE:
            birth = StepKind.CREATE if from_file else StepKind.CLONE
            return (birth, *writes, *(run if trigger else ()))
        case Action.UPDATE | Action.ADOPT:
            return (*writes, *(run if trigger else ()))
        case Action.RUN:
            return run
        case Action.DELETE | Action.DETACH | Action.NO_CHANGE | Action.BLOCKED:
            return ()
