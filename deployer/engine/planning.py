"""Make a plan: resolve what is wanted, observe every account, and decide tenant by tenant."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from deployer.domain.adjusting import kind_at
from deployer.domain.candidate import Candidate, Choices, Wanted
from deployer.domain.decide import blocked, decide
from deployer.domain.desired import Desired, Resolver
from deployer.domain.identity import InstanceKey
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, steps_for
from deployer.domain.remembered import Remembered
from deployer.domain.template import Template
from deployer.domain.tenants import Tenant
from deployer.domain.wave_models import Waves, picked
from deployer.engine.accounts import Accounts, OpenAccount
from deployer.engine.blaming import blamed
from deployer.engine.grouping import grouped
from deployer.engine.load import Loaded
from deployer.engine.observe import Aim, Observation, observe, read_template
from deployer.engine.pinning import pins_at
from deployer.engine.plans import Draft, SavedPlan
from deployer.engine.pool import each
from deployer.engine.vault import Vault
from deployer.errors import DeployerError, Problem
from deployer.journal.protocol import Journal

_ACCOUNTS: Final = 8  # observed at a time: what is known of an account is dropped once its tenants are decided
_TEMPLATES: Final = 32  # templates that are read at a time
_PAGE: Final = 500  # tenants that are decided together


@dataclass(frozen=True, slots=True)
class Materials:
    """What a plan is made of. `watch` sees each tenant, with its place in the list, as it is decided."""

    loaded: Loaded
    accounts: Accounts
    journal: Journal
    env: Mapping[str, str]
    watch: Callable[[int, Planned], None]


async def make_plan(materials: Materials, choices: Choices, *, directory: Path, observed_at: str) -> SavedPlan:
    """Return the plan, saved. One bad tenant, or one account that cannot be read, blocks itself alone."""
    resolver = resolver_of(materials.loaded, materials.env)
    choices = replace(choices, pins=pins_at(materials.loaded, observed_at))

    async def observed(name: str, tenants: int) -> _Decider:
        account = materials.accounts.opened[name]
        observation = await observe(account, aim_of(materials.loaded, name), tenants=tenants)
        return _Applying(materials, resolver, observation, choices)

    return await _Planner(materials, observed, materials.loaded.manifest.waves).plan(directory, observed_at)


async def plan_runs(materials: Materials, *, directory: Path, observed_at: str) -> SavedPlan:
    """Return a plan, saved, that changes nothing and runs every instance of the manifest's tenants."""

    async def observed(name: str, _: int) -> _Decider:
        account = materials.accounts.opened[name]
        return _Running(account, await read_template(account, aim_of(materials.loaded, name)))

    return await _Planner(materials, observed).plan(directory, observed_at)


class _Decider(Protocol):
    """Decides about tenants of one account that can be read."""

    @property
    def planned(self) -> PlannedAccount:
        """Return what a plan holds of the account."""

    async def decide(self, tenants: Sequence[Tenant], remembered: Remembered) -> Sequence[Planned]:
        """Return what is to be done with each tenant."""

    def selects(self, tenant: Tenant, remembered: Remembered) -> bool:
        """Tell whether a tenant is among those asked for."""


@dataclass(frozen=True, slots=True)
class _Applying:
    """Decides what an apply does."""

    materials: Materials
    resolver: Resolver
    observation: Observation
    choices: Choices

    @property
    def planned(self) -> PlannedAccount:
        return _planned_account(self.observation.account, self.observation.template)

    def selects(self, tenant: Tenant, remembered: Remembered) -> bool:
        known, not_on = remembered.instances.get(tenant.integration), self.choices.not_on
        return not_on is None or known is None or not known.revision.startswith(not_on)

    async def decide(self, tenants: Sequence[Tenant], remembered: Remembered) -> Sequence[Planned]:
        loaded, template = self.materials.loaded, self.observation.template
        desired = list(map(self.resolver.resolve, tenants))
        wanted = {
            tenant.tenant: Wanted(tenant, want)
            for tenant, want in zip(tenants, desired, strict=True)
            if isinstance(want, Desired)
        }
        snapshot = await self.observation.snapshot(list(wanted.values()), remembered)
        decided = [
            decide(Candidate(wanted[tenant.tenant], snapshot, remembered), loaded.manifest, self.choices)
            if isinstance(want, Desired)
            else _blocked(tenant, template.key, str(want), remembered)
            for tenant, want in zip(tenants, desired, strict=True)
        ]
        account = self.observation.account
        return await blamed({account.name: account}, decided)


@dataclass(frozen=True, slots=True)
class _Running:
    """Decides whose flow is run."""

    account: OpenAccount
    template: Template

    @property
    def planned(self) -> PlannedAccount:
        return _planned_account(self.account, self.template)

    def selects(self, tenant: Tenant, remembered: Remembered) -> bool:  # noqa: ARG002 - a run is of everybody
        return True

    async def decide(self, tenants: Sequence[Tenant], remembered: Remembered) -> Sequence[Planned]:
        return [self._run(tenant, remembered) for tenant in tenants]

    def _run(self, tenant: Tenant, remembered: Remembered) -> Planned:
        instance = remembered.instances.get(tenant.integration)
        if tenant.integration in remembered.unsettled:
            return _blocked(tenant, self.template.key, "", remembered)
        if instance is None or not instance.is_configured:
            return _blocked(tenant, self.template.key, "not deployed yet: there is nothing to run", remembered)
        steps = steps_for(Action.RUN, from_file=False, trigger=True, follow=True)
        where = (tenant.tenant, tenant.account, tenant.integration)
        return Planned(*where, Action.RUN, self.template.key, flow=instance.flow, steps=steps)


