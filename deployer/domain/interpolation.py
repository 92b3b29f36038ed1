"""`${name}` and `${name:-default}` in text. Never `{{…}}`: integrator.io's own documents are full of Handlebars."""

import json
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from deployer.domain.documents import MISSING, Json, Value
from deployer.domain.source import Steps, plain
from deployer.domain.wording import did_you_mean

# What Handlebars encloses is passed over whole, and in "${{amount}}" the dollar is just a dollar.
_REFERENCE = re.compile(
    r"(?P<handlebars>\{\{.*?\}\})"
    r"|(?P<escape>\$\$\{(?!\{))"
    r"|\$\{(?!\{)(?P<name>[^{}]*?)(?::-(?P<default>[^{}]*))?\}"
    r"|(?P<open>\$\{(?!\{))",
    re.DOTALL,
)

Lookup: TypeAlias = Callable[[str], Value]


class InterpolationError(ValueError):
    """A reference cannot be replaced; `steps` lead to the text that holds it."""

    def __init__(self, what: str, steps: Steps) -> None:
        super().__init__(what)
        self.steps = steps


def interpolate(value: Json, lookup: Lookup, *, known: Iterable[str] = (), steps: Steps = ()) -> Json:
    """Return `value` with each reference in its texts replaced; keys stay. Raise InterpolationError at the first fault.

    A text that is one reference becomes its value, of whatever type; a reference within text becomes text; `$${` is a
    plain `${`. A default replaces what is missing or empty, and reads as it would in YAML. `known` serves the hints.
    """
    match value:
        case str() if "${" in value:
            try:
                return _text(value, lookup, known)
            except ValueError as error:
                raise InterpolationError(str(error), steps) from None
        case list():
            return [interpolate(item, lookup, known=known, steps=(*steps, i)) for i, item in enumerate(value)]
        case dict():
            return {key: interpolate(item, lookup, known=known, steps=(*steps, key)) for key, item in value.items()}
        case _:
            return value


def _text(text: str, lookup: Lookup, known: Iterable[str]) -> Json:
    whole = _REFERENCE.fullmatch(text)
    if whole and whole["name"] is not None:
        return _resolved(whole, lookup, known)
    return _REFERENCE.sub(lambda match: _embedded(match, lookup, known), text)


def _embedded(match: re.Match[str], lookup: Lookup, known: Iterable[str]) -> str:
    if match["handlebars"]:
        return match[0]
    if match["escape"]:
        return "${"
    if match["open"]:
        raise ValueError('"${" is never closed (write "$${" for the characters themselves)')
    value = _resolved(match, lookup, known)
    if value is None or isinstance(value, list | dict):
        raise ValueError(f"{match[0]} is {_kind(value)} and cannot stand within text")
    return value if isinstance(value, str) else json.dumps(value)


def _resolved(match: re.Match[str], lookup: Lookup, known: Iterable[str]) -> Json:
    name, default = match["name"].strip(), match["default"]
    value = lookup(name)
    if default is not None and (value is MISSING or value == ""):
        return plain(default) if default else ""
    if value is MISSING:
        raise ValueError(_missing(name, known))
    return value


def _missing(name: str, known: Iterable[str]) -> str:
    """Say what is missing: a tenant's own value may be an empty cell as well as a wrong name."""
    if not name.startswith(("tenant.values.", "tenant.labels.")):
        return f"unknown name ${{{name}}}{did_you_mean(name, known)}"
    near = [each for each in known if did_you_mean(_key(name), [_key(each)])]  # what they all begin with is no likeness
    return f"the tenant has no ${{{name}}}: an empty cell, or no such name{did_you_mean(name, near)}"


def _key(name: str) -> str:
    return name.rpartition(".")[2]


def _kind(value: Json) -> str:
    return "null" if value is None else "a list" if isinstance(value, list) else "an object"
