"""What mends: a journal rebuilt from what is there, and copies found that should not be."""

from collections.abc import Mapping

from deployer.api.rolling import crew_of
from deployer.api.workplace import Workplace
from deployer.domain.identity import InstanceKey
from deployer.domain.sweeping import Removal
from deployer.engine.execute import Stop
from deployer.engine.narration import Narrator
from deployer.engine.rebuilding import Onlooker, Rebuilding
from deployer.engine.removing import Removing
from deployer.engine.sweeping import Sweeping

__all__ = ["Onlooker", "Sweeping", "delete_copies", "look_for_copies", "rebuild_journal"]


async def rebuild_journal(place: Workplace, onlooker: Onlooker) -> Mapping[InstanceKey, str]:
    """Remember every flow that carries our marker, and let no old rollout begin anything any more.

    Return, by instance key, the calls that only a person can decide about. Nothing is sent but reads.
    """
    place.accounts.demand_one()
    crew = crew_of(place, Stop(), Narrator(place.clock, place.office.tell))
    return await Rebuilding(crew, place.loaded, place.accounts, onlooker).go()


async def look_for_copies(place: Workplace) -> Sweeping:
    """Return what lies in the accounts beside the tenants' flows. Nothing is sent but reads."""
    place.accounts.demand_one()
    sweeping = Sweeping(place.journal, place.loaded, place.accounts)
    await sweeping.go()
    return sweeping


async def delete_copies(place: Workplace, found: Sweeping) -> list[Removal]:
    """Delete the copies that are provably ours and untouched, and what only they used; return what became of each.

    Everything is read afresh right before. Raise GuardError where an account is held by another deployer.
    """
    removing = Removing(crew_of(place, Stop(), Narrator(place.clock, place.office.tell)), found)
    await removing.go()
    return removing.removals
