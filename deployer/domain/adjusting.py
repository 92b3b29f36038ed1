"""Decide what is to become of what a tenant has besides its flow: integration, copies of exports and imports."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, TypeAlias

from deployer.domain.desired import Desired
from deployer.domain.documents import Document, Path, Value, dotted
from deployer.domain.merge3 import Choice, merge
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceKey, ResourceKind, ResourceMemory
from deployer.domain.snapshot import Part, Template

_KINDS: Final = {
    "integration": ResourceKind.INTEGRATION,
    "exports": ResourceKind.EXPORT,
    "imports": ResourceKind.IMPORT,
}

Wishes: TypeAlias = Mapping[ResourceKey, tuple[str, Mapping[Path, Value]]]
"""Of each resource, what the manifest calls it, and its fields."""


def wishes(desired: Desired, template: Template, memory: Iterable[ResourceKey] = ()) -> Wishes | str:
    """Return what is wanted of a tenant's resources, of those that were ever ours too; or why that cannot be.

    The manifest names an export or import of the template by its id, or by its name where that is unique.
    """
    wanted: dict[ResourceKey, tuple[str, Mapping[Path, Value]]] = {}
    for place, fields in desired.resources.items():
        kind = kind_at(place)
        key = INTEGRATION if kind is ResourceKind.INTEGRATION else _named(kind, place[1], template)
        if isinstance(key, str):
            return key
        if key in wanted:
            return f"{dotted(place)} and {wanted[key][0]} are the same {key.kind}"
        wanted[key] = (dotted(place), fields)
    for key in memory:
        wanted.setdefault(key, (label_of(key, template), {}))
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
    choice: Choice | None,
    restore: bool,
) -> tuple[PlannedResource, ...] | str:
    """Return what is to become of the resources of a tenant whose flow is there; or why that cannot be."""
    planned: list[PlannedResource] = []
    for key in sorted(wanted):
        label, fields = wanted[key]
        known = memory.get(key)
        document = live.get(key)
        if document is None and not fields:
            continue  # neither there nor wanted
        if document is None:
            return f"{label}: the tenant's flow uses no copy of it any more"
        before = known.fields if known and known.id == document["_id"] else {}
        changes = merge(document, fields, before, choice=choice, restore=restore)
        stamp = str(document.get("lastModified", ""))
        planned.append(PlannedResource(key, label, str(document["_id"]), fields, changes, stamp))
    return tuple(planned)


def plan_newborn(
    wanted: Wishes, template: Template, live: Mapping[ResourceKey, Document], choice: Choice | None
) -> tuple[PlannedResource, ...] | str:
    """Return what is to become of the resources of a tenant whose flow is still to be made.

    Copies of exports and imports are born with it, so that ours simply go in; its integration is there before.
    """
    there = {key: wish for key, wish in wanted.items() if key == INTEGRATION}
    before = plan_resources(there, live, {}, choice=choice, restore=False)
    if isinstance(before, str):
        return before
    contents = {ResourceKey(part.kind, part.id): part.document for part in template.parts}
    born = (
        PlannedResource(key, label, None, fields, merge(contents[key], fields, {}, newborn=True))
        for key, (label, fields) in sorted(wanted.items())
        if key in contents and fields
    )
    return (*before, *born)
