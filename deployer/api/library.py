"""The Python API: load a manifest, plan, apply, and see how it stands. The command line is made of it and its rooms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deployer.api.freezing import demand_thawed
from deployer.api.loading import Loaded, Scope, load, scope_of
from deployer.api.places import journal_home
from deployer.api.rolling import Event, Rolling, carried_out
from deployer.api.rollouts import (
    SavedPlan,
    begin,
    demand_not_paused,
    demand_same,
    heed_guards,
    is_unfinished,
    last_rollout,
    new_plan,
    saved_plan,
)
from deployer.api.standing import Standing, find_standing
from deployer.api.workplace import Office, workplace

__all__ = [
    "Event",
    "Loaded",
    "Office",
    "Rolling",
    "SavedPlan",
    "Scope",
    "Standing",
    "apply",
    "load",
    "plan",
    "scope_of",
    "status",
]


async def plan(loaded: Loaded, *, journal: str | None = None, office: Office | None = None) -> SavedPlan:
    """Plan, and save the plan beside the journal; only reads are sent.

    Raise AccountError where no account can be read. A tenant that cannot be planned is BLOCKED, and alone.
    """
    async with workplace(loaded, journal=journal, office=office, read_only=True) as place:
        return await new_plan(place)


@asynccontextmanager
async def apply(
    loaded: Loaded,
    *,
    plan: str | None = None,
    allow: frozenset[str] = frozenset(),
    despite: str | None = None,
    journal: str | None = None,
    office: Office | None = None,
) -> AsyncIterator[Rolling]:
    """Roll out, or go on where the last apply ended; iterate over what is yielded for its events.

    `plan` is the digest of a saved plan: that one is applied, or nothing; without it, a new one is made and nobody
    asks. `allow` names guards to let pass, `despite` says why it begins in a freeze. Raise GuardError where a guard, a
    lock or an unfinished rollout of other content stands in the way. Leaving the block early stops: what is in flight
    ends, the next apply goes on.
    """
    async with workplace(loaded, journal=journal, office=office) as place:
        demand_thawed(place, despite)
        rollout = await last_rollout(place)
        if rollout is not None and is_unfinished(rollout):
            await demand_not_paused(place, rollout)
            await demand_same(place, rollout, digest=plan)
        else:
            saved = await (saved_plan(place, plan) if plan else new_plan(place))
            await heed_guards(place, saved.plan, allow)
            rollout = await begin(place, saved)
        async with carried_out(place, rollout, despite=despite) as rolling:
            yield rolling


async def status(loaded: Loaded, *, journal: str | None = None) -> Standing:
    """Return how the newest rollout of a manifest's name stands, from the journal alone.

    Raise UsageError where there was none, JournalError where there is no journal.
    """
    return await find_standing(journal_home(loaded.path, journal), name=loaded.manifest.name)
