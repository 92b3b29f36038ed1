"""Carry a change of a flow's steps into a tenant's flow: which exports and imports it uses, in which order, and how."""

from collections.abc import Sequence
from typing import Final

from deployer.domain.arrays import IndistinctError, identified
from deployer.domain.documents import MISSING, Json, Path, Value, same
from deployer.domain.keyed import Conflict, merge_keyed

_KEYS: Final = ("_exportId", "_importId")
_STEPS: Final = frozenset({("pageGenerators",), ("pageProcessors",)})
STRUCTURE: Final = ("pageGenerators", "pageProcessors", "routers")


def bare(value: Json) -> Json:
    """Return a value without the ids that the server gives to parts of a flow: of a copy they are others."""
    match value:
        case dict():
            return {key: bare(inner) for key, inner in value.items() if key != "_id"}
        case list():
            return [bare(inner) for inner in value]
        case _:
            return value


def _bare(value: Value) -> Value:
    return value if value is MISSING else bare(value)


def merged(path: Path, before: Value, after: Value, live: Value) -> tuple[Value, Value]:
    """Return what stood, and what shall stand, at a path of a tenant's flow.

    Steps are told apart by the export or import that they use; what a tenant added or changed stays. Where that cannot
    be said in one order, both are as the template has them, and whoever compares them with `live` finds a conflict.
    """
    if path[0] not in STRUCTURE:
        return before, after
    before, after = _bare(before), _bare(after)
    if same(_bare(live), before) and path not in _STEPS:
        return live, after
    if path not in _STEPS or not all(isinstance(value, list) for value in (before, after, live)):
        return before, after
    found = _merged(before, after, live)  # type: ignore[arg-type]  # which are lists
    return (before, after) if found is None else (live, found)


def _merged(before: Sequence[Json], after: Sequence[Json], live: Sequence[Json]) -> list[Json] | None:
    merging = merge_keyed(before, after, live, _KEYS)
    if isinstance(merging, Conflict):
        return None
    try:
        old, new, theirs, steps = (dict(identified(array, _KEYS)) for array in (before, after, live, merging))
    except IndistinctError:
        return None
    if list(theirs) == list(old):
        return [steps[step] for step in new if step in steps]
    kept = [step for step in new if step in old]
    added_last = list(new) == [*kept, *(step for step in new if step not in old)]
    same_order = [step for step in theirs if step in kept] == [step for step in kept if step in theirs]
    return merging if added_last and same_order else None
