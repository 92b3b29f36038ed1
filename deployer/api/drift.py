"""Look for drift: flows that were changed outside since they were deployed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from deployer.api.rollouts import new_plan
from deployer.api.workplace import Workplace
from deployer.domain.plan import Plan, Planned

__all__ = ["Drift", "look_for_drift"]


@dataclass(frozen=True, slots=True)
class Drift:
    """The plan in which drift was seen."""

    plan: Plan

    @property
    def drifted(self) -> int:
        """Return how many tenants' flows were changed outside."""
        return self.plan.totals.drifted

    @property
    def tenants(self) -> Iterator[Planned]:
        """Yield the tenants whose flows were changed outside."""
        return (planned for planned in self.plan.tenants if planned.is_drifted)


async def look_for_drift(place: Workplace) -> Drift:
    """Return what was changed outside, whatever the manifest wants to be done about it; only reads are sent."""
    manifest = place.loaded.manifest.model_copy(update={"drift": "report"})
    reporting = replace(place, loaded=replace(place.loaded, manifest=manifest))
    return Drift((await new_plan(reporting)).plan)
