"""How conflicts are to end, as a person decided."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from deployer.domain.documents import Path, dotted


class Choice(StrEnum):
    """What a person decided for a conflict: our value, or theirs."""

    OURS = "ours"
    THEIRS = "theirs"


Chosen: TypeAlias = Mapping[str, Choice]
"""What a person decided for conflicts: by field, `settings.batchSize` or all of `settings`; "" is the whole tenant."""

NOTHING_CHOSEN: Final[Chosen] = MappingProxyType({})


def choice_for(chosen: Chosen, path: Path) -> Choice | None:
    """Return what was decided for a field: what was said of it, or of the nearest around it."""
    if chosen.keys() <= {""}:
        return chosen.get("")
    names = (dotted(path[:length]) for length in range(len(path), -1, -1))
    return next((chosen[name] for name in names if name in chosen), None)


def chosen_in(chosen: Chosen, label: str) -> Chosen:
    """Return what was decided for the fields of a resource, which are called after its label."""
    if not chosen:
        return chosen
    whole = chosen.get(label, chosen.get(""))
    below = {name[len(label) + 1 :]: choice for name, choice in chosen.items() if name.startswith(f"{label}.")}
    return {**below, "": whole} if whole else below
