"""JSON documents as values: reading and changing them by path, comparing them, taking their fingerprint.

A step of a path is a key of an object, or leads to an element of an array by what tells it from others:
`[id=7]` to the object that has 7 under `id`, `[="a"]` to the value "a" itself.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Document: TypeAlias = dict[str, Json]
Path: TypeAlias = tuple[str, ...]


_WORD: Final = re.compile(r"(?!null$)[\w.-]+")  # text that is written into a step as it is, and not as JSON
_QUOTED: Final = ('"', "[", "{")


class Missing(Enum):
    """The absence of a value, which JSON's null is not."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
Value: TypeAlias = Json | Literal[Missing.MISSING]


def at(document: Mapping[str, Json], path: Path) -> Value:
    """Return the value at `path`, or MISSING."""
    here: Json = document  # type: ignore[assignment]  # a Mapping is read like the dict it is
    for key in path:
        if isinstance(here, dict):
            if key not in here:
                return MISSING
            here = here[key]
        elif isinstance(here, list) and (place := _place(here, key)) is not None:
            here = here[place]
        else:
            return MISSING
    return here


def in_the_way(document: Document, path: Path) -> Path | None:
    """Return the path at which a value stands where an object or array would have to be for `path` to lie in it."""
    for length in range(1, len(path)):
        value = at(document, path[:length])
        if not isinstance(value, list if is_element(path[length]) else dict):
            return None if value is MISSING else path[:length]
    return None


def put(document: Document, path: Path, value: Value) -> Document:
    """Return a copy in which `path` holds `value`; MISSING removes it. What is not on the path is shared.

    An element that is not there yet comes last; one without what tells it from others is none, and goes whole.
    """
    key, rest = path[0], path[1:]
    copy = dict(document)
    if rest:
        inner, kind = copy.get(key), list if is_element(rest[0]) else dict
        if not isinstance(inner, kind) and value is MISSING:
            return copy
        copy[key] = _put_within(inner if isinstance(inner, kind) else kind(), rest, value)
    elif value is MISSING:
        copy.pop(key, None)
    else:
        copy[key] = value
    return copy


def _put_within(inner: list[Json] | Document, path: Path, value: Value) -> Json:
    if isinstance(inner, dict):
        return put(inner, path, value)
    name, rest = name_in(path[0]), path[1:]
    place = _place(inner, path[0])
    if value is MISSING and rest in {(), (name,)}:
        return [item for item in inner if not _is_at(path[0], item)]
    if place is None:
        made = put({name: _told(path[0])[1]}, rest, value) if rest else value
        return inner if value is MISSING or made is MISSING else [*inner, made]
    found = inner[place]
    changed = put(found, rest, value) if rest and isinstance(found, dict) else found
    return [*inner[:place], changed, *inner[place + 1 :]]


def assembled(parts: Mapping[Path, Value]) -> Document:
    """Return a document that holds each value at its path, and nothing else."""
    document: Document = {}
    for path, value in parts.items():
        document = put(document, path, value)
    return document


def element(name: str, identity: Json) -> str:
    """Return the step to the element that has `identity` under `name`, or without a name is `identity` itself."""
    normal = normalised(identity)
    return f"[{name}={normal if isinstance(normal, str) and _WORD.fullmatch(normal) else _compact(normal)}]"


def normalised(identity: Json) -> Json:
    """Return what is equal for identities that are one: a server may give numbers back as text, and trim it."""
    match identity:
        case str():
            return identity.strip()
        case bool():
            return str(identity).lower()
        case float() if identity.is_integer():
            return str(int(identity))
        case int() | float():
            return str(identity)
        case list():
            return [normalised(item) for item in identity]
        case dict():
            return {key: normalised(item) for key, item in identity.items()}
        case None:
            return None


def _compact(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def is_element(key: str) -> bool:
    """Tell whether a step leads to an element of an array."""
    return key[:1] == "[" and key[-1:] == "]" and "=" in key


def name_in(step: str) -> str:
    """Return the key by which a step tells an element apart; none in a set."""
    return _told(step)[0]


@lru_cache(maxsize=4096)
def tells_apart(path: Path) -> bool:
    """Tell whether what stands at a path is what tells an element from others."""
    return is_element(path[-1]) or (len(path) > 1 and is_element(path[-2]) and name_in(path[-2]) == path[-1])


def identity_of(item: Json, name: str) -> Value:
    """Return what tells an element from others: its value under `name`, or without a name itself."""
    if not name:
        return item
    return item.get(name, MISSING) if isinstance(item, dict) else MISSING


def alike(one: Value, other: Value) -> bool:
    """Tell whether two identities are one."""
    if one is MISSING or other is MISSING:
        return one is other
    return normalised(one) == normalised(other)


def _place(array: Sequence[Json], key: str) -> int | None:
    if not is_element(key):
        return None
    return next((place for place, item in enumerate(array) if _is_at(key, item)), None)


def _is_at(step: str, item: Json) -> bool:
    name, identity = _told(step)
    own = identity_of(item, name)
    return own is not MISSING and normalised(own) == identity


@lru_cache(maxsize=4096)
def _told(key: str) -> tuple[str, Json]:
    """Return the name and the identity of a step to an element."""
    name, _, identity = key[1:-1].partition("=")
    return name, json.loads(identity) if identity == "null" or identity[:1] in _QUOTED else identity


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


@lru_cache(maxsize=4096)  # asked of the same few paths for every tenant
def dotted(path: Path) -> str:
    """Return a path as a person writes it: `settings.batchSize`, `settings.stores[id=7].name`."""
    return "".join(key if is_element(key) else f".{key}" for key in path).removeprefix(".")


def same(one: Value, other: Value) -> bool:
    """Tell whether two values are the same JSON: 1 is 1.0, but true is not 1."""
    if type(one) is not type(other):
        return one == other and not (isinstance(one, bool) or isinstance(other, bool))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(map(same, one.values(), map(other.__getitem__, one)))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other
