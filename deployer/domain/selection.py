"""Which tenants a command is about: by label, by name, and all but some."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from deployer.domain.wording import legible

Labels: TypeAlias = Mapping[str, frozenset[str]]


def label_selector(text: str) -> str:
    """Return `text` if it selects tenants by label, such as `ring=eu,tier=gold`, else raise ValueError."""
    labels(text.split(","))
    return text


def labels(terms: Iterable[str]) -> Labels:
    """Return the values that each key may have; raise ValueError for a term that is not `key=value`."""
    found: dict[str, set[str]] = {}
    for term in terms:
        key, equals, value = (part.strip() for part in term.partition("="))
        if not equals:
            raise ValueError(f'"{term}" is no label such as ring=eu')
        found.setdefault(legible(key), set()).add(legible(value))
    return {key: frozenset(values) for key, values in found.items()}


def have(wanted: Labels, carried: Mapping[str, str]) -> bool:
    """Tell whether labels carried are among those wanted: of one key any value will do, and every key counts."""
    return all(carried.get(key) in values for key, values in wanted.items())
