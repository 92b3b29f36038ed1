"""`${name}` and `${name:-default}` in text. Never `{{…}}`: integrator.io's own documents are full of Handlebars."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from deployer.domain.documents import MISSING, Json, Value
from deployer.domain.source import Steps, plain
from deployer.domain.wording import did_you_mean

# What Handlebars encloses is passed over whole, and in "${{amount}}" the dollar is just a dollar. No part is ever read
# twice: names and defaults are possessive, and after the last "}}" no Handlebars is looked for.
_PATTERN: Final = (
    r"(?P<handlebars>%s)"
    r"|(?P<escape>\$\$\{(?!\{))"
    r"|\$\{(?!\{)(?P<name>(?:(?!:-)[^{}])*+)(?::-(?P<default>[^{}]*+))?\}"
    r"|(?P<open>\$\{(?!\{))"
)
_BEFORE_LAST: Final = re.compile(_PATTERN % r"\{\{.*?\}\}", re.DOTALL)
_AFTER_LAST: Final = re.compile(_PATTERN % r"(?!)")

UNSET: Final = "$unset"  # how a person writes that there is to be no value

Lookup: TypeAlias = Callable[[str], Value]
Fill: TypeAlias = Callable[[Lookup, Iterable[str]], Json]


class InterpolationError(ValueError):
    """A reference cannot be replaced; `steps` lead to the text that holds it."""

    def __init__(self, what: str, steps: Steps) -> None:
        super().__init__(what)
        self.steps = steps


@dataclass(frozen=True, slots=True)
class Reference:
    """`${name:-default}`, and the text as it is written."""

    name: str
    default: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A value whose texts were taken apart once, to be filled in many times; what has no references is shared."""

    references: tuple[Reference, ...]
    fill: Fill


def interpolate(value: Json, lookup: Lookup, *, known: Iterable[str] = (), steps: Steps = ()) -> Json:
    """Return `value` with each reference in its texts replaced; keys stay. Raise InterpolationError at the first fault.

    A text that is one reference becomes its value, of whatever type; a reference within text becomes text, and is
    missing if that is `$unset`; `$${` is a plain `${`. A default replaces what is missing or empty, and reads as it
    would in YAML. `known` serves the hints.
    """
    return prepare(value, steps).fill(lookup, known)


def prepare(value: Json, steps: Steps = ()) -> Prepared:
    """Return `value` ready to be filled in; raise InterpolationError where a text is not well-formed."""
    match value:
        case str() if "${" in value:
            return _prepared_text(value, steps)
        case list():
            items = [prepare(item, (*steps, index)) for index, item in enumerate(value)]
            return _joined(items, lambda lookup, known: [item.fill(lookup, known) for item in items])
        case dict():
            parts = {key: prepare(item, (*steps, key)) for key, item in value.items()}
            return _joined(
                [*parts.values()],
                lambda lookup, known: {key: part.fill(lookup, known) for key, part in parts.items()},
            )
        case _:
            return Prepared((), lambda _, __: value)


def _joined(parts: Sequence[Prepared], fill: Fill) -> Prepared:
    references = tuple(reference for part in parts for reference in part.references)
    if references:
        return Prepared(references, fill)
    constant = fill(lambda _: MISSING, ())
    return Prepared((), lambda _, __: constant)


def _prepared_text(text: str, steps: Steps) -> Prepared:
    try:
        parts = tuple(_parts(text))
    except ValueError as error:
        raise InterpolationError(str(error), steps) from None
    references = tuple(part for part in parts if isinstance(part, Reference))
    whole = references[0] if len(parts) == len(references) == 1 else None

    def fill(lookup: Lookup, known: Iterable[str]) -> Json:
        try:
            if whole:
                return _resolved(whole, lookup(whole.name), known)
            return "".join([part if isinstance(part, str) else _embedded(part, lookup, known) for part in parts])
        except ValueError as error:
            raise InterpolationError(str(error), steps) from None

    return Prepared(references, fill)


def _parts(text: str) -> Iterator[str | Reference]:
    end, last = 0, text.rfind("}}") + 2 if "}}" in text else 0
    for match in chain(_BEFORE_LAST.finditer(text, 0, last), _AFTER_LAST.finditer(text, last)):
        if end < match.start():
            yield text[end : match.start()]
        if match["open"]:
            raise ValueError('"${" is never closed (write "$${" for the characters themselves)')
        if match["name"] is None:
            yield match["handlebars"] or "${"
        else:
            yield Reference(match["name"].strip(), match["default"], match[0])
        end = match.end()
    if end < len(text):
        yield text[end:]


def _embedded(reference: Reference, lookup: Lookup, known: Iterable[str]) -> str:
    found = lookup(reference.name)
    value = _resolved(reference, MISSING if found == UNSET else found, known)
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, list | dict):
        raise ValueError(f"{reference.text} is {_kind(value)} and cannot stand within text")
    return json.dumps(value)


def _resolved(reference: Reference, value: Value, known: Iterable[str]) -> Json:
    if reference.default is not None and (value is MISSING or value == ""):
        return plain(reference.default) if reference.default else ""
    if value is MISSING:
        raise ValueError(_missing(reference.name, known))
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
