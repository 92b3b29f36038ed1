"""Freezes: nothing is begun while one holds, unless somebody says why it has to be."""

from datetime import datetime

from deployer.api.workplace import Workplace
from deployer.domain.freeze import Freeze, coming, holding
from deployer.errors import GuardError, UsageError

__all__ = ["demand_thawed", "freeze_note", "frozen_now"]


def frozen_now(place: Workplace) -> Freeze | None:
    """Return the freeze that holds now."""
    freezes = place.loaded.manifest.freeze
    return holding(freezes, datetime.fromisoformat(place.clock.utc())) if freezes else None


def freeze_note(place: Workplace) -> str:
    """Return the freeze that holds now, or begins within a day, as a sentence; nothing where there is none."""
    freezes, now = place.loaded.manifest.freeze, datetime.fromisoformat(place.clock.utc())
    if held := holding(freezes, now):
        return held.said
    near = coming(freezes, now)
    return f"a freeze begins at {near.start} {near.timezone}: {near.why}" if near else ""


def demand_thawed(place: Workplace, despite: str | None) -> None:
    """Raise GuardError while a freeze holds, unless it is said why something is begun despite it."""
    if despite is not None and not despite.strip():
        raise UsageError("--despite-freeze: nothing is said", remedy='say why: --despite-freeze "REASON"')
    freeze = frozen_now(place)
    if freeze and not despite:
        what = f"{freeze.said} (since {freeze.start})"
        raise GuardError(what, remedy='wait, or say why not: the same command with --despite-freeze "REASON"')
