"""Rebuild what a lost or restored journal should know: what is there is remembered, and nothing is owed any more."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import anyio

from deployer.domain.deployment import Instance, Step
from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, is_newborn
from deployer.domain.lifecycle import StepKind
from deployer.domain.moves import settle_time
from deployer.domain.rebuilding import (
    Finding,
    Loss,
    Recollection,
    Sought,
    has_run,
    loss,
    recollect,
    strangers,
    unlisted,
)
from deployer.domain.template import Template
from deployer.domain.tenants import Tenant
from deployer.engine.accounts import Accounts, OpenAccount
from deployer.engine.carrying import carry_held, give_over
from deployer.engine.control import cancel
from deployer.engine.keeping import Leases, begin_work, locked
from deployer.engine.load import Loaded
from deployer.engine.observe import Aim, by_integration, got, read_template
from deployer.engine.planning import aim_of, pages
from deployer.engine.pool import each
from deployer.engine.rollouts import SUPERSEDED, Crew, is_unread, look_at_unread
from deployer.errors import AccountError, GuardError
from deployer.integrator.wire import Done
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Rollout

_ACCOUNTS, _WORKERS = 8, 64  # at a time
_REASON: Final = "left by rebuild: the journal may not know all that was done"
_TOLD: Final = 0.5  # seconds: what would be told as none is not told


class Onlooker(Protocol):
    """Who looks on while a journal is rebuilt."""

    def waits(self, seconds: float) -> None:
        """See the wait for whatever may still be on its way."""

    def left(self, rollout: Rollout) -> None:
        """See a rollout that nobody goes on with."""

    def sees(self, sought: Sought) -> None:
        """See what was found of a tenant."""


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """A journal that is rebuilt. Nothing is sent but reads; whoever interrupts it leaves the journal in need of it."""

    crew: Crew
    loaded: Loaded
    accounts: Accounts
    onlooker: Onlooker

    async def go(self) -> Mapping[InstanceKey, str]:
        """Rebuild the journal; return, by instance key, the calls that only a person can decide about."""
        journal, opened = self.crew.journal, self.accounts.opened.values()
        with locked(self.crew.locks, "", opened) as leases:
            await self._wait_out(leases)
            for rollout in await journal.unfinished():
                await self._leave(rollout, leases)
            await each(self._searches(), _Search.go, workers=_ACCOUNTS)
            unsettled = await journal.unsettled()
            work = await journal.work()
            anew = any(loss(lease.works.get(self.crew.name), work) is Loss.RESTORED for lease in leases.values())
            await begin_work(journal, self.crew.name, leases, anew=anew)
            for lease in leases.values():
                lease.settled = not unsettled
        return unsettled

    def _searches(self) -> Iterator["_Search"]:
        """Yield the search of each entry; of those alike in account and template the first looks for strangers."""
        before = set()
        for name, account in self.accounts.opened.items():
            about = (account.identity, aim_of(self.loaded, name).template)
            yield _Search(self, name, about[1], about not in before, _Revisions(account, aim_of(self.loaded, name)))
            before.add(about)

    async def _wait_out(self, leases: Leases) -> None:
        """Wait until nothing that was sent before can land any more, and lists show what did.

        Where every deployer was sure of all it sent, only the latter is waited for.
        """
        sure = all(self.crew.name in lease.works and not lease.dead for lease in leases.values())
        now, safety = self.crew.clock.moment(), self.crew.safety
        seconds = max((unlisted(lease.left, "", now, safety.lag) for lease in leases.values()), default=0.0)
        if not sure or await self.crew.journal.unsettled():
            seconds = settle_time(StepKind.CLONE, safety)
        if seconds >= _TOLD:
            self.onlooker.waits(seconds)
        await anyio.sleep(seconds)
        for lease in leases.values():
            lease.dead = frozenset()

    async def _leave(self, rollout: Rollout, leases: Leases) -> None:
        """Find out what became of a rollout's calls, by reads alone, and let nothing of it be begun any more."""
        journal, clock = self.crew.journal, self.crew.clock
        await look_at_unread(journal, clock, rollout)
        await carry_held(self.crew, rollout, self.accounts, leases, settle_only=True)
        await give_over(journal, clock, rollout, self.accounts)
        async for deployment in every_deployment(journal, rollout.id):
            if deployment.in_doubt or any(map(_is_unanswered, deployment.steps)):
                what = f"{deployment.planned.tenant}: what became of a call in rollout {rollout.id} cannot be read yet"
                raise GuardError(what, remedy="run rebuild again once the API answers")
            cancel(journal, clock, deployment)
        await journal.conclude(rollout.id, outcome=SUPERSEDED, reason=_REASON, ended_at=clock.utc())
        self.onlooker.left(rollout)