class _Planner:
    """Goes through the accounts, some at a time, and through the tenants of each, a page at a time."""

    def __init__(
        self, materials: Materials, observed: Callable[[str, int], Awaitable[_Decider]], waves: Waves | None = None
    ) -> None:
        self._materials = materials
        self._observed = observed
        self._selectors = waves.selectors if waves else ()
        self._strict = bool(waves and waves.strict)
        size = len(materials.loaded.tenants)
        self._draft = Draft(size, materials.watch, waves.allot) if waves else Draft(size, materials.watch)
        self._planned: dict[str, PlannedAccount] = {}
        self._refused: dict[str, DeployerError] = dict(materials.accounts.refused)

    async def plan(self, directory: Path, observed_at: str) -> SavedPlan:
        """Decide about every tenant, and save the plan."""
        loaded, accounts = self._materials.loaded, self._materials.accounts
        accounts.demand_one()
        await each(grouped(loaded, accounts), self._plan_entries, workers=_ACCOUNTS)
        if not self._planned:
            raise next(iter(self._refused.values()))
        head = Plan(
            name=loaded.manifest.name,
            manifest_digest=loaded.manifest_digest,
            tenants_digest=loaded.tenants_digest,
            settings=loaded.manifest.model_dump(mode="json", exclude={"tenants"}),
            accounts={name: self._planned[name] for name in loaded.manifest.accounts if name in self._planned},
            tenants=(),
            totals=self._draft.totals,
            absent=await self._absent(),
            observed_at=observed_at,
            strict=self._strict,
        )
        return self._draft.save(directory, head)

    async def _absent(self) -> tuple[str, ...]:
        """Return who left the list; of a part of it, nothing is said."""
        loaded = self._materials.loaded
        if loaded.tenants.is_partial:
            return ()
        templates = sorted({aim_of(loaded, name).template for name in loaded.manifest.accounts})
        return tuple(await self._materials.journal.absent(templates, loaded.tenants.integrations))

    async def _plan_entries(self, names: Sequence[str]) -> None:
        """Plan the entries of one account, one after the other: the first that names an integration has it."""
        taken: dict[InstanceKey, str] | None = {} if len(names) > 1 else None
        for name in names:
            decider = await self._decider(name)
            for page in pages(self._materials.loaded.tenants.of(name)):
                await self._plan_page(name, decider, page, taken)

    async def _decider(self, name: str) -> _Decider | None:
        if name in self._refused:
            return None
        try:
            decider = await self._observed(name, self._materials.loaded.tenants.accounts[name])
        except DeployerError as error:
            self._refused[name] = error
            return None
        self._planned[name] = decider.planned
        return decider

    async def _plan_page(
        self,
        name: str,
        decider: _Decider | None,
        page: Sequence[tuple[int, Tenant]],
        taken: dict[InstanceKey, str] | None,
    ) -> None:
        template = aim_of(self._materials.loaded, name).template
        tenants = [tenant for _, tenant in page]
        remembered = await self._materials.journal.recall(
            template, {tenant.integration: tenant.tenant for tenant in tenants}
        )
        if decider is None:
            why = self._refused[name].what
            decided: Sequence[Planned] = [_blocked(tenant, template, why, remembered) for tenant in tenants]
        else:
            page = [(place, tenant) for place, tenant in page if decider.selects(tenant, remembered)]
            decided = await decider.decide([tenant for _, tenant in page], remembered)
        for (place, tenant), ruling in zip(page, decided, strict=True):
            first = ruling.tenant if taken is None else taken.setdefault(ruling.key, ruling.tenant)
            if first != ruling.tenant:
                why = f"{first} is the same integration of the same account"
                self._draft.add(place, _blocked(tenant, template, why, remembered))
            else:
                self._draft.add(place, ruling, picked(self._selectors, tenant.labels))


def pages(tenants: Iterator[tuple[int, Tenant]]) -> Iterator[list[tuple[int, Tenant]]]:
    """Yield the tenants as many at a time as are looked at together."""
    while page := list(islice(tenants, _PAGE)):
        yield page


def _blocked(tenant: Tenant, template: str, reason: str, remembered: Remembered) -> Planned:
    unsettled = remembered.unsettled.get(tenant.integration)
    return blocked(tenant, InstanceKey(template, tenant.integration), "; ".join(filter(None, (reason, unsettled))))


def resolver_of(loaded: Loaded, env: Mapping[str, str]) -> Resolver:
    """Return what fills in a manifest's texts for each tenant; raise SecretError for a key that cannot be read."""
    vault = Vault(loaded.manifest.secrets, env, loaded.path.parent)
    vault.demand_key()
    return Resolver(loaded.manifest, env=env, template=loaded.document, overrides=loaded.overrides, source=vault)


def unresolvable(loaded: Loaded, env: Mapping[str, str]) -> dict[str, Problem]:
    """Return the tenants whose values cannot be filled in, and why."""
    resolver = resolver_of(loaded, env)
    resolved = ((tenant.tenant, resolver.resolve(tenant)) for tenant in loaded.tenants)
    return {tenant: desired for tenant, desired in resolved if isinstance(desired, Problem)}


def aim_of(loaded: Loaded, account: str) -> Aim:
    """Return what a rollout is about in one account."""
    own = loaded.manifest.accounts[account].template
    manifest = loaded.manifest
    kinds = frozenset(kind_at(place) for place, _ in manifest.adjusted)
    return Aim(own or manifest.template.key, loaded.document, manifest.adopt, kinds)


def _planned_account(account: OpenAccount, template: Template) -> PlannedAccount:
    return PlannedAccount(
        account=account.name,
        base_url=account.base_url,
        user=account.user,
        template=template.key,
        template_name=template.name,
        revision=template.revision,
        generators=template.generators,
    )
