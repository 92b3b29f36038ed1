"""Make a plan for a command, and save it where it can be found by its digest."""

import os
from collections.abc import Iterable

from deployer.cli.plans import save_plan
from deployer.cli.wiring import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.plan import Plan
from deployer.domain.wording import did_you_mean
from deployer.engine.load import Loaded
from deployer.engine.planning import Planner, recall
from deployer.errors import UsageError


async def planned(place: Workplace, choices: Choices) -> tuple[Plan, str]:
    """Return a new plan and the digest under which it is saved."""
    remembered = await recall(place.loaded, place.journal)
    planner = Planner(place.loaded, place.accounts, remembered, os.environ)
    plan = await planner.plan(choices, place.clock.utc())
    return plan, save_plan(place.journal_path.parent / "plans", plan)


def chosen(loaded: Loaded, *, recreate: Iterable[str], ours: Iterable[str], theirs: Iterable[str]) -> Choices:
    """Return what the options decide; raise UsageError for a tenant that the manifest does not have."""
    choices = Choices(frozenset(recreate), frozenset(ours), frozenset(theirs))
    known = {tenant.tenant for tenant in loaded.tenants}
    for named in choices.recreate | choices.ours | choices.theirs:
        if named not in known:
            raise UsageError(f'there is no tenant "{named}"{did_you_mean(named, known)}')
    both = choices.ours & choices.theirs
    if both:
        raise UsageError(f'"{min(both)}" is given to --ours and to --theirs', remedy="choose one")
    return choices
