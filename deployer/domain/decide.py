"""Decide the plan: one action a tenant, from what is wanted, what was observed and what is remembered."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from deployer.domain.adjusting import Wishes, plan_newborn, plan_resources
from deployer.domain.candidate import Candidate, Choices, choose
from deployer.domain.connections import map_connections
from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, is_newborn
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.manifest import Manifest
from deployer.domain.merge3 import CONFLICTS, WRITES, Choice, Verdict, merge
from deployer.domain.plan import Action, Planned, steps_for
from deployer.domain.resources import PlannedResource
from deployer.domain.sighting import Absent, Doubtful, Found
from deployer.domain.tenants import Tenant


def decide(candidate: Candidate, manifest: Manifest, choices: Choices) -> Planned:
    """Return the tenant's action: the first obstacle blocks it, and only it."""
    obstacle = _obstacle(candidate)
    if obstacle:
        return blocked(candidate.wanted.tenant, candidate.key, obstacle)
    mapping = map_connections(candidate.wanted.desired.connections, candidate.snapshot)
    if isinstance(mapping, str):
        return blocked(candidate.wanted.tenant, candidate.key, mapping)
    wanted = candidate.wishes
    if isinstance(wanted, str):
        return blocked(candidate.wanted.tenant, candidate.key, wanted)
    planned = _decide_sighted(candidate, manifest, choices, wanted)
    if planned.action is Action.BLOCKED:
        return planned
    known = candidate.instance
    if known and known.flow == planned.flow and known.connections and dict(known.connections) != mapping:
        return blocked(
            candidate.wanted.tenant, candidate.key, "connections changed; an existing flow keeps its own so far"
        )
    return replace(planned, connections=mapping)


def blocked(tenant: Tenant, key: InstanceKey, reason: str) -> Planned:
    """Return a tenant that is left alone, and why."""
    return Planned(tenant.tenant, tenant.account, tenant.integration, Action.BLOCKED, key.template, reason)


def _obstacle(candidate: Candidate) -> str:
    tenant, snapshot = candidate.wanted.tenant, candidate.snapshot
    if tenant.integration not in snapshot.integrations:
        return f"integration {tenant.integration} is not in account {snapshot.account}"
    place = candidate.remembered.homes.get(tenant.tenant, tenant.integration)
    here = candidate.instance
    if place != tenant.integration and (here is None or here.tenant != tenant.tenant):
        return f"moved: its flow lies in integration {place}"
    return snapshot.unreadable.get(tenant.integration) or candidate.remembered.unsettled.get(tenant.integration, "")


def _decide_sighted(candidate: Candidate, manifest: Manifest, choices: Choices, wanted: Wishes) -> Planned:
    tenant, key, known = candidate.wanted.tenant, candidate.key, candidate.instance
    listing = candidate.snapshot.flows.get(tenant.integration, ())
    match choose(listing, candidate.wanted, key, known=known, adopt=manifest.adopt):
        case Found(flow, surplus):
            planned = _existing(candidate, flow, manifest, choices.conflict(tenant.tenant), wanted)
            planned = _with_owed_run(planned, candidate.remembered.owed.get(tenant.integration), manifest)
            return replace(planned, reason="; ".join(filter(None, (planned.reason, _surplus(surplus)))))
        case Doubtful(flows):
            return blocked(tenant, key, _doubt(flows))
        case Absent(seen):
            again = tenant.tenant in choices.recreate
            if known and not again:
                return blocked(tenant, key, f"deleted outside: flow {known.flow} is gone; --recreate {tenant.tenant}")
            planned = _created(candidate, manifest, seen if again else ())
            return _with_newborn(planned, candidate, manifest, choices.conflict(tenant.tenant), wanted)


def _with_owed_run(planned: Planned, owed: State | None, manifest: Manifest) -> Planned:
    """Plan the run that a rollout still owes; one that failed is only told of, and tried again on request."""
    if planned.action is not Action.NO_CHANGE or not manifest.run.trigger:
        return planned
    if owed is State.READY:
        return replace(planned, action=Action.RUN, steps=_steps(Action.RUN, manifest))
    failed = "its last run failed; try it again with deployer run" if owed is State.FAILED else ""
    return replace(planned, reason="; ".join(filter(None, (planned.reason, failed))))


