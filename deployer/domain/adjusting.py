"""Decide what is to become of what a tenant has besides its flow: integration, copies of exports and imports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, TypeAlias

from deployer.domain.chosen import Chosen, chosen_in
from deployer.domain.desired import Desired
from deployer.domain.documents import Document, Path, Value, dotted
from deployer.domain.merge3 import Change, merge, with_base
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceKey, ResourceKind, ResourceMemory
from deployer.domain.sealing import without_secrets
from deployer.domain.template import Part, Template

_KINDS: Final = {
    "integration": ResourceKind.INTEGRATION,
    "exports": ResourceKind.EXPORT,
    "imports": ResourceKind.IMPORT,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a resource is to be: `label` is what the manifest calls it, `base` as in a planned resource."""

    label: str
    fields: Mapping[Path, Value]
    base: Mapping[Path, Value] = field(default_factory=dict)


Wishes: TypeAlias = Mapping[ResourceKey, Wish]


def wishes(desired: Desired, template: Template, memory: Iterable[ResourceKey] = ()) -> Wishes | str:
    """Return what is wanted of a tenant's resources, of those that were ever ours too; or why that cannot be.

    The manifest names an export or import of the template by its id, or by its name where that is unique.
    """
    wanted: dict[ResourceKey, Wish] = {}
    for place, fields in desired.resources.items():
        kind = kind_at(place)
        key = INTEGRATION if kind is ResourceKind.INTEGRATION else _named(kind, place[1], template)
        if isinstance(key, str):
            return key
        if key in wanted:
            return f"{dotted(place)} and {wanted[key].label} are the same {key.kind}"
        wanted[key] = Wish(dotted(place), fields)
    for key in memory:
        wanted.setdefault(key, Wish(label_of(key, template), {}))
    return wanted


def kind_at(place: Path) -> ResourceKind:
    """Return the kind of resource that a part of the manifest is about."""
    return _KINDS[place[0]]


def label_of(key: ResourceKey, template: Template) -> str:
    """Return what the manifest would call a resource."""
    if key == INTEGRATION:
        return "integration"
    name = next((part.name for part in template.parts if part.id == key.source), key.source)
    return f"{key.kind}s.{name}"


def _named(kind: ResourceKind, name: str, template: Template) -> ResourceKey | str:
    """Return the key of a part of the template, or why there is not exactly one of that name."""
    parts = [part for part in template.parts if part.kind is kind]
    found = [part for part in parts if part.id == name] or [part for part in parts if part.name == name]
    match found:
        case [part]:
            return ResourceKey(kind, part.id)
        case []:
            near = get_close_matches(name, (part.name for part in parts), n=1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; it uses {_listed(parts)}" if parts else ""
            return f'the template uses no {kind} "{name}"{hint}'
        case _:
            return f'the template uses {len(found)} {kind}s called "{name}"; give its id: {_listed(found)}'


def _listed(parts: Iterable[Part]) -> str:
    return ", ".join(f'"{part.name}" ({part.id})' for part in parts)


def plan_resources(
    wanted: Wishes,
    live: Mapping[ResourceKey, Document],
    memory: Mapping[ResourceKey, ResourceMemory],
    *,
    chosen: Chosen,
    restore: bool,
) -> tuple[PlannedResource, ...] | str:
    """Return what is to become of the resources of a tenant whose flow is there; or why that cannot be."""
    planned: list[PlannedResource] = []
    for key in sorted(wanted):
        wish, known, document = wanted[key], memory.get(key), live.get(key)
        if document is None and not wish.fields:
            continue  # neither there nor wanted
        if document is None:
            return f"{wish.label}: the tenant's flow uses no copy of it any more"
        before = known.fields if known and known.id == document["_id"] else {}
        changes = merge(
            document, wish.fields, with_base(before, wish.base), chosen=chosen_in(chosen, wish.label), restore=restore
        )
        stamp = str(document.get("lastModified", ""))
        found = PlannedResource(key, wish.label, str(document["_id"]), wish.fields, changes, stamp, wish.base)
        planned.append(found)
    return tuple(planned)


def entered(document: Document, fields: Mapping[Path, Value]) -> tuple[Change, ...]:
    """Return what enters a copy of a document of the template's that is still to be made."""
    return merge(without_secrets(document, fields), fields, {}, newborn=True)


def plan_newborn(
    wanted: Wishes, template: Template, live: Mapping[ResourceKey, Document], chosen: Chosen
) -> tuple[PlannedResource, ...] | str:
    """Return what is to become of the resources of a tenant whose flow is still to be made.

    Copies of exports and imports are born with it, so that ours simply go in; its integration is there before.
    """
    there = {key: wish for key, wish in wanted.items() if key == INTEGRATION}
    before = plan_resources(there, live, {}, chosen=chosen, restore=False)
    if isinstance(before, str):
        return before
    contents = {ResourceKey(part.kind, part.id): part.document for part in template.parts}
    born = (
        PlannedResource(key, wish.label, None, wish.fields, entered(contents[key], wish.fields))
        for key in sorted(wanted)
        if key in contents and (wish := wanted[key]).fields
    )
    return (*before, *born)
