"""Arrays that are merged by their elements: as a set, or by the key that tells one object from another.

Each element, or each leaf of one, is then a field of its own: with a path, a memory, a verdict.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from deployer.domain.documents import Json, Path, Value, dotted, element, is_element, leaves, name_in

Keys: TypeAlias = Sequence[str]
"""By which of its keys an element is told apart: the first of these that it has. In a set, by none: it is itself."""


class IndistinctError(ValueError):
    """Elements cannot be told apart; `steps` lead to the first that cannot, by its index."""

    def __init__(self, what: str, *steps: int) -> None:
        super().__init__(what)
        self.steps = steps


def arranged(path: Path, value: Json, arrays: Mapping[Path, Keys]) -> Iterator[tuple[Path, Json]]:
    """Yield a field, or those of each element if it is an array to be merged by them; raise IndistinctError."""
    whole = next((path[:length] for length in range(1, len(path) + 1) if path[:length] in arrays), None)
    if whole is None:
        yield path, value
    elif whole == path and isinstance(value, list):
        yield from elements(path, value, arrays[path])
    else:
        raise IndistinctError(f"must be a list: merge says how the elements of {dotted(whole)} are merged")


def elements(path: Path, array: Sequence[Json], keys: Keys) -> Iterator[tuple[Path, Json]]:
    """Yield the leaves of each element by their paths; raise IndistinctError where two cannot be told apart."""
    for step, item in identified(array, keys):
        yield from leaves(item, (*path, step)) if keys else [((*path, step), item)]


def identified(array: Sequence[Json], keys: Keys) -> list[tuple[str, Json]]:
    """Return each element with the step that leads to it; raise IndistinctError where two cannot be told apart.

    A set holds what it holds twice only once.
    """
    found: dict[str, Json] = {}
    for place, item in enumerate(array):
        name = next((key for key in keys if isinstance(item, dict) and key in item), "")
        identity = item[name] if name and isinstance(item, dict) else item
        if keys:
            _demand_identity(name, identity, keys, place)
        step = element(name, identity)
        if keys and step in found:
            raise IndistinctError(f"has the {name} of an element before it: {step}", place)
        found.setdefault(step, item)
    return list(found.items())


def _demand_identity(name: str, identity: Json, keys: Keys, place: int) -> None:
    if not name:
        raise IndistinctError(f"has no {' or '.join(keys)}, by which elements are told apart", place)
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        raise IndistinctError(f"{name} must be text or a whole number: elements are told apart by it", place)


def indistinct(array: Value, keys: Keys) -> str:
    """Return why the elements of a live array cannot be told apart, or nothing; what is no array holds none."""
    if not isinstance(array, list):
        return ""
    try:
        identified(array, keys)
    except IndistinctError as error:
        return str(error)
    return ""


def keys_in(paths: Iterable[Path]) -> dict[Path, Keys]:
    """Return the arrays that paths lead through to elements with a key, and by which keys."""
    found: dict[Path, list[str]] = {}
    for path in paths:
        if len(path) > 2 and (prefix := element_of(path)):  # noqa: PLR2004 - array, element, and a field of it
            names, name = found.setdefault(prefix[:-1], []), name_in(prefix[-1])
            names.extend([name] if name not in names else [])
    return {array: tuple(names) for array, names in found.items()}


@lru_cache(maxsize=4096)  # asked of the same few paths for every tenant
def element_of(path: Path) -> Path | None:
    """Return the path of the element with a key that `path` lies in, or None."""
    lengths = (length for length, step in enumerate(path, 1) if is_element(step) and name_in(step))
    return next((path[:length] for length in lengths), None)
