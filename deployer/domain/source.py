"""Strict YAML and JSON as plain values, with the place of every key and value for those who explain errors.

Text stays text. An unquoted scalar becomes null for `null`, `~` or nothing, a boolean for `true` and `false` only, and
a number only where that number's own text is the same again. `200` and `0.5` are numbers; `012`, `1e5`, `1.10`, `no`
and `123e4567` are text, and so are integers of more than 15 digits, since JavaScript keeps no more. So nothing is lost,
and what expects text can turn such a number back into it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, NoReturn, TypeAlias

import yaml

from deployer.domain.documents import Document, Json
from deployer.domain.wording import is_broken
from deployer.errors import ManifestError, Problem

Steps: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[int, int]
_Node: TypeAlias = yaml.AliasEvent | yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent

MAX_DEPTH: Final = 64
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final[Mapping[str, bool | None]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_HINTS: Final = {  # what the parser's own words mean for who wrote the file
    "mapping values are not allowed in this context": " (quote a text that holds a colon)",
    "found character that cannot start any token": (
        " (indent with spaces, not tabs; quote a text that begins with @, % or `)"
    ),
}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
_MOST_DIGITS: Final = 300  # more than any number has that is no mistake, and fewer than Python reads
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Located:
    """A value and where its parts stand: line and column, both from 1, of each key and of each value."""

    name: str
    value: Json
    keys: Mapping[Steps, Place]
    values: Mapping[Steps, Place]

    def problem(self, steps: Steps, what: str, *, key: bool = False) -> Problem:
        """Return a problem with the value at `steps` (or its key)."""
        return Problem(self.place(steps, key=key), spoken(steps), what)

    def place(self, steps: Steps, *, key: bool = False) -> str:
        """Return file, line and column of the value at `steps` (or its key), or of the nearest that is written."""
        place = self.keys.get(steps) if key else None
        for length in range(len(steps), -1, -1):
            place = place or self.values.get(steps[:length])
        line, column = place or (1, 1)
        return f"{self.name}:{line}:{column}"


def spoken(steps: Steps) -> str:
    """Return steps as a person writes them: `tenants[0].values.region`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def plain(text: str) -> Json:
    """Return what an unquoted `text` means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return text


def read_yaml(text: str, name: str) -> Located:
    """Read one YAML (or JSON) document; raise ManifestError with every problem of its form."""
    text = text.removeprefix("\ufeff")
    if odd := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        column = odd.start() - text.rfind("\n", 0, odd.start())
        what = f"a character that no text file holds (U+{ord(odd[0]):04X})"
        raise ManifestError([Problem(f"{name}:{line}:{column}", "", what)])
    return _Reader(name, yaml.parse(text, Loader=_LOADER)).read()


@dataclass(slots=True)
class _Reader:
    """Builds values from parser events, since these, unlike composed nodes, still show anchors, aliases and tags."""

    name: str
    events: Iterator[Any]
    problems: list[Problem] = field(default_factory=list)
    keys: dict[Steps, Place] = field(default_factory=dict)
    values: dict[Steps, Place] = field(default_factory=dict)

    def read(self) -> Located:
        try:
            value = self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            what = error.problem or error.context or ""
            self._complain(place, (), f"not YAML: {what}{_HINTS.get(what, '')}")
            value = None
        if self.problems:
            raise ManifestError(self.problems)
        return Located(self.name, value, self.keys, self.values)

    def _document(self) -> Json:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            self._complain((1, 1), (), "is empty")
            return None
        value = self._node(next(self.events), ())
        next(self.events)
        if not isinstance(following := next(self.events), yaml.StreamEndEvent):
            self._complain(_place(following), (), "a second document: one file holds one")
        return value

    def _complain(self, place: Place, steps: Steps, what: str) -> None:
        self.problems.append(Problem(f"{self.name}:{place[0]}:{place[1]}", spoken(steps), what))

    def _node(self, event: _Node, steps: Steps) -> Json:
        self.values[steps] = _place(event)
        if len(steps) > MAX_DEPTH:
            self._complain(_place(event), (), f"nested more than {MAX_DEPTH} deep")
            raise ManifestError(self.problems)
        match event:
            case yaml.AliasEvent():
                self._complain(_place(event), steps, f"aliases (*{event.anchor}) are not read: write the value out")
                return None
            case yaml.ScalarEvent():
                self._refuse_marks(event, steps)
                return plain(event.value) if event.implicit[0] else event.value
            case yaml.SequenceStartEvent():
                self._refuse_marks(event, steps)
                return self._sequence(steps)
            case yaml.MappingStartEvent():
                self._refuse_marks(event, steps)
                return self._mapping(steps)

    def _refuse_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, steps: Steps) -> None:
        if event.anchor is not None:
            self._complain(_place(event), steps, f"anchors (&{event.anchor}) are not read: write the value out")
        if event.tag is not None:
            self._complain(_place(event), steps, f"tags ({event.tag}) are not read: put text in quotes instead")

    def _sequence(self, steps: Steps) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*steps, len(items))))
        return items

    def _mapping(self, steps: Steps) -> Document:
        items: Document = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._complain(_place(event), steps, "a key must be text")
                raise ManifestError(self.problems)
            key, here = event.value, (*steps, event.value)
            self._refuse_marks(event, here)
            if key in items:
                line, column = self.keys[here]
                self._complain(_place(event), here, f"written twice, first at {line}:{column}")
            else:
                self.keys[here] = _place(event)
            items[key] = self._node(next(self.events), here)
        return items


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def read_json(text: str, name: str) -> Json:
    """Read one JSON document as it stands; raise ManifestError with the place where it breaks."""
    try:
        value: Json = _DECODER.decode(text.removeprefix("\ufeff"))
        _refuse_halves(text, value)
        if text.count("[") + text.count("{") > MAX_DEPTH:
            _refuse_depth(value, MAX_DEPTH)
    except json.JSONDecodeError as error:
        what = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise ManifestError([Problem(f"{name}:{error.lineno}:{error.colno}", "", what)]) from None
    except RecursionError:
        raise ManifestError([Problem(name, "", "not read: nested too deep")]) from None
    except ValueError as error:
        raise ManifestError([Problem(name, "", f"not JSON: {error}")]) from None
    return value


def _without_repeats(pairs: list[tuple[str, Json]]) -> Document:
    items = dict(pairs)
    if len(items) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f'the key "{repeated}" is written twice in one object')
    return items


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{text[:20]}… has too many digits")
    return int(text)


def _refuse_halves(text: str, value: Json) -> None:
    """Raise ValueError for half of a surrogate pair, which can be stored nowhere."""
    if is_broken(text) or "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"U+{ord(error.object[error.start]):04X} is half of a character") from None


def _refuse_depth(value: Json, left: int) -> None:
    """Raise RecursionError for what would exhaust the stack of whoever walks it next."""
    if isinstance(value, dict | list):
        if left == 0:
            raise RecursionError
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse_depth(inner, left - 1)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_without_repeats, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
)
