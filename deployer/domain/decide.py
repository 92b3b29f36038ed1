"""Decide the plan: one action a tenant, from what is wanted, what was observed and what is remembered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from deployer.domain import reasons
from deployer.domain.adjusting import Wishes, entered, plan_newborn, plan_resources
from deployer.domain.body import masked
from deployer.domain.candidate import Candidate, Choices, choose
from deployer.domain.choosing import demand_conflicts
from deployer.domain.chosen import Chosen
from deployer.domain.connections import map_connections
from deployer.domain.deployment import Instance
from deployer.domain.documents import Document, Path, Value
from deployer.domain.identity import InstanceKey, carries, is_newborn
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.manifest import Manifest
from deployer.domain.masking import MASK_REMEDY, mask_reason
from deployer.domain.merge3 import WRITES, merge, with_base
from deployer.domain.owned import OWNED
from deployer.domain.pins import REVISION_DIGITS, Pinned
from deployer.domain.plan import Action, Planned, steps_for
from deployer.domain.resources import PlannedResource
from deployer.domain.sighting import Absent, Doubtful, Found
from deployer.domain.tenants import Tenant
from deployer.domain.upgrading import Upgraded, upgraded, with_upgrade


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
    planned = _Decision(candidate, manifest, choices, mapping, wanted).planned()
    if planned.action is Action.BLOCKED:
        return planned
    if _is_mapped_anew(candidate, planned, mapping):
        why = "connections changed; an existing flow keeps its own so far"
        return blocked(candidate.wanted.tenant, candidate.key, why)
    return planned


def blocked(tenant: Tenant, key: InstanceKey, reason: str) -> Planned:
    """Return a tenant that is left alone, and why."""
    return Planned(tenant.tenant, tenant.account, tenant.integration, Action.BLOCKED, key.template, reason)


def _is_mapped_anew(candidate: Candidate, planned: Planned, mapping: Mapping[str, str]) -> bool:
    """Tell whether a connection of an existing flow would have to be another one; a new revision may use more."""
    known = candidate.instance
    if known is None or known.flow != planned.flow:
        return False
    return any(known.connections.get(source, target) != target for source, target in mapping.items())


def _obstacle(candidate: Candidate) -> str:
    tenant, snapshot = candidate.wanted.tenant, candidate.snapshot
    if tenant.integration not in snapshot.integrations:
        return f"integration {tenant.integration} is not in account {snapshot.account}"
    place = candidate.remembered.homes.get(tenant.tenant, tenant.integration)
    here = candidate.instance
    if place != tenant.integration and (here is None or here.tenant != tenant.tenant):
        return f"moved: its flow lies in integration {place}"
    return snapshot.unreadable.get(tenant.integration) or candidate.remembered.unsettled.get(tenant.integration, "")


@dataclass(frozen=True, slots=True)
class _Decision:
    """The decision about a tenant in whose way nothing stands."""

    candidate: Candidate
    manifest: Manifest
    choices: Choices
    connections: Mapping[str, str]
    wanted: Wishes

    @property
    def tenant(self) -> Tenant:
        return self.candidate.wanted.tenant

    @property
    def chosen(self) -> Chosen:
        return self.choices.conflict(self.tenant.tenant)

    def planned(self) -> Planned:
        """Return what is to be done, by what is seen of the tenant's flow."""
        tenant, key, known = self.tenant, self.candidate.key, self.candidate.instance
        listing = self.candidate.snapshot.flows.get(tenant.integration, ())
        again = tenant.tenant in self.choices.recreate
        match choose(listing, self.candidate.wanted, key, known=known, adopt=self.manifest.adopt):
            case Found(flow) if flow.get("_integrationId", key.integration) != key.integration:
                if not again:
                    return blocked(tenant, key, reasons.elsewhere(tenant.tenant, flow))
                return self._created(tuple(str(other["_id"]) for other in listing))
            case Found(flow, surplus):
                planned = self._existing(flow)
                planned = self._with_owed_run(planned, self.candidate.remembered.owed.get(tenant.integration))
                said = reasons.surplus(surplus)
                return replace(planned, reason="; ".join(filter(None, (planned.reason, said)))) if said else planned
            case Doubtful(flows):
                return blocked(tenant, key, reasons.doubt(flows))
            case Absent(seen):
                if not self.wanted:
                    demand_conflicts(tenant.tenant, self.chosen, ())
                if known and not again:
                    return blocked(
                        tenant, key, f"deleted outside: flow {known.flow} is gone; --recreate {tenant.tenant}"
                    )
                return self._created(seen if again else ())

    def _with_owed_run(self, planned: Planned, owed: State | None) -> Planned:
        """Plan the run that a rollout still owes; one that failed is only told of, and tried again on request."""
        if planned.action is not Action.NO_CHANGE or not self.manifest.run.trigger:
            return planned
        if owed is State.READY:
            return replace(planned, action=Action.RUN, steps=self._steps(Action.RUN))
        failed = "its last run failed; try it again with deployer run" if owed is State.FAILED else ""
        return replace(planned, reason="; ".join(filter(None, (planned.reason, failed))))

    def _created(self, seen: tuple[str, ...]) -> Planned:
        desired, snapshot = self.candidate.wanted.desired, self.candidate.snapshot
        if self.pin and self.pin.holds and not self.pin.allows(snapshot.template.revision):
            why = f"{self.pin.said}; the template has rev:{snapshot.template.revision[:REVISION_DIGITS]} now"
            return blocked(self.tenant, self.candidate.key, why)
        resources = plan_newborn(self.wanted, snapshot.template, self.candidate.resources, self.chosen)
        if isinstance(resources, str):
            return blocked(self.tenant, self.candidate.key, resources)
        planned = Planned(
            *self._who,
            Action.CREATE,
            self.candidate.key.template,
            fields={**desired.content, **desired.fields},
            changes=entered(snapshot.template.document, desired.fields),
            secrets=desired.secrets,
            document=desired.document,
            seen=seen,
            resources=resources,
            chosen=self.chosen,
            connections=self.connections,
            steps=self._steps(Action.CREATE, resources),
        )
        held = reasons.unwritable(snapshot.template.document, planned.changes) if snapshot.template.is_masked else ""
        if why := reasons.conflict(planned) or held:
            where = "in the template, " if not any(resource.id for resource in resources) else ""
            return replace(planned, action=Action.BLOCKED, reason=f"{where}{why}", steps=(), connections={})
        return planned

    def _existing(self, flow: Document) -> Planned:
        if any(self.chosen):
            fought = self._compared(flow, {})
            demand_conflicts(self.tenant.tenant, self.chosen, fought.every_change)
        return self._compared(flow, self.chosen)

    def _compared(self, flow: Document, chosen: Chosen) -> Planned:
        """Return an existing tenant, whose conflicts end as `chosen`."""
        candidate, desired = self.candidate, self.candidate.wanted.desired
        known, upgrade = candidate.instance_of(str(flow["_id"])), self._upgrade(flow)
        if isinstance(upgrade, str):
            return blocked(self.tenant, candidate.key, f"structure: {upgrade}")
        wanted = with_upgrade(self.wanted, upgrade, candidate.snapshot.template) if upgrade else self.wanted
        restore = self.manifest.drift == "restore"
        resources = plan_resources(wanted, candidate.resources, candidate.memories, chosen=chosen, restore=restore)
        if isinstance(resources, str):
            return blocked(self.tenant, candidate.key, resources)
        newborn = is_newborn(flow, candidate.key.marker)
        revisions, content = self._content(known)
        fields = {**content, **desired.fields, **(upgrade.flow.wanted if upgrade else {})}
        base = upgrade.flow.base if upgrade else {}
        memory = with_base(known.fields if known else {}, base)
        planned = Planned(
            *self._who,
            Action.NO_CHANGE,
            candidate.key.template,
            flow=str(flow["_id"]),
            fields=fields,
            changes=merge(flow, fields, memory, chosen=chosen, newborn=newborn, restore=restore),
            chosen=chosen,
            last_modified=str(flow.get("lastModified", "")),
            resources=(*(upgrade.copies if upgrade else ()), *resources),
            base=base,
            upgrade=upgrade.revisions if upgrade else revisions,
            connections=self.connections,
            secrets=desired.secrets,
        )
        written = any(change.verdict in WRITES for change in planned.changes)
        configured = newborn or planned.upgrade is not None or written or (known is None and self._lacks_marker(flow))
        why = reasons.conflict(planned) or (reasons.unwritable(flow, planned.changes) if configured else "")
        if why := why or self._masked_resource(resources):
            return replace(planned, action=Action.BLOCKED, reason=why, connections={})
        return self._acted(planned, is_known=known is not None, is_configured=configured)

    def _lacks_marker(self, flow: Document) -> bool:
        """Tell whether a flow does not say yet that it is ours, as the manifest wants."""
        return self.manifest.marker == "description" and not carries(flow, self.candidate.key.marker)

    def _masked_resource(self, resources: Iterable[PlannedResource]) -> str:
        """Return why a resource cannot be written, where a secret of it reads back masked."""
        written = ((one, self.candidate.resources[one.key]) for one in resources if one.is_written)
        held = [f"{one.label}.{path}" for one, live in written for path in masked(live, one.changes)]
        return f"{mask_reason(held)}; {MASK_REMEDY}" if held else ""

    def _acted(self, planned: Planned, *, is_known: bool, is_configured: bool) -> Planned:
        """Return an existing tenant with its action and steps."""
        written = is_configured or any(resource.is_written for resource in planned.resources)
        changed = Action.UPDATE if written else Action.NO_CHANGE
        action = changed if is_known else Action.ADOPT
        steps = self._steps(action, planned.resources, is_configured=is_configured) if written else ()
        told = (reasons.drift(planned), self._pinned())
        return replace(planned, action=action, steps=steps, reason="; ".join(filter(None, told)))

    def _content(self, known: Instance | None) -> tuple[tuple[str, str] | None, Mapping[Path, Value]]:
        """Return what the document of a template from a file wants of a flow that was made of it, and the revisions.

        What is remembered of a pinned tenant is wanted as it is; of a flow that was not made of it, nothing is.
        """
        content, template = self.candidate.wanted.desired.content, self.candidate.snapshot.template
        ours = {path: memory.sent for path, memory in known.fields.items() if path[0] not in OWNED} if known else {}
        if known is None or not content or not ours:
            return None, {}
        if self.pin and self.pin.holds:
            return None, ours
        return (known.revision, template.revision) if known.revision != template.revision else None, content

    def _upgrade(self, flow: Document) -> Upgraded | str | None:
        """Return what a newer revision of the template means here, or why it cannot be carried."""
        candidate = self.candidate
        upgrade = candidate.upgrade
        if upgrade is None or (self.pin and self.pin.holds):
            return None
        return upgrade.obstacle or upgraded(
            upgrade,
            candidate.snapshot.template,
            candidate.key,
            candidate.resources,
            flow,
            connections=self.connections,
            owned=candidate.wanted.desired.fields,
            wanted=self.wanted,
        )

    @property
    def pin(self) -> Pinned | None:
        return self.choices.pins.get(self.tenant.tenant)

    def _pinned(self) -> str:
        """Say what a pin means for a flow that is there."""
        pin, known = self.pin, self.candidate.instance
        if pin is None or known is None or not known.revision:
            return ""
        if pin.holds and not pin.allows(known.revision):
            return f"{pin.said}; but it is on rev:{known.revision[:REVISION_DIGITS]}"
        return pin.said if self.candidate.upgrade else ""

    @property
    def _who(self) -> tuple[str, str, str]:
        return self.tenant.tenant, self.tenant.account, self.tenant.integration

    def _steps(
        self, action: Action, resources: Iterable[PlannedResource] = (), *, is_configured: bool = True
    ) -> tuple[StepKind, ...]:
        run = self.manifest.run
        return steps_for(
            action,
            from_file=self.manifest.template.file is not None,
            trigger=run.trigger,
            follow=run.follow,
            resources=resources,
            configured=is_configured,
        )
