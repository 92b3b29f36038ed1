"""Freezes: nothing is begun while one holds, unless somebody says why it has to be."""

from datetime import datetime

from deployer.api.workplace import Workplace
from deployer.domain.freeze import Freeze, holding
from deployer.errors import GuardError

__all__ = ["demand_thawed", "frozen_now"]


def frozen_now(place: Workplace) -> Freeze | None:
    """Return the freeze that holds now."""
    freezes = place.loaded.manifest.freeze
    return holding(freezes, datetime.fromisoformat(place.clock.utc())) if freezes else None


def demand_thawed(place: Workplace, despite: str | None) -> None:
    """Raise GuardError while a freeze holds, unless it is said why something is begun despite it."""
    freeze = frozen_now(place)
    if freeze and not despite:
        raise GuardError(freeze.said, remedy='wait, or say why not: --despite-freeze "REASON"')
