"""Part with flows: delete them, or forget them without deleting; and take one over that is there already."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from deployer.api.rollouts import is_unfinished, last_rollout
from deployer.api.workplace import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.command import typed
from deployer.domain.plan import Action, Planned
from deployer.domain.selection import Selection
from deployer.domain.wording import did_you_mean
from deployer.engine.load import Loaded
from deployer.engine.observe import got
from deployer.engine.parting import Parting, Whose
from deployer.engine.planning import aim_of
from deployer.engine.plans import SavedPlan
from deployer.engine.tenants import Tenants
from deployer.errors import GuardError, UsageError

__all__ = ["Whose", "demand_adoptable", "demand_finished", "plan_parting", "taking_over", "whose"]


def whose(
    *, tenants: Iterable[str], labelled: Iterable[str], excluded: Iterable[str], absent: bool, everybody: bool
) -> Whose:
    """Return whose flows are meant; raise UsageError where nobody is: nothing said never means everybody."""
    meant = Whose(Selection.parse(labelled, tenants, excluded), absent, everybody)
    if meant.is_nobody:
        raise UsageError("nobody is named", remedy="say --tenant, --label, --absent or --all")
    return meant


async def demand_finished(place: Workplace) -> None:
    """Raise GuardError where a rollout of the manifest is unfinished."""
    last = await last_rollout(place)
    if last and is_unfinished(last):
        raise GuardError(
            f"rollout {last.id} is unfinished", remedy=f"finish it first: {typed('resume', place.loaded.path)}"
        )


async def plan_parting(
    place: Workplace, action: Action, meant: Whose, choices: Choices, *, watch: Callable[[int, Planned], None]
) -> SavedPlan:
    """Plan to delete or to detach flows, and save the plan; only reads are sent."""
    parting = Parting(action, place.journal, place.accounts, place.loaded, choices, watch)
    return await parting.plan(meant, place.plans, place.clock.utc())


def taking_over(loaded: Loaded, name: str, flow: str) -> Loaded:
    """Return a manifest of one tenant, which takes a flow over by its id; raise UsageError for a tenant it has not."""
    tenants = Tenants()
    for tenant in loaded.tenants:
        if tenant.tenant == name:
            tenants.add(replace(tenant, flow=flow))
        else:
            tenants.pass_over(tenant)
    if not tenants:
        known = (tenant.tenant for tenant in loaded.tenants)
        raise UsageError(f'there is no tenant "{name}"{did_you_mean(name, known)}', where=str(loaded.path))
    manifest = loaded.manifest.model_copy(update={"adopt": "id"})
    return replace(loaded, manifest=manifest, tenants=tenants, tenants_digest=tenants.digest)


async def demand_adoptable(place: Workplace, flow: str) -> None:
    """Raise where a flow cannot become the one of the only tenant of a manifest: it has one, or that lies elsewhere."""
    [tenant] = place.loaded.tenants
    account = place.accounts.opened.get(tenant.account)
    if account is None:
        raise place.accounts.refused[tenant.account]
    template = aim_of(place.loaded, tenant.account).template
    remembered = await place.journal.recall(template, {tenant.integration: tenant.tenant})
    known = remembered.instances.get(tenant.integration)
    if known and known.flow != flow:
        remedy = f"forget it first: {typed('detach', place.loaded.path, '--tenant', tenant.tenant)}"
        raise GuardError(f"{tenant.tenant} has flow {known.flow} already", remedy=remedy)
    found = got(account, f"flow {flow}", await account.client.flow(flow))
    if flow == template or found.get("_integrationId") != tenant.integration:
        what = f"flow {flow} is not one of {tenant.tenant}'s integration {tenant.integration}"
        raise GuardError(what, remedy="look for the flow's id in the integration of the tenant")
