"""A tenant that a plan is to be made for, and the flow that it may already have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployer.domain.adjusting import Wishes, wishes
from deployer.domain.chosen import Choice, Chosen
from deployer.domain.deployment import Instance
from deployer.domain.desired import Desired
from deployer.domain.documents import Document, put
from deployer.domain.identity import InstanceKey, says_managed
from deployer.domain.pins import Pinned
from deployer.domain.remembered import Remembered
from deployer.domain.resources import ResourceKey, ResourceMemory
from deployer.domain.revisions import Upgrade
from deployer.domain.sighting import Doubtful, Found, Sighting, sight
from deployer.domain.snapshot import Snapshot
from deployer.domain.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decided, by tenant; a choice in `fields`, of one field, beats its tenant's.

    Those whose flow is on a revision that begins with `not_on` are left out.
    """

    recreate: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    theirs: frozenset[str] = frozenset()
    fields: Mapping[str, Chosen] = field(default_factory=dict)
    pins: Mapping[str, Pinned] = field(default_factory=dict)
    not_on: str | None = None

    @property
    def tenants(self) -> frozenset[str]:
        """Return the tenants of which anything is decided."""
        return self.recreate | self.ours | self.theirs | self.fields.keys()

    def conflict(self, tenant: str) -> Chosen:
        """Return how conflicts of a tenant are to end, as far as somebody said."""
        of_field = self.fields.get(tenant, {})
        if tenant in self.ours:
            return {"": Choice.OURS, **of_field}
        return {"": Choice.THEIRS, **of_field} if tenant in self.theirs else of_field


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tenant and what its flow is to be."""

    tenant: Tenant
    desired: Desired


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tenant, what its flow is to be, and all that is known of it."""

    wanted: Wanted
    snapshot: Snapshot
    remembered: Remembered

    @property
    def key(self) -> InstanceKey:
        """Return the key of the flow looked for."""
        return InstanceKey(self.snapshot.template.key, self.wanted.tenant.integration)

    @property
    def instance(self) -> Instance | None:
        """Return what is remembered of the flow looked for."""
        return self.remembered.instances.get(self.wanted.tenant.integration)

    @property
    def memories(self) -> Mapping[ResourceKey, ResourceMemory]:
        """Return what is remembered of the tenant's resources."""
        return self.instance.resources if self.instance else {}

    @property
    def resources(self) -> Mapping[ResourceKey, Document]:
        """Return the tenant's resources as they were seen."""
        return self.snapshot.resources.get(self.wanted.tenant.integration, {})

    @property
    def wishes(self) -> Wishes | str:
        """Return what is wanted of the tenant's resources, or why that cannot be."""
        return wishes(self.wanted.desired, self.snapshot.template, self.memories)

    @property
    def upgrade(self) -> Upgrade | None:
        """Return what leads from the revision that the tenant's flow has to the template's."""
        known = self.instance
        return self.snapshot.upgrades.get(known.revision) if known else None

    def instance_of(self, flow: str) -> Instance | None:
        """Return what is remembered of this very flow, once it was configured."""
        known = self.instance
        return known if known and known.flow == flow and known.is_configured else None


def choose(
    listing: Sequence[Document], wanted: Wanted, key: InstanceKey, *, known: Instance | None, adopt: str | None
) -> Sighting:
    """Sight the tenant's flow, taking over by name or by id where the manifest allows it.

    What another template, or another tenant, has here may have the name too: it is no more than doubtful.
    """
    listing = [flow for flow in listing if flow["_id"] != key.template]  # which may lie among its copies
    sighting = sight(listing, key, known=known.flow if known else None)
    if isinstance(sighting, Found) or known or adopt is None:
        return sighting
    if adopt == "id":
        named = [flow for flow in listing if flow["_id"] == wanted.tenant.flow]
    else:
        name = wanted.desired.fields.get(("name",))
        named = [flow for flow in listing if name and flow.get("name") == name]
    match named:
        case [flow] if adopt == "id" or not says_managed(flow):
            return Found(flow)
        case []:
            return sighting
        case _:
            return Doubtful(tuple(named))


def as_remembered(summary: Document, instance: Instance | None, wanted: Wanted) -> Document | None:
    """Return the flow as it was left, where its stamp says that nobody touched it since; None: it has to be read."""
    if instance is None or not instance.last_modified or summary.get("lastModified") != instance.last_modified:
        return None
    if not wanted.desired.fields.keys() <= instance.fields.keys():
        return None
    flow = summary
    for path, memory in instance.fields.items():
        flow = put(flow, path, memory.returned)
    return flow
