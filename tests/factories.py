"""Values that tests need: every argument has a default, and what a test does not name does not matter to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.domain.deployment import Deployment, Instance, Step
from deployer.domain.desired import Desired
from deployer.domain.documents import Document, Json, Path, Value
from deployer.domain.lifecycle import StepKind
from deployer.domain.manifest import Manifest
from deployer.domain.merge3 import Change, Memory, Verdict
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, Totals
from deployer.domain.snapshot import Snapshot
from deployer.domain.template import Template
from deployer.domain.tenants import Tenant
from deployer.journal.protocol import Rollout

TEMPLATE = "5f0000000000000000000001"
INTEGRATION = "5f0000000000000000000a01"
FLOW = "5f0000000000000000000f01"
UPDATE = (StepKind.CONFIGURE,)
CREATE = (StepKind.CLONE, StepKind.CONFIGURE)


def path(dotted: str) -> Path:
    return tuple(dotted.split("."))


def paths(fields: Mapping[str, Json]) -> dict[Path, Json]:
    return {path(dotted): value for dotted, value in fields.items()}


def manifest(**keys: object) -> Manifest:
    """Return a manifest of one account and one tenant; a key given replaces the whole key."""
    defaults: dict[str, object] = {
        "name": "order-sync",
        "template": {"flow": TEMPLATE},
        "accounts": {"main": {"region": "us", "token": "env:MAIN_TOKEN"}},
        "tenants": [{"tenant": "acme", "integration": INTEGRATION}],
    }
    return Manifest.model_validate({**defaults, **keys})


def tenant(
    name: str = "acme", *, integration: str = INTEGRATION, account: str = "main", flow: str | None = None
) -> Tenant:
    return Tenant(name, account, integration, labels={}, values={}, flow=flow, where="tenants.csv:2")


def desired(fields: Mapping[str, Json] | None = None, *, connections: Mapping[str, str] | None = None) -> Desired:
    """Return what is wanted, its fields by dotted path."""
    return Desired(paths(fields or {}), connections or {}, None)


def template(*, document: Document | None = None, connections: Sequence[str] = ()) -> Template:
    return Template(TEMPLATE, "r" * 64, document or {"_id": TEMPLATE, "name": "Orders"}, frozenset(connections))


def snapshot(
    flows: Mapping[str, Sequence[Document]] | None = None,
    *,
    of: Template | None = None,
    integrations: Sequence[str] = (INTEGRATION,),
    connections: Mapping[str, str] | None = None,
) -> Snapshot:
    """Return an account in which each integration holds the flows given for it."""
    names = {integration: f"Integration {integration}" for integration in (*integrations, *(flows or {}))}
    return Snapshot(
        "main", "https://api.integrator.io", "user1", of or template(), names, connections or {}, flows or {}
    )


def planned(
    name: str = "acme",
    *,
    action: Action = Action.CREATE,
    account: str = "main",
    integration: str = INTEGRATION,
    flow: str | None = None,
    fields: Mapping[Path, Value] | None = None,
    changes: Sequence[Change] = (),
    steps: Sequence[StepKind] = CREATE,
    reason: str = "",
) -> Planned:
    return Planned(
        name,
        account,
        integration,
        action,
        TEMPLATE,
        reason=reason,
        flow=flow,
        fields=fields or {},
        changes=tuple(changes),
        steps=tuple(steps),
    )


def verdicts(made: Planned) -> dict[Path, Verdict]:
    """Return the verdict of each field."""
    return {change.path: change.verdict for change in made.changes}


def crowd(count: int, *, account: str = "main", steps: Sequence[StepKind] = CREATE) -> list[Planned]:
    """Return so many tenants, each in an integration of its own."""
    return [
        planned(f"tenant-{number}", account=account, integration=f"{number:024x}", steps=steps)
        for number in range(count)
    ]


def plan(*tenants: Planned, name: str = "order-sync", settings: Document | None = None) -> Plan:
    account = PlannedAccount("main", "https://api.integrator.io", "user1", TEMPLATE, "Orders", "r" * 64, 1)
    return Plan(
        name=name,
        manifest_digest="m" * 64,
        tenants_digest="t" * 64,
        settings=settings or {},
        accounts={"main": account},
        tenants=tenants or (planned(),),
        totals=Totals.of(tenants or (planned(),)),
        observed_at="2026-03-01T10:00:00+00:00",
    )


def replanned(made: Plan, *tenants: Planned) -> Plan:
    """Return a plan with other tenants."""
    return replace(made, tenants=tenants, totals=Totals.of(tenants))


def rollout(name: str = "order-sync", *, number: int = 1, kind: str = "apply", reason: str = "") -> Rollout:
    return Rollout(
        id=f"{name}-{number}",
        name=name,
        kind=kind,
        plan="p" * 64,
        manifest_digest="m" * 64,
        tenants_digest="t" * 64,
        outcome="running",
        reason=reason,
        who="jo@laptop",
        started_at="2026-03-01T10:00:00+00:00",
    )


def deployment(*steps: Step, of: Planned | None = None, rollout: str = "order-sync-1", place: int = 0) -> Deployment:
    """Return a deployment in these steps; without any, none of the planned ones is begun."""
    found = of or planned()
    return Deployment(rollout, place, found, steps or tuple(map(Step, found.steps)))


def instance(
    name: str = "acme",
    *,
    integration: str = INTEGRATION,
    template: str = TEMPLATE,
    flow: str = FLOW,
    fields: Mapping[Path, Memory] | None = None,
    connections: Mapping[str, str] | None = None,
) -> Instance:
    return Instance(
        tenant=name,
        account="main",
        template=template,
        integration=integration,
        flow=flow,
        revision="r" * 64,
        last_modified="2026-02-01T00:00:00.000Z",
        connections=connections or {},
        fields=fields or {},
    )