def _is_unanswered(step: Step) -> bool:
    """Tell whether the API did not answer who asked what became of a call; what it refuses, it will refuse again."""
    error = step.facts.get("error")
    return is_unread(step) and isinstance(error, dict) and error.get("status") is None


@dataclass(slots=True)
class _Revisions:
    """Tells whether a flow is on the revision that the template has: a clone that nobody changed reads like it."""

    account: OpenAccount
    aim: Aim
    _template: Template | None = None

    async def of(self, instance: Instance) -> str:
        """Return the revision of a flow, empty where it is another, or changed, or cannot be read."""
        if self.aim.document is not None:
            return ""
        if self._template is None:
            self._template = await read_template(self.account, self.aim)
        try:
            copy = await read_template(self.account, replace(self.aim, template=instance.flow))
        except AccountError:
            return ""
        return copy.revision if copy.revision == self._template.revision else ""


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the flows of one entry of accounts."""

    rebuilding: Rebuilding
    name: str
    template: str
    beyond: bool
    revisions: "_Revisions"

    @property
    def account(self) -> OpenAccount:
        return self.rebuilding.accounts.opened[self.name]

    async def go(self) -> None:
        """Find and remember the flows of every tenant, then those of integrations that nobody names."""
        flows = by_integration(got(self.account, "the list of flows", await self.account.client.flows()))
        for page in pages(self.rebuilding.loaded.tenants.of(self.name)):
            await self._seek([tenant for _, tenant in page], flows)
        if self.beyond:
            await self._remember_strangers(flows)

    async def _seek(self, tenants: Sequence[Tenant], flows: Mapping[str, Sequence[Document]]) -> None:
        known = await self._known({tenant.integration: tenant.tenant for tenant in tenants})
        news: list[Instance] = []

        async def look(tenant: Tenant) -> None:
            before = known.get(tenant.integration)
            sought, found = await self._look(tenant, flows.get(tenant.integration, ()), before)
            if found.instance and found.instance != before:
                news.append(found.instance)
            self.rebuilding.onlooker.sees(sought)

        await each(tenants, look, workers=_WORKERS)
        await self.rebuilding.crew.journal.remember(news)

    async def _look(
        self, tenant: Tenant, here: Sequence[Document], known: Instance | None
    ) -> tuple[Sought, Recollection]:
        """Look into the account's list, which may lag, and where the flow is not in it into the tenant's own."""
        key, where = InstanceKey(self.template, tenant.integration), (tenant.tenant, tenant.account, tenant.integration)
        found = recollect(here, key, tenant=tenant.tenant, account=tenant.account, known=known)
        if found.instance is None:
            listing = await self.account.client.integration_flows(tenant.integration)
            if not isinstance(listing, Done):
                return Sought(*where, "unreadable"), found
            here = listing.value
            found = recollect(here, key, tenant=tenant.tenant, account=tenant.account, known=known)
        if found.instance is None:
            return Sought(*where, "absent"), found
        instance = found.instance
        if instance != known:
            instance = replace(instance, revision=await self.revisions.of(instance))
            found = replace(found, instance=instance)
        flow = next(flow for flow in here if flow["_id"] == instance.flow)
        finding: Finding = "kept" if instance == known else "found"
        return Sought(*where, finding, instance.flow, found.surplus, await self._ran(flow, key)), found

    async def _ran(self, flow: Document, key: InstanceKey) -> bool | None:
        if not self.rebuilding.loaded.manifest.run.trigger or is_newborn(flow, key.marker):
            return None
        jobs = await self.account.client.latest_jobs(str(flow["_id"]))
        return isinstance(jobs, Done) and has_run(flow, jobs.value)

    async def _remember_strangers(self, flows: Mapping[str, Sequence[Document]]) -> None:
        """Remember what carries our marker elsewhere, under the integration's id, since nobody knows the tenant."""
        found = strangers(flows, self.template, self._named())
        known = await self._known({integration: integration for integration in found})
        for integration in found:
            key = InstanceKey(self.template, integration)
            before = known.get(integration)
            there = recollect(flows[integration], key, tenant=integration, account=self.name, known=before)
            if there.instance and there.instance != before:
                await self.rebuilding.crew.journal.remember([there.instance])
            flow = there.instance.flow if there.instance else None
            name = before.tenant if before else integration
            self.rebuilding.onlooker.sees(Sought(name, self.name, integration, "stranger", flow, there.surplus))

    async def _known(self, tenants: Mapping[str, str]) -> Mapping[str, Instance]:
        return (await self.rebuilding.crew.journal.recall(self.template, tenants)).instances

    def _named(self) -> frozenset[str]:
        """Return the integrations that any entry of the same account names."""
        opened, tenants = self.rebuilding.accounts.opened, self.rebuilding.loaded.tenants
        alike: Iterable[str] = (name for name in opened if opened[name].identity == self.account.identity)
        return frozenset(integration for name in alike for integration in tenants.integrations(name))
