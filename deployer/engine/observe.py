"""Observe an account: its template, integrations and connections, and each flow that may be a tenant's."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from deployer.domain.adjusting import wishes
from deployer.domain.candidate import Wanted, as_remembered, choose
from deployer.domain.deployment import Instance
from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey
from deployer.domain.remembered import Remembered
from deployer.domain.resources import PARTS, ResourceKey, ResourceKind
from deployer.domain.revisions import Upgrade, upgrade
from deployer.domain.sighting import Found
from deployer.domain.snapshot import Snapshot
from deployer.domain.template import Part, Template, file_template, flow_template, parts_of
from deployer.engine.accounts import OpenAccount
from deployer.engine.pool import each
from deployer.engine.resources import Resources
from deployer.errors import AccountError
from deployer.integrator.wire import Done, NotSent, Outcome, Refused, Unknown

FEW = 20  # tenants up to which a listing of each costs less than the account's whole list
_WORKERS = 64
_UNAUTHORIZED, _GONE = 401, 404

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aim:
    """What a rollout is about in one account: the template's id there, or the file's slug and document.

    `kinds` are those of the resources that it writes besides flows.
    """

    template: str
    document: Document | None
    adopt: str | None
    kinds: frozenset[ResourceKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of an account before its tenants are looked at; `listed` are its flows by integration, if read.

    `stamps` are those of the resources that lists showed, by id.
    """

    account: OpenAccount
    template: Template
    integrations: Mapping[str, str]
    connections: Mapping[str, str]
    listed: Mapping[str, Sequence[Document]] | None
    adopt: str | None
    stamps: Mapping[str, str] = field(default_factory=dict)

    async def snapshot(self, wanted: Sequence[Wanted], remembered: Remembered) -> Snapshot:
        """Look at some tenants."""
        here = [want for want in wanted if want.tenant.integration in self.integrations]
        revisions = remembered.revisions
        upgrades = {
            name: upgrade(before, self.template) for name, before in revisions.items() if name != self.template.revision
        }
        finder = _Flows(self, remembered, upgrades)
        flows = await finder.read(here)
        account = self.account
        identity = (account.name, account.base_url, account.user)
        return Snapshot(
            *identity,
            self.template,
            self.integrations,
            self.connections,
            flows,
            finder.resources,
            upgrades,
            finder.unreadable,
        )


async def observe(account: OpenAccount, aim: Aim, *, tenants: int) -> Observation:
    """Return what a plan for so many tenants needs to know of an account; raise AccountError where it cannot be read.

    The account's whole list of flows is read where that is cheaper than a list for each tenant.
    """
    client = account.client
    template = await read_template(account, aim)
    places = got(account, "the list of integrations", await client.integrations())
    integrations, connections = named(places), {}
    if template.connections:
        connections = named(got(account, "the list of connections", await client.connections()))
    if tenants <= FEW:
        return Observation(account, template, integrations, connections, None, aim.adopt)
    listed = by_integration(got(account, "the list of flows", await client.flows()))
    stamps = await _stamps(account, template, aim.kinds)
    if ResourceKind.INTEGRATION in aim.kinds:
        stamps |= _stamped(places)
    return Observation(account, template, integrations, connections, listed, aim.adopt, stamps)


async def _stamps(account: OpenAccount, template: Template, kinds: frozenset[ResourceKind]) -> dict[str, str]:
    """Return the stamp of each copy of a part of the template, by id."""
    sources, stamps = {part.id for part in template.parts}, dict[str, str]()
    for kind in PARTS:
        if kind in kinds:
            listed = got(account, f"the list of {kind}s", await account.client.parts(kind))
            stamps |= _stamped(part for part in listed if part.get("_sourceId") in sources)
    return stamps


def _stamped(documents: Iterable[Document]) -> dict[str, str]:
    return {str(document["_id"]): str(document.get("lastModified", "")) for document in documents}


def by_integration(flows: Sequence[Document]) -> Mapping[str, Sequence[Document]]:
    """Group flows by the integration that they lie in."""
    found: dict[str, list[Document]] = defaultdict(list)
    for flow in flows:
        found[str(flow.get("_integrationId"))].append(flow)
    return found


async def read_template(account: OpenAccount, aim: Aim) -> Template:
    """Return the template with its revision: of a flow, the exports and imports it uses are read too."""
    if aim.document is not None:
        return file_template(aim.template, aim.document)
    return flow_template(*await read_flow(account, aim.template))


async def read_flow(account: OpenAccount, template: str) -> tuple[Document, list[Part]]:
    """Return a flow that is a template, and the exports and imports that it uses, whole."""
    client = account.client
    flow = got(account, f"template flow {template}", await client.flow(template))
    parts = []
    for kind, id_ in parts_of(flow):
        outcome = await client.resource(kind, id_)
        parts.append(Part(kind, id_, got(account, f"{kind} {id_} of the template", outcome)))
    return flow, parts


