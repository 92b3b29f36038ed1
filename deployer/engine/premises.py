"""What a rollout can be carried out with now: the settings of its plan, the accounts that still are the ones."""

from deployer.domain.manifest import Manifest, Safety
from deployer.domain.plan import Plan
from deployer.engine.accounts import Accounts


def halted_before(plan: Plan, accounts: Accounts) -> dict[str, str]:
    """Return the planned accounts that cannot be worked on at all, and why."""
    halted: dict[str, str] = {}
    for name, planned in plan.accounts.items():
        account = accounts.opened.get(name)
        if name in accounts.refused:
            halted[name] = accounts.reasons[name]
        elif account is None:
            halted[name] = "it is not in the manifest any more"
        elif (account.base_url, account.user) != (planned.base_url, planned.user):
            halted[name] = f"the token is of user {account.user}; the plan was made for {planned.user}"
    return halted


def planned_settings(plan: Plan) -> Manifest:
    """Return the manifest as it was planned, its tenants left out."""
    return Manifest.model_validate({**plan.settings, "tenants": []})


def frozen(plan: Plan, safety: Safety) -> Manifest:
    """Return the manifest as it was planned, but waiting as long as the more patient of then and now demands."""
    settings = planned_settings(plan)
    longest = {name: max(then, getattr(safety, name)) for name, then in settings.safety}
    return settings.model_copy(update={"safety": Safety.model_construct(**longest)})
