"""Plan to part with flows: those of chosen tenants, or of tenants that left the list, each read as it is now."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from deployer.domain.candidate import Choices
from deployer.domain.deployment import Instance
from deployer.domain.identity import InstanceKey
from deployer.domain.parting import parted
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount
from deployer.domain.selection import Selection
from deployer.domain.tenants import Tenant
from deployer.domain.wave_models import picked
from deployer.domain.wording import did_you_mean
from deployer.engine.accounts import Accounts
from deployer.engine.load import Loaded
from deployer.engine.observe import read_template
from deployer.engine.planning import aim_of
from deployer.engine.plans import Draft, SavedPlan
from deployer.engine.pool import each
from deployer.errors import AccountError, UsageError
from deployer.integrator.wire import Done, Refused
from deployer.journal.protocol import Journal

_AT_ONCE: Final = 64
_PAGE: Final = 500
_GONE: Final = 404


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose flows are meant: tenants by label and name, those that left the list, or all."""

    selection: Selection = field(default_factory=Selection)
    absent: bool = False
    everybody: bool = False

    @property
    def is_nobody(self) -> bool:
        """Tell whether nothing was said: then nobody is meant, and never everybody."""
        return not (self.absent or self.everybody or self.selection.labels or self.selection.tenants)

    def includes(self, instance: Instance, tenant: Tenant | None) -> bool:
        """Tell whether an instance is meant; `tenant` is who has it in the list, None where it left that."""
        name = tenant.tenant if tenant else instance.tenant
        if name in self.selection.excluded:
            return False
        if name in self.selection.tenants or self.everybody or (self.absent and tenant is None):
            return True
        return bool(self.selection.labels) and tenant is not None and self.selection.matches(name, tenant.labels)


@dataclass(frozen=True, slots=True)
class Parting:
    """The making of a plan that parts with flows. `watch` sees each tenant as it is decided."""

    action: Action
    journal: Journal
    accounts: Accounts
    loaded: Loaded
    choices: Choices
    watch: Callable[[int, Planned], None]

    async def plan(self, whose: Whose, directory: Path, observed_at: str) -> SavedPlan:
        """Return the plan, saved; raise UsageError for a name that no flow has; nobody left is none."""
        self.accounts.demand_one()
        listed = {(tenant.account, tenant.integration): tenant for tenant in self.loaded.tenants}
        names, chosen, count = set[str](), list[tuple[InstanceKey, Tenant | None]](), 0
        async for instance in self._instances():
            count += 1
            tenant = listed.get((instance.account, instance.integration))
            names.add(tenant.tenant if tenant else instance.tenant)
            if whose.includes(instance, tenant):
                chosen.append((InstanceKey(instance.template, instance.integration), tenant))
        self._demand_known(whose.selection, names)
        for name in sorted(self.choices.ours - names):
            raise UsageError(f"--ours {name}: no flow of this tenant is known{did_you_mean(name, sorted(names))}")
        if whose.selection.labels and not chosen:
            remedy = "look at the labels in the tenants' list; deployer status shows which flows there are"
            raise UsageError(f"no tenant with such a label has a flow to {self.action}", remedy=remedy)
        waves = self.loaded.manifest.waves
        draft = Draft(len(chosen), self.watch, waves.allot) if waves else Draft(len(chosen), self.watch)
        for start in range(0, len(chosen), _PAGE):
            await self._add(draft, start, chosen[start : start + _PAGE])
        draft.totals.existing = count  # the share that goes is judged by all that there are
        return draft.save(directory, await self._head(observed_at))

    async def _instances(self) -> AsyncIterator[Instance]:
        """Yield the flows that are remembered of the manifest's templates and accounts."""
        names = self.loaded.manifest.accounts
        templates = {aim_of(self.loaded, name).template for name in names}
        after = None
        while page := await self.journal.instances(after=after, limit=_PAGE):
            after = InstanceKey(page[-1].template, page[-1].integration)
            for instance in page:
                if instance.template in templates and instance.account in names:
                    yield instance

    def _demand_known(self, selection: Selection, names: set[str]) -> None:
        for option, wanted in (("--tenant", selection.tenants), ("--exclude", selection.excluded)):
            for name in sorted(wanted - names):
                raise UsageError(f"{option} {name}: no flow of this tenant is known{did_you_mean(name, sorted(names))}")

    async def _add(self, draft: Draft, start: int, page: Sequence[tuple[InstanceKey, Tenant | None]]) -> None:
        by_template: dict[str, dict[str, str]] = {}
        for key, tenant in page:
            by_template.setdefault(key.template, {})[key.integration] = tenant.tenant if tenant else ""
        recalled = {name: await self.journal.recall(name, tenants) for name, tenants in by_template.items()}
        selectors = self.loaded.manifest.waves.selectors if self.loaded.manifest.waves else ()

        async def add(entry: tuple[int, tuple[InstanceKey, Tenant | None]]) -> None:
            place, (key, tenant) = entry
            remembered = recalled[key.template]
            instance = remembered.instances[key.integration]
            if tenant:
                instance = replace(instance, tenant=tenant.tenant)
            planned = await self._parted(instance, remembered.unsettled)
            draft.add(place, planned, picked(selectors, tenant.labels if tenant else {}))

        await each(enumerate(page, start), add, workers=_AT_ONCE)

    async def _parted(self, instance: Instance, unsettled: Mapping[str, str]) -> Planned:
        account = self.accounts.opened.get(instance.account)
        chosen = self.choices.conflict(instance.tenant)
        marked = self.loaded.manifest.marker == "description"
        if why := unsettled.get(instance.integration):
            return _blocked(instance, why)
        if account is None:
            return _blocked(instance, self.accounts.reasons.get(instance.account, "its account does not answer"))
        match await account.client.flow(instance.flow):
            case Done(live):
                key = InstanceKey(instance.template, instance.integration)
                flow = account.vault.sealed(live, key, {}, instance.fields).document
                return parted(self.action, instance, flow, chosen, is_marked_by_us=marked)
            case Refused(status) if status == _GONE:
                return parted(self.action, instance, None, chosen, is_marked_by_us=marked)
            case _:
                return _blocked(instance, "its flow cannot be read now")

    async def _head(self, observed_at: str) -> Plan:
        loaded = self.loaded
        manifest = loaded.manifest.model_copy(update={"drift": "report"})  # what others changed stays as it is
        return Plan(
            name=manifest.name,
            manifest_digest=loaded.manifest_digest,
            tenants_digest=loaded.tenants_digest,
            settings=manifest.model_dump(mode="json", exclude={"tenants"}),
            accounts={name: await self._account(name) for name in manifest.accounts if name in self.accounts.opened},
            tenants=(),
            totals=Draft(0, self.watch).totals,
            observed_at=observed_at,
            strict=bool(manifest.waves and manifest.waves.strict),
        )

    async def _account(self, name: str) -> PlannedAccount:
        """Return what a plan holds of an account, whose template may be gone by now."""
        account, aim = self.accounts.opened[name], aim_of(self.loaded, name)
        try:
            template = await read_template(account, aim)
        except AccountError:
            return PlannedAccount(name, account.base_url, account.user, aim.template, aim.template, "", 1)
        known = (template.key, template.name, template.revision, template.generators)
        return PlannedAccount(name, account.base_url, account.user, *known)


def _blocked(instance: Instance, why: str) -> Planned:
    where = (instance.tenant, instance.account, instance.integration)
    return Planned(*where, Action.BLOCKED, instance.template, why, flow=instance.flow)
