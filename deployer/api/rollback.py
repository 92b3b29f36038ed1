"""Roll back: end the last rollout where it stands, plan what undoes it, and carry that out like any other plan."""

from collections.abc import Callable, Sequence

from deployer.api.workplace import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.choosing import choices_of, demand_conflicts, tenants_in
from deployer.domain.command import typed
from deployer.domain.deployment import Deployment
from deployer.domain.plan import Planned
from deployer.domain.rollback import is_touched
from deployer.engine.plans import SavedPlan
from deployer.engine.rollouts import UNFINISHED
from deployer.engine.undoing import Undoing
from deployer.errors import GuardError, UsageError
from deployer.journal.protocol import Rollout

_NEVER = {
    "run": "only ran flows: a run is never undone",
    "delete": "deleted flows: restore them by hand from the platform's recycle bin within 30 days, then adopt",
    "detach": "forgot flows and left them as they were: adopt takes them back",
}

__all__ = ["choices_in", "demand_undoable", "plan_rollback"]


async def demand_undoable(place: Workplace) -> Rollout:
    """Return the newest rollout, if it can be rolled back once it has ended; raise where it cannot be."""
    found = await place.journal.rollouts(place.loaded.manifest.name, limit=1)
    if not found:
        raise UsageError(f"nothing was rolled out yet of {place.loaded.manifest.name}")
    last = found[0]
    if last.kind == "rollback":
        unfinished = last.outcome in UNFINISHED
        remedy = f"go on with it: {typed('resume', place.loaded.path)}" if unfinished else "apply the manifest you want"
        raise GuardError(f"rollout {last.id} is a rollback itself", remedy=remedy)
    if last.kind != "apply":
        raise GuardError(f"rollout {last.id} {_NEVER[last.kind]}")
    return last


async def choices_in(place: Workplace, last: Rollout, *, ours: Sequence[str], theirs: Sequence[str]) -> Choices:
    """Return what is decided for tenants of a rollout, or fields of them; raise UsageError for what has no conflict."""
    known: dict[str, Deployment] = {}
    for name in sorted({name for word in (*ours, *theirs) for name in tenants_in(word)}):
        if deployment := await place.journal.deployment(last.id, name):
            known[name] = deployment
    choices = choices_of(ours, theirs, known.__contains__)
    for tenant in sorted(choices.tenants):
        if tenant not in known:
            raise UsageError(f'rollout {last.id} has no tenant "{tenant}"')
        if not is_touched(known[tenant]):
            demand_conflicts(tenant, choices.conflict(tenant), ())
    return choices


async def plan_rollback(
    place: Workplace, last: Rollout, choices: Choices, *, watch: Callable[[int, Planned], None]
) -> SavedPlan:
    """Plan what undoes a rollout that has ended, and save the plan; only reads are sent."""
    undoing = Undoing(place.journal, place.accounts, place.loaded, choices, watch)
    return await undoing.plan(last, place.plans, place.clock.utc())
