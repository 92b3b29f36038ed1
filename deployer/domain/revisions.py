"""What changed between two revisions of a template."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deployer.domain.documents import MISSING, Document, Path, Value, dotted, same
from deployer.domain.resources import ResourceKey
from deployer.domain.structure import STRUCTURE, bare
from deployer.domain.template import OWNED, PLACE, READ_ONLY, Part, Template

_KNOWN_IDS: Final = frozenset({"_exportId", "_importId", "_connectionId"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a template that changed, and what stood there before."""

    path: Path
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What leads from one revision of a template to another.

    `parts` are those of both that changed, `added` those that only the new one uses; `obstacle` says what of it cannot
    be carried into copies.
    """

    before: str
    after: str
    flow: tuple[Difference, ...]
    parts: Mapping[ResourceKey, tuple[Difference, ...]]
    added: tuple[Part, ...]
    obstacle: str = ""


def upgrade(before: Template, after: Template) -> Upgrade:
    """Return what changed between two revisions of one template of an account."""
    old, new = _parts(before), _parts(after)
    flow = tuple(_differences(_flow(before), _flow(after)))
    changed = {key: tuple(_differences(_content(old[key]), _content(new[key]))) for key in new if key in old}
    changed = {key: several for key, several in changed.items() if several}
    added = tuple(part for key, part in new.items() if key not in old)
    every = [*flow, *(each for several in changed.values() for each in several)]
    return Upgrade(before.revision, after.revision, flow, changed, added, _obstacle(every))


def _parts(template: Template) -> dict[ResourceKey, Part]:
    return {ResourceKey(part.kind, part.id): part for part in template.parts}


def _flow(template: Template) -> Document:
    kept = {key: value for key, value in template.document.items() if key not in READ_ONLY | OWNED | PLACE}
    return {key: bare(value) if key in STRUCTURE else value for key, value in kept.items()}


def _content(part: Part) -> Document:
    return {key: value for key, value in part.document.items() if key not in READ_ONLY | PLACE}


def _differences(before: Value, after: Value, path: Path = ()) -> Iterator[Difference]:
    """Yield what differs, as deep as objects go; arrays differ whole."""
    if isinstance(before, dict) or isinstance(after, dict):
        one, other = _object(before), _object(after)
        if one is not None and other is not None:
            for key in dict.fromkeys((*one, *other)):
                yield from _differences(one.get(key, MISSING), other.get(key, MISSING), (*path, key))
            return
    if not same(before, after):
        yield Difference(path, before, after)


def _object(value: Value) -> Document | None:
    return {} if value is MISSING else value if isinstance(value, dict) else None


def _obstacle(every: Iterable[Difference]) -> str:
    """Say which change refers to what a clone copies and we do not: a script, or another flow."""
    for each in every:
        for key in _references(each.after, each.path[-1]):
            return f"{dotted(each.path)} refers to another {key.strip('_').removesuffix('Id')}"
    return ""


def _references(value: Value, key: str) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _references(inner, name)
        case list():
            for inner in value:
                yield from _references(inner, key)
        case str() if key.startswith("_") and key.endswith("Id") and key not in _KNOWN_IDS:
            yield key
        case _:
            return