def _surplus(flows: Sequence[str]) -> str:
    return f"surplus copies that carry our marker too: flow {', '.join(flows)}; left as they are" if flows else ""


def _doubt(flows: Sequence[Document]) -> str:
    ids = ", ".join(str(flow["_id"]) for flow in flows)
    return f"may be here already, without our marker: flow {ids}; take it over with `adopt: id` and an id column"


def _created(candidate: Candidate, manifest: Manifest, seen: tuple[str, ...]) -> Planned:
    tenant, desired = candidate.wanted.tenant, candidate.wanted.desired
    changes = merge(candidate.snapshot.template.document, desired.fields, {}, newborn=True)
    return Planned(
        tenant.tenant,
        tenant.account,
        tenant.integration,
        Action.CREATE,
        candidate.key.template,
        fields=desired.fields,
        changes=changes,
        document=desired.document,
        seen=seen,
        steps=_steps(Action.CREATE, manifest),
    )


def _with_newborn(
    planned: Planned, candidate: Candidate, manifest: Manifest, choice: Choice | None, wanted: Wishes
) -> Planned:
    """Plan what a tenant has besides the flow that is to be made."""
    tenant, live = candidate.wanted.tenant, candidate.resources
    resources = plan_newborn(wanted, candidate.snapshot.template, live, choice)
    if isinstance(resources, str):
        return blocked(tenant, candidate.key, resources)
    planned = replace(planned, resources=resources, choice=choice)
    if fought := _fought(planned):
        return replace(planned, action=Action.BLOCKED, reason=_reason(planned, fought), steps=())
    return replace(planned, steps=_steps(Action.CREATE, manifest, adjusted=_adjusted(resources)))


def _existing(
    candidate: Candidate, flow: Document, manifest: Manifest, choice: Choice | None, wanted: Wishes
) -> Planned:
    tenant, desired = candidate.wanted.tenant, candidate.wanted.desired
    known = candidate.instance_of(str(flow["_id"]))
    newborn = is_newborn(flow, candidate.key.marker)
    memory, restore = known.fields if known else {}, manifest.drift == "restore"
    changes = merge(flow, desired.fields, memory, choice=choice, newborn=newborn, restore=restore)
    resources = plan_resources(wanted, candidate.resources, candidate.memories, choice=choice, restore=restore)
    if isinstance(resources, str):
        return blocked(tenant, candidate.key, resources)
    configured = newborn or any(change.verdict in WRITES for change in changes)
    written = configured or any(resource.is_written for resource in resources)
    planned = Planned(
        tenant.tenant,
        tenant.account,
        tenant.integration,
        Action.NO_CHANGE,
        candidate.key.template,
        flow=str(flow["_id"]),
        fields=desired.fields,
        changes=changes,
        choice=choice,
        last_modified=str(flow.get("lastModified", "")),
        resources=resources,
    )
    fought = _fought(planned)
    action = _action(written=written, known=known is not None, fought=bool(fought))
    steps = _steps(action, manifest, adjusted=_adjusted(resources), configured=configured) if written else ()
    return replace(planned, action=action, reason=_reason(planned, fought), steps=steps)


def _adjusted(resources: Iterable[PlannedResource]) -> int:
    return sum(resource.is_written for resource in resources)


def _steps(action: Action, manifest: Manifest, *, adjusted: int = 0, configured: bool = True) -> tuple[StepKind, ...]:
    run = manifest.run
    return steps_for(
        action,
        from_file=manifest.template.file is not None,
        trigger=run.trigger,
        follow=run.follow,
        adjusted=adjusted,
        configured=configured,
    )


def _fought(planned: Planned) -> list[str]:
    return [path for path, change in planned.every_change if change.verdict in CONFLICTS]


def _action(*, written: bool, known: bool, fought: bool) -> Action:
    if fought:
        return Action.BLOCKED
    if not known:
        return Action.ADOPT
    return Action.UPDATE if written else Action.NO_CHANGE


def _reason(planned: Planned, fought: Sequence[str]) -> str:
    tenant = planned.tenant
    if fought:
        return f"conflict in {', '.join(fought)}: changed here and there; choose --ours {tenant} or --theirs {tenant}"
    drifted = [path for path, change in planned.every_change if change.verdict is Verdict.DRIFT]
    return f"drift in {', '.join(drifted)}: changed outside, left as it is" if drifted else ""
