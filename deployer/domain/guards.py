"""Guards: a plan that would change more than anybody is likely to mean refuses itself, until its rule is named."""

from collections.abc import Mapping, Sequence

from deployer.domain.plan import Action, Plan
from deployer.errors import GuardError

FEW = 10  # instances below which no share is judged
_MOST_UPDATES, _MOST_DELETES, _MOST_ABSENT = 0.30, 0.30, 0.10

UPDATES, SHRUNK, DELETES, TEMPLATE = "many-updates", "shrunk-list", "many-deletes", "new-template"


def refuse_broken(broken: Mapping[str, str]) -> None:
    """Raise GuardError where rules are broken, with the options that let each pass."""
    if broken:
        options = " ".join(f"--allow {rule}" for rule in broken)
        raise GuardError("; ".join(broken.values()), remedy=f"if that is meant, add {options}")


def violated(plan: Plan) -> dict[str, str]:
    """Return the rules that a plan breaks, each with the sentence that says how."""
    existing, updates = plan.totals.existing, plan.totals.actions[Action.UPDATE]
    absent, remembered = len(plan.absent), len(plan.absent) + existing
    deletes = plan.totals.actions[Action.DELETE]
    found: dict[str, str] = {}
    if existing >= FEW and deletes > _MOST_DELETES * existing:
        found[DELETES] = f"{deletes} of {existing} existing flows would be deleted, more than 30 %"
    if not plan.waves and existing >= FEW and updates > _MOST_UPDATES * existing:
        found[UPDATES] = f"{updates} of {existing} existing flows would be updated, more than 30 %"
    if remembered >= FEW and absent > _MOST_ABSENT * remembered:
        found[SHRUNK] = f"{absent} of {remembered} deployed tenants are not in the manifest any more, more than 10 %"
    return found


def templates_left(plan: Plan, before: Plan) -> list[str]:
    """Return the templates that accounts had in the plan before, and that are rolled out no more, if any flow is new.

    The new flows have another key: each would be made beside the one that its tenant has of the template before.
    """
    if not plan.totals.actions[Action.CREATE]:
        return []
    had = {before.accounts[name].template for name in plan.accounts if name in before.accounts}
    return sorted(had - {account.template for account in plan.accounts.values()})


def beside(plan: Plan, templates: Sequence[str], flows: int) -> dict[str, str]:
    """Return the rule that a plan breaks whose new flows would stand beside so many of the templates before."""
    if not flows:
        return {}
    new, was = plan.totals.actions[Action.CREATE], ", ".join(templates)
    what = f"the template was {was} until now, and {flows} flows of it are there: {new} would be made beside them"
    return {TEMPLATE: f"{what}; with the manifest as it was they can be deleted, or detached, first"}
