"""Roll back: end the last rollout where it stands, plan what undoes it, and carry that out like any other plan."""

from collections.abc import Callable, Sequence

from deployer.api.workplace import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.choosing import choices_of, demand_conflicts, tenants_in
from deployer.domain.command import typed
from deployer.domain.deployment import Deployment
from deployer.domain.identity import InstanceKey
from deployer.domain.plan import Planned
from deployer.domain.rollback import is_touched
from deployer.engine.plans import SavedPlan
from deployer.engine.rollouts import UNFINISHED
from deployer.engine.undoing import Undoing
from deployer.errors import GuardError, UsageError
from deployer.journal.paging import every_deployment
from deployer.journal.protocol import Rollout

_NEVER = {
    "run": "only ran flows: a run is never undone",
    "delete": "deleted flows: restore them by hand from the platform's recycle bin within 30 days, then adopt",
    "detach": "forgot flows and left them as they were: adopt takes them back",
}

_MOST = 500  # rollouts that are looked through

__all__ = ["choices_in", "demand_undoable", "plan_rollback"]


async def demand_undoable(place: Workplace, wanted: str | None = None) -> Rollout:
    """Return the newest rollout that changed anything, or the one `wanted` by its id; raise where it cannot be undone.

    One may be undone only where no later one, of whatever name, changed any of its flows.
    """
    for rollout in await place.journal.rollouts(place.loaded.manifest.name, limit=_MOST):
        is_meant = not await _is_passed(place, rollout) if wanted is None else rollout.id.startswith(wanted)
        if is_meant:
            _demand_apply(place, rollout)
            await _demand_untouched_since(place, rollout)
            return rollout
    name = place.loaded.manifest.name
    what = f"there is no rollout {wanted} of {name}" if wanted else f"no rollout of {name} has changed anything"
    raise UsageError(what, remedy="deployer history shows what was rolled out")


async def _is_passed(place: Workplace, rollout: Rollout) -> bool:
    """Tell whether a rollout has nothing to undo: it ended, and only ran flows or found all as it was to be."""
    if rollout.outcome in UNFINISHED:
        return False
    return rollout.kind == "run" or not await _touches(place, rollout, None)


def _demand_apply(place: Workplace, rollout: Rollout) -> None:
    if rollout.kind == "rollback":
        unfinished = rollout.outcome in UNFINISHED
        remedy = f"go on with it: {typed('resume', place.loaded.path)}" if unfinished else "apply the manifest you want"
        raise GuardError(f"rollout {rollout.id} is a rollback itself", remedy=remedy)
    if rollout.kind != "apply":
        raise GuardError(f"rollout {rollout.id} {_NEVER[rollout.kind]}")


async def _demand_untouched_since(place: Workplace, rollout: Rollout) -> None:
    touched: set[InstanceKey] | None = None
    for each in await place.journal.later(rollout.id):
        if each.name == rollout.name and each.outcome in UNFINISHED:
            remedy = f"finish it first: {typed('resume', place.loaded.path)}"
            raise GuardError(f"rollout {each.id}, which came later, is unfinished", remedy=remedy)
        if each.kind != "run":
            touched = touched if touched is not None else await _touched(place, rollout)
            if await _touches(place, each, touched):
                remedy = "undo that one first" if each.kind == "apply" else "apply the manifest you want"
                raise GuardError(f"rollout {each.id}, which came later, changed the same tenants", remedy=remedy)


async def _touched(place: Workplace, rollout: Rollout) -> set[InstanceKey]:
    every = every_deployment(place.journal, rollout.id)
    return {deployment.planned.key async for deployment in every if is_touched(deployment)}


async def _touches(place: Workplace, rollout: Rollout, flows: set[InstanceKey] | None) -> bool:
    """Tell whether a rollout changed any of some flows, whatever their tenants were called, or anything."""
    async for deployment in every_deployment(place.journal, rollout.id):
        if is_touched(deployment) and (flows is None or deployment.planned.key in flows):
            return True
    return False


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
    place: Workplace, last: Rollout, choices: Choices, *, delete: bool, watch: Callable[[int, Planned], None]
) -> SavedPlan:
    """Plan what undoes a rollout that has ended, and save the plan; only reads are sent.

    With `delete` the flows that it made go, else they are only disabled.
    """
    undoing = Undoing(place.journal, place.accounts, place.loaded, choices, watch, delete=delete)
    return await undoing.plan(last, place.plans, place.clock.utc())
