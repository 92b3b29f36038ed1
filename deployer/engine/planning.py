"""Make a plan: resolve what is wanted, observe every account, and decide tenant by tenant."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import anyio

from deployer.domain.candidate import Candidate, Choices, Remembered, Wanted
from deployer.domain.decide import blocked, decide
from deployer.domain.deployment import Instance
from deployer.domain.desired import resolve
from deployer.domain.identity import InstanceKey
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, steps_for
from deployer.domain.snapshot import Snapshot, Template
from deployer.domain.tenants import Tenant
from deployer.engine.accounts import OpenAccount
from deployer.engine.load import Loaded
from deployer.engine.observe import Aim, observe, read_template
from deployer.errors import AccountError, DeployerError, Problem
from deployer.journal.protocol import Journal


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a manifest: those that answer, and why the others do not."""

    opened: Mapping[str, OpenAccount]
    refused: Mapping[str, DeployerError]

    def demand_one(self) -> None:
        """Raise the first refusal where no account can work at all."""
        if not self.opened:
            raise next(iter(self.refused.values()))


@dataclass(slots=True)
class Planner:
    """Gathers what a plan is made of; each method fills in one part."""

    loaded: Loaded
    accounts: Accounts
    remembered: Remembered
    env: Mapping[str, str]
    wanted: dict[str, list[Wanted]] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    refused: dict[str, DeployerError] = field(default_factory=dict)
    decided: dict[str, Planned] = field(default_factory=dict)

    async def plan(self, choices: Choices, observed_at: str) -> Plan:
        """Return the plan. One bad tenant, or one account that cannot be read, blocks itself alone."""
        self.accounts.demand_one()
        self.refused.update(self.accounts.refused)
        self._resolve()
        async with anyio.create_task_group() as group:
            for name, wanted in self.wanted.items():
                group.start_soon(self._observe, self.accounts.opened[name], wanted)
        if not self.snapshots:
            raise next(iter(self.refused.values()))
        taken: dict[tuple[object, InstanceKey], str] = {}
        for name, wanted in self.wanted.items():
            for want in wanted:
                ruling = self._decide(want, self.snapshots.get(name), choices)
                first = taken.setdefault((self.accounts.opened[name].identity, ruling.key), ruling.tenant)
                if first != ruling.tenant:
                    ruling = self._blocked(want.tenant, f"{first} is the same integration of the same account")
                self.decided[ruling.tenant] = ruling
        order = [name for name in self.loaded.manifest.accounts if name in self.snapshots]
        planned = {name: _planned_account(self.snapshots[name]) for name in order}
        return assemble(self.loaded, planned, self.decided, self.remembered, observed_at)

    def _resolve(self) -> None:
        for tenant in self.loaded.tenants:
            desired = resolve(self.loaded.manifest, tenant, env=self.env, template=self.loaded.document)
            if isinstance(desired, Problem):
                self.decided[tenant.tenant] = self._blocked(tenant, str(desired))
            elif tenant.account in self.refused:
                self.decided[tenant.tenant] = self._blocked(tenant, self.refused[tenant.account].what)
            else:
                self.wanted.setdefault(tenant.account, []).append(Wanted(tenant, desired))

    async def _observe(self, account: OpenAccount, wanted: Sequence[Wanted]) -> None:
        try:
            aim = aim_of(self.loaded, account.name)
            self.snapshots[account.name] = await observe(account, aim, wanted, self.remembered)
        except DeployerError as error:
            self.refused[account.name] = error

    def _decide(self, want: Wanted, snapshot: Snapshot | None, choices: Choices) -> Planned:
        if snapshot is None:
            return self._blocked(want.tenant, self.refused[want.tenant.account].what)
        return decide(Candidate(want, snapshot, self.remembered), self.loaded.manifest, choices)

    def _blocked(self, tenant: Tenant, reason: str) -> Planned:
        key = InstanceKey(aim_of(self.loaded, tenant.account).template, tenant.integration)
        return blocked(tenant, key, "; ".join(filter(None, (reason, self.remembered.unsettled.get(key)))))


