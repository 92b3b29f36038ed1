"""JSON documents as values: reading and changing them by path, comparing them, taking their fingerprint."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, Literal, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Document: TypeAlias = dict[str, Json]
Path: TypeAlias = tuple[str, ...]


class Missing(Enum):
    """The absence of a value, which JSON's null is not."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
Value: TypeAlias = Json | Literal[Missing.MISSING]


def at(document: Mapping[str, Json], path: Path) -> Value:
    """Return the value at `path`, or MISSING."""
    here: Json = document  # type: ignore[assignment]  # a Mapping is read like the dict it is
    for key in path:
        if not isinstance(here, dict) or key not in here:
            return MISSING
        here = here[key]
    return here


def put(document: Document, path: Path, value: Value) -> Document:
    """Return a copy in which `path` holds `value`; MISSING removes it. What is not on the path is shared."""
    key, rest = path[0], path[1:]
    copy = dict(document)
    if rest:
        inner = copy.get(key)
        if not isinstance(inner, dict) and value is MISSING:
            return copy
        copy[key] = put(inner if isinstance(inner, dict) else {}, rest, value)
    elif value is MISSING:
        copy.pop(key, None)
    else:
        copy[key] = value
    return copy


def leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Yield each leaf with its path: objects are walked, so that an empty one has none; arrays are leaves."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def canonical(value: object) -> str:
    """Return the one JSON text of a value, in ASCII: keys sorted, no spaces, so that equal values have equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(value: object) -> str:
    """Return the sha256 of the canonical text, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def dotted(path: Path) -> str:
    """Return a path as a person writes it: `settings.batchSize`."""
    return ".".join(path)


def same(one: Value, other: Value) -> bool:
    """Tell whether two values are the same JSON: 1 is 1.0, but true is not 1."""
    if type(one) is not type(other):
        return one == other and not (isinstance(one, bool) or isinstance(other, bool))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(map(same, one.values(), map(other.__getitem__, one)))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