def got(account: OpenAccount, what: str, outcome: Outcome[T]) -> T:
    """Return what was read; raise AccountError, with the next step, where it was not."""
    match outcome:
        case Done(value):
            return value
        case Refused(401):
            raise AccountError(
                f"account {account.name}: the API does not accept the token",
                remedy="check that the token is complete, not expired, and of this account and region",
            )
        case Refused(404):
            raise AccountError(
                f"account {account.name}: {what} was not found",
                remedy="check the id, and that the token belongs to the account that holds it",
            )
        case Refused(status, errors):
            said = errors[0].message if errors else "no explanation"
            raise AccountError(f"account {account.name}: {what}: the API says no ({status}): {said}")
        case Unknown(reason) | NotSent(reason):
            raise AccountError(
                f"account {account.name}: {what} cannot be read: {reason}",
                remedy=f"check the connection to {account.base_url} and try again",
            )


def named(documents: Iterable[Document]) -> dict[str, str]:
    """Return the names of documents by id."""
    return {str(item["_id"]): str(item.get("name", "")) for item in documents}


@dataclass(frozen=True, slots=True)
class _Flows:
    """Finds the flows that may be the tenants', and what is wanted besides. `unreadable` says why it could not."""

    seen: Observation
    remembered: Remembered
    upgrades: Mapping[str, Upgrade]
    resources: dict[str, Mapping[ResourceKey, Document]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    async def read(self, wanted: Sequence[Wanted]) -> Mapping[str, Sequence[Document]]:
        """Return the candidates of each integration, whole where a plan has to compare them."""
        flows: dict[str, Sequence[Document]] = {}

        async def look(want: Wanted) -> None:
            integration = want.tenant.integration
            try:
                found = await self._complete(want, await self._listing(integration))
                flows[integration] = self._sealed(want, found)
                self.resources[integration] = await self._besides(want, found)
            except _TenantError as error:
                self.unreadable[integration] = error.what

        await each(wanted, look, workers=_WORKERS)
        return flows

    async def _listing(self, integration: str) -> Sequence[Document]:
        if self.seen.listed is not None:
            return self.seen.listed.get(integration, ())
        outcome = await self.seen.account.client.integration_flows(integration)
        return self._got(f"the flows of integration {integration}", outcome)

    async def _complete(self, want: Wanted, listing: Sequence[Document]) -> Sequence[Document]:
        """Read the tenant's flow whole, unless it is as it was left; look for one that the list does not show."""
        key = InstanceKey(self.seen.template.key, want.tenant.integration)
        known = self.remembered.instances.get(key.integration)
        match choose(listing, want, key, known=known, adopt=self.seen.adopt):
            case Found(flow):
                left = None if self._is_behind(known) else as_remembered(flow, known, want)
                whole = left or await self._flow(str(flow["_id"])) or flow
                return [whole if other is flow else other for other in listing]
            case _ if known:
                found = await self._flow(known.flow)
                return [*listing, found] if found else listing
            case _:
                return listing

    def _sealed(self, want: Wanted, listing: Sequence[Document]) -> Sequence[Document]:
        """Return the candidates with what may be a secret of the tenant's sealed."""
        key = InstanceKey(self.seen.template.key, want.tenant.integration)
        known = self.remembered.instances.get(key.integration)
        memory, vault = known.fields if known else {}, self.seen.account.vault
        return [vault.sealed(flow, key, want.desired.fields, memory).document for flow in listing]

    async def _besides(self, want: Wanted, listing: Sequence[Document]) -> Mapping[ResourceKey, Document]:
        """Read the tenant's resources, as far as the plan is about any."""
        key = InstanceKey(self.seen.template.key, want.tenant.integration)
        known = self.remembered.instances.get(key.integration)
        memories = known.resources if known else {}
        wanted = wishes(want.desired, self.seen.template, memories)
        if isinstance(wanted, str) or not (wanted or self._is_behind(known)):  # a text blocks the tenant
            return {}
        sighting = choose(listing, want, key, known=known, adopt=self.seen.adopt)
        flow = sighting.flow if isinstance(sighting, Found) else None
        reader = Resources(self.seen.account.client, self.seen.stamps, self._got)
        fields = {resource: wish.fields for resource, wish in wanted.items()}
        found = await reader.read(fields, memories, key.integration, flow)
        if flow and self._is_behind(known):
            found = {**found, **await reader.copies(flow)}
        vault = self.seen.account.vault
        left = {resource: memory.fields for resource, memory in memories.items()}
        return {
            each: vault.sealed(document, key, fields.get(each, {}), left.get(each, {})).document
            for each, document in found.items()
        }

    def _is_behind(self, known: Instance | None) -> bool:
        """Tell whether a tenant's flow has another revision than the template, so that all of it has to be read."""
        return known is not None and known.revision in self.upgrades

    async def _flow(self, flow: str) -> Document | None:
        outcome = await self.seen.account.client.flow(flow)
        gone = isinstance(outcome, Refused) and outcome.status == _GONE
        return None if gone else self._got(f"flow {flow}", outcome)

    def _got(self, what: str, outcome: Outcome[T]) -> T:
        """Return what was read of one tenant; what cannot be read is that tenant's alone, unless it is the token's."""
        match outcome:
            case Refused(status, errors) if status != _UNAUTHORIZED:
                raise _TenantError(f"{what} cannot be read ({status}): {errors[0].message}")
            case Unknown(reason):
                raise _TenantError(f"{what} cannot be read: {reason}")
            case _:
                return got(self.seen.account, what, outcome)


class _TenantError(AccountError):
    """One tenant's flows cannot be read."""
