"""The plan: per tenant one action and its field changes, decided purely from what is wanted, seen and remembered."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.domain.documents import Document, Path, Value
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import Change, Choice, Verdict


class Action(StrEnum):
    """What a plan does with one tenant."""

    CREATE = "create"
    UPDATE = "update"
    ADOPT = "adopt"
    RUN = "run"
    NO_CHANGE = "no_change"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Planned:
    """One tenant of a plan.

    `seen` are flows that were there and are known not to be ours; `last_modified` is the server's stamp of the
    flow when it was observed.
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
    choice: Choice | None = None
    last_modified: str = ""

    @property
    def key(self) -> InstanceKey:
        """Return what identifies the tenant's flow, whoever looks for it."""
        return InstanceKey(self.template, self.integration)

    @property
    def verdicts(self) -> dict[Path, Verdict]:
        """Return the verdict of each owned field."""
        return {change.path: change.verdict for change in self.changes}


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


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen plan. `settings` is the manifest without its tenants; `observed_at` is no part of the digest."""

    name: str
    manifest_digest: str
    tenants_digest: str
    settings: Document
    accounts: Mapping[str, PlannedAccount]
    tenants: tuple[Planned, ...]
    absent: tuple[str, ...] = ()  # instances whose tenant is not in the manifest any more
    observed_at: str = ""

    @property
    def work(self) -> tuple[Planned, ...]:
        """Return the tenants that have something to do."""
        return tuple(planned for planned in self.tenants if planned.steps)

    @property
    def revision(self) -> str:
        """Return the template's revision, of the first account where they differ."""
        return next((account.revision for account in self.accounts.values()), "")

    def actions(self) -> Counter[Action]:
        """Count the tenants by action."""
        return Counter(planned.action for planned in self.tenants)


# Requests of one step, as a plan states them: a look, the call, and reading it back where the answer may not hold it.
REQUESTS = {
    StepKind.CLONE: 2,
    StepKind.CREATE: 2,
    StepKind.CONFIGURE: 2,
    StepKind.RUN: 2,
    StepKind.FOLLOW: 3,
}


def requests(tenants: Iterable[Planned]) -> int:
    """Return how many requests the tenants' steps take when nothing goes wrong."""
    return sum(REQUESTS[step] for planned in tenants for step in planned.steps)


def steps_for(action: Action, *, from_file: bool, trigger: bool, follow: bool) -> tuple[StepKind, ...]:
    """Return the steps of an action, in order: the flow is named, scheduled and enabled last, and runs after that."""
    run = (StepKind.RUN, StepKind.FOLLOW) if follow else (StepKind.RUN,)
    match action:
        case Action.CREATE:
            birth = StepKind.CREATE if from_file else StepKind.CLONE
            return (birth, StepKind.CONFIGURE, *(run if trigger else ()))
        case Action.UPDATE | Action.ADOPT:
            return (StepKind.CONFIGURE, *(run if trigger else ()))
        case Action.RUN:
            return run
        case Action.NO_CHANGE | Action.BLOCKED:
            return ()
