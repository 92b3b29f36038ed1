"""Settings from outside, checked against the dataclass that holds them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin


def checked(values: Mapping[str, Any], *, against: type) -> Mapping[str, Any]:
    """Return values that fit a dataclass; ValueError names the first key that is unknown or of the wrong type."""
    types = {item.name: item.type for item in fields(against)}
    for name, value in values.items():
        if name not in types:
            raise ValueError(f"{name}: unknown; there are {', '.join(types)}")
        if not _fits(value, types[name]):
            raise ValueError(f"{name}: {value!r} does not fit; expected {_wording(types[name])}")
    return values


def _fits(value: object, wanted: Any) -> bool:  # noqa: ANN401 - a type form
    if get_origin(wanted) is Literal:
        return value in get_args(wanted)
    if wanted is float:
        return isinstance(value, int | float)
    return isinstance(value, get_origin(wanted) or wanted)


def _wording(wanted: Any) -> str:  # noqa: ANN401 - as above
    return ", ".join(get_args(wanted)) if get_origin(wanted) is Literal else getattr(wanted, "__name__", str(wanted))
