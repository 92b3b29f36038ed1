"""Three-way merge of arrays whose elements have keys, for those who remember no more than a base."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.domain.arrays import IndistinctError, Keys, identified
from deployer.domain.documents import MISSING, Document, Json, Path, Value, at, dotted, leaves, same

__all__ = ["Conflict", "merge_keyed"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why arrays cannot be merged: the fields changed here and there, or what cannot be told apart, as sentences."""

    reasons: tuple[str, ...]


def merge_keyed(
    base: Sequence[Json], desired: Sequence[Json], live: Sequence[Json], keys: Keys
) -> list[Json] | Conflict:
    """Return `live` with what changed from `base` to `desired`, element by element and field by field.

    What only others have, or changed, stays; an element that we dropped goes, unless others changed a field of it that
    was ours. Elements keep the order of `live`, and new ones come last, in ours.
    """
    try:
        before, wanted, there = (dict(identified(array, keys)) for array in (base, desired, live))
    except IndistinctError as error:
        return Conflict((str(error),))
    merging = _Merging()
    merged = merging.fields(before, wanted, there, ())
    return Conflict(tuple(merging.fought)) if merging.fought else list(merged.values())


class _Merging:
    """One merge, and the fields that were changed here and there."""

    def __init__(self) -> None:
        self.fought: list[str] = []

    def fields(self, base: Document, desired: Document, live: Document, path: Path) -> Document:
        """Merge objects key by key, in the order of the live one."""
        merged: Document = {}
        for key in dict.fromkeys((*live, *desired)):
            before, wanted, there = (each.get(key, MISSING) for each in (base, desired, live))
            value = self._value(before, wanted, there, (*path, key))
            if value is not MISSING:
                merged[key] = value
        return merged

    def _value(self, base: Value, desired: Value, live: Value, path: Path) -> Value:
        if same(base, desired):
            return live
        if same(base, live) or same(desired, live):
            return desired
        if isinstance(desired, dict) and isinstance(live, dict):
            return self.fields(base if isinstance(base, dict) else {}, desired, live, path)
        if desired is not MISSING:
            self.fought.append(f"{dotted(path)} was changed here and there")
            return live
        return self._dropped(base, live, path) if isinstance(base, dict) and isinstance(live, dict) else live

    def _dropped(self, base: Document, live: Document, path: Path) -> Value:
        """Return what is left of an object that we dropped: of an element nothing, unless others changed it."""
        if len(path) == 1:
            return MISSING if _holds(live, base) else live
        return self.fields(base, {}, live, path) or MISSING


def _holds(live: Document, base: Document) -> bool:
    return all(same(at(live, path), value) for path, value in leaves(base))