def unresolvable(loaded: Loaded, env: Mapping[str, str]) -> dict[str, Problem]:
    """Return the tenants whose values cannot be filled in, and why."""
    resolved = {
        tenant.tenant: resolve(loaded.manifest, tenant, env=env, template=loaded.document) for tenant in loaded.tenants
    }
    return {tenant: desired for tenant, desired in resolved.items() if isinstance(desired, Problem)}


async def changed_templates(plan: Plan, accounts: Accounts, loaded: Loaded) -> list[str]:
    """Return the accounts whose template is not the one that was planned with."""
    changed = []
    for name, account in accounts.opened.items():
        planned = plan.accounts.get(name)
        if planned is None:
            continue
        aim = replace(aim_of(loaded, name), template=planned.template)
        with suppress(AccountError):  # which is for the account to meet, and for it alone
            if (await read_template(account, aim)).revision != planned.revision:
                changed.append(name)
    return changed


async def plan_runs(loaded: Loaded, accounts: Accounts, remembered: Remembered, observed_at: str) -> Plan:
    """Return a plan that changes nothing and runs every instance of the manifest's tenants."""
    accounts.demand_one()
    planned: dict[str, PlannedAccount] = {}
    refused = dict(accounts.refused)
    for name, account in accounts.opened.items():
        try:
            template = await read_template(account, aim_of(loaded, name))
        except AccountError as error:
            refused[name] = error
        else:
            planned[name] = _planned_account(Snapshot(name, account.base_url, account.user, template, {}, {}))
    if not planned:
        raise next(iter(refused.values()))
    decided = {tenant.tenant: _run(loaded, tenant, refused, remembered) for tenant in loaded.tenants}
    return assemble(loaded, planned, decided, remembered, observed_at)


def _run(loaded: Loaded, tenant: Tenant, refused: Mapping[str, DeployerError], remembered: Remembered) -> Planned:
    key = InstanceKey(aim_of(loaded, tenant.account).template, tenant.integration)
    instance = remembered.instances.get(key)
    if tenant.account in refused:
        return blocked(tenant, key, refused[tenant.account].what)
    if reason := remembered.unsettled.get(key):
        return blocked(tenant, key, reason)
    if instance is None or not instance.is_configured:
        return blocked(tenant, key, "not deployed yet: there is nothing to run")
    steps = steps_for(Action.RUN, from_file=False, trigger=True, follow=True)
    where = (tenant.tenant, tenant.account, tenant.integration)
    return Planned(*where, Action.RUN, key.template, flow=instance.flow, steps=steps)


def aim_of(loaded: Loaded, account: str) -> Aim:
    """Return what a rollout is about in one account."""
    own = loaded.manifest.accounts[account].template
    return Aim(own or loaded.manifest.template.key, loaded.document, loaded.manifest.adopt)


async def recall(loaded: Loaded, journal: Journal) -> Remembered:
    """Return what the journal knows that bears on a plan."""
    templates = {aim_of(loaded, account).template for account in loaded.manifest.accounts}
    return Remembered.of(await journal.instances(sorted(templates)), await journal.unsettled(), await journal.owed())


def assemble(
    loaded: Loaded,
    accounts: Mapping[str, PlannedAccount],
    decided: Mapping[str, Planned],
    remembered: Remembered,
    observed_at: str,
) -> Plan:
    """Return the plan of decided tenants, in the order of the tenants' file."""
    places = {(tenant.account, tenant.integration) for tenant in loaded.tenants}
    return Plan(
        name=loaded.manifest.name,
        manifest_digest=loaded.manifest_digest,
        tenants_digest=loaded.tenants_digest,
        settings=loaded.manifest.model_dump(mode="json", exclude={"tenants"}),
        accounts=accounts,
        tenants=tuple(decided[tenant.tenant] for tenant in loaded.tenants),
        absent=tuple(_absent(remembered.instances.values(), places)),
        observed_at=observed_at,
    )


def _absent(instances: Iterable[Instance], places: set[tuple[str, str]]) -> list[str]:
    return sorted(instance.tenant for instance in instances if (instance.account, instance.integration) not in places)


def _planned_account(snapshot: Snapshot) -> PlannedAccount:
    template: Template = snapshot.template
    return PlannedAccount(
        account=snapshot.account,
        base_url=snapshot.base_url,
        user=snapshot.user,
        template=template.key,
        template_name=template.name,
        revision=template.revision,
        generators=template.generators,
    )
