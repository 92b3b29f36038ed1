"""Decide the plan: one action a tenant, from what is wanted, what was observed and what is remembered."""

from collections.abc import Sequence
from dataclasses import replace

from deployer.domain.body import masked
from deployer.domain.candidate import Candidate, Choices, choose
from deployer.domain.choosing import demand_conflicts
from deployer.domain.connections import map_connections
from deployer.domain.documents import Document, dotted
from deployer.domain.identity import InstanceKey, is_newborn
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.manifest import Manifest
from deployer.domain.masking import MASK_REMEDY, is_masked, mask_reason
from deployer.domain.merge3 import CONFLICTS, WRITES, Change, Chosen, Verdict, merge
from deployer.domain.plan import Action, Planned, steps_for
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
    planned = _decide_sighted(candidate, manifest, choices)
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


def _decide_sighted(candidate: Candidate, manifest: Manifest, choices: Choices) -> Planned:
    tenant, key, known = candidate.wanted.tenant, candidate.key, candidate.instance
    listing = candidate.snapshot.flows.get(tenant.integration, ())
    match choose(listing, candidate.wanted, key, known=known, adopt=manifest.adopt):
        case Found(flow, surplus):
            planned = _existing(candidate, flow, manifest, choices.conflict(tenant.tenant))
            planned = _with_owed_run(planned, candidate.remembered.owed.get(tenant.integration), manifest)
            return replace(planned, reason="; ".join(filter(None, (planned.reason, _surplus(surplus)))))
        case Doubtful(flows):
            return blocked(tenant, key, _doubt(flows))
        case Absent(seen):
            demand_conflicts(tenant.tenant, choices.conflict(tenant.tenant), ())
            again = tenant.tenant in choices.recreate
            if known and not again:
                return blocked(tenant, key, f"deleted outside: flow {known.flow} is gone; --recreate {tenant.tenant}")
            return _created(candidate, manifest, seen if again else ())


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
    if why := _fought(changes, tenant.tenant) or _unwritable(candidate.snapshot.template.document, changes):
        return blocked(tenant, candidate.key, f"in the template, {why}")
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


def _existing(candidate: Candidate, flow: Document, manifest: Manifest, chosen: Chosen) -> Planned:
    tenant, desired = candidate.wanted.tenant, candidate.wanted.desired
    known = candidate.instance_of(str(flow["_id"]))
    newborn = is_newborn(flow, candidate.key.marker)
    memory, restore = known.fields if known else {}, manifest.drift == "restore"
    changes = merge(flow, desired.fields, memory, chosen=chosen, newborn=newborn, restore=restore)
    if chosen:
        demand_conflicts(tenant.tenant, chosen, merge(flow, desired.fields, memory, newborn=newborn))
    written = newborn or any(change.verdict in WRITES for change in changes)
    obstacle = _fought(changes, tenant.tenant) or (_unwritable(flow, changes) if written else "")
    action = _action(written=written, known=known is not None, hindered=bool(obstacle))
    return Planned(
        tenant.tenant,
        tenant.account,
        tenant.integration,
        action,
        candidate.key.template,
        reason=obstacle or _drift(changes),
        flow=str(flow["_id"]),
        fields=desired.fields,
        changes=changes,
        chosen=chosen,
        last_modified=str(flow.get("lastModified", "")),
        steps=_steps(action, manifest) if written else (),
    )


def _steps(action: Action, manifest: Manifest) -> tuple[StepKind, ...]:
    from_file = manifest.template.file is not None
    return steps_for(action, from_file=from_file, trigger=manifest.run.trigger, follow=manifest.run.follow)


def _action(*, written: bool, known: bool, hindered: bool) -> Action:
    if hindered:
        return Action.BLOCKED
    if not known:
        return Action.ADOPT
    return Action.UPDATE if written else Action.NO_CHANGE


def _fought(changes: Sequence[Change], tenant: str) -> str:
    """Return what is in conflict, and what ends it; a choice ends none of what cannot be read or told apart."""
    unclear = [dotted(change.path) for change in changes if change.verdict is Verdict.AMBIGUOUS]
    if unclear:
        return f"conflict in {', '.join(unclear)}: its elements cannot be told apart; mend the flow"
    fought = [change for change in changes if change.verdict in CONFLICTS]
    if not fought:
        return ""
    said = f"conflict in {', '.join(dotted(change.path) for change in fought)}: changed here and there"
    if all(is_masked(change.live) for change in fought):
        return f"{said}, and reads back masked; choose --ours {tenant}, or take it out of the manifest"
    return f"{said}; choose --ours {tenant} or --theirs {tenant}"


def _unwritable(live: Document, changes: Sequence[Change]) -> str:
    held = masked(live, changes)
    return f"{mask_reason(held)}; {MASK_REMEDY}" if held else ""


def _drift(changes: Sequence[Change]) -> str:
    drifted = [dotted(change.path) for change in changes if change.verdict is Verdict.DRIFT]
    return f"drift in {', '.join(drifted)}: changed outside, left as it is" if drifted else ""
