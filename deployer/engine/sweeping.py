"""Look for copies that should not exist. Nothing is sent but reads, and nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey
from deployer.domain.rebuilding import strangers
from deployer.domain.resources import PARTS, ResourceKind
from deployer.domain.sweeping import Copy, Stray, strays, surplus, touched
from deployer.engine.accounts import Accounts, OpenAccount
from deployer.engine.load import Loaded
from deployer.engine.observe import by_integration, got
from deployer.engine.planning import aim_of, pages
from deployer.engine.pool import each
from deployer.errors import AccountError
from deployer.integrator.wire import Done
from deployer.journal.protocol import Journal

_ACCOUNTS = 8  # at a time


@dataclass(frozen=True, slots=True)
class Sweeping:
    """A search through every account, for `copies` of tenants' flows and `strays` of half clones.

    `unread` says, by account, why it could not be looked through.
    """

    journal: Journal
    loaded: Loaded
    accounts: Accounts
    copies: list[Copy] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    async def go(self) -> None:
        """Look through the accounts; one that cannot be read stops no other."""
        self.unread.update(self.accounts.reasons)
        await each(self._searches(), self._look, workers=_ACCOUNTS)

    async def _look(self, search: "_Search") -> None:
        try:
            await search.go()
        except AccountError as error:
            self.unread[search.name] = error.what.removeprefix(f"account {search.name}: ")

    def named(self, identity: tuple[str, str]) -> frozenset[str]:
        """Return the integrations that any entry of an account names."""
        opened, tenants = self.accounts.opened, self.loaded.tenants
        alike = (name for name in opened if opened[name].identity == identity)
        return frozenset(integration for name in alike for integration in tenants.integrations(name))

    def _searches(self) -> Iterator["_Search"]:
        """Yield the search of each entry; of those alike in account and template the first looks beyond tenants."""
        before = set()
        for name, account in self.accounts.opened.items():
            about = (account.identity, aim_of(self.loaded, name).template)
            yield _Search(self, name, about[1], beyond=about not in before)
            before.add(about)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search through one entry of accounts."""

    sweeping: Sweeping
    name: str
    template: str
    beyond: bool

    @property
    def account(self) -> OpenAccount:
        return self.sweeping.accounts.opened[self.name]

    async def go(self) -> None:
        """Look beside every tenant's flow, then where no tenant is, then for parts that no flow uses."""
        client = self.account.client
        parts = {kind: got(self.account, f"the list of {kind}s", await client.parts(kind)) for kind in PARTS}
        # Parts first: a clone makes them before the flow that uses them.
        listed = got(self.account, "the list of flows", await client.built_flows())
        flows = by_integration(listed)
        for page in pages(self.sweeping.loaded.tenants.of(self.name)):
            await self._compare(flows, {tenant.integration: tenant.tenant for _, tenant in page})
        if self.beyond:
            found = strangers(flows, self.template, self.sweeping.named(self.account.identity))
            await self._compare(flows, dict.fromkeys(found))
            await self._part(parts, listed)

    async def _compare(self, flows: Mapping[str, Sequence[Document]], tenants: Mapping[str, str | None]) -> None:
        names = {integration: tenant or integration for integration, tenant in tenants.items()}
        remembered = await self.sweeping.journal.recall(self.template, names)
        for integration, tenant in tenants.items():
            key, before = InstanceKey(self.template, integration), remembered.instances.get(integration)
            instance, others = surplus(flows.get(integration, ()), key, before.flow if before else None)
            for flow in others:
                where = (tenant, self.name, integration, instance, str(flow["_id"]))
                doubt = remembered.unsettled.get(integration) or touched(flow, key, await self._jobs(flow))
                self.sweeping.copies.append(Copy(*where, doubt))

    async def _jobs(self, flow: Document) -> Sequence[Document] | None:
        jobs = await self.account.client.latest_jobs(str(flow["_id"]))
        return jobs.value if isinstance(jobs, Done) else None

    async def _part(self, parts: Mapping[ResourceKind, Sequence[Document]], flows: Sequence[Document]) -> None:
        if self.sweeping.loaded.document is None:  # a template of a file is created without a copy of any part
            client = self.account.client
            template = got(self.account, f"template flow {self.template}", await client.flow(self.template))
            self.sweeping.strays.extend(strays(self.name, template, parts, flows))
