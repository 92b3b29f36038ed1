"""Carry a new revision of the template into a tenant's copies: what changed in it, in the tenant's own ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deployer.domain.adjusting import Wish, Wishes, label_of
from deployer.domain.documents import MISSING, Document, Json, Path, Value, at
from deployer.domain.identity import InstanceKey, birth_name
from deployer.domain.merge3 import merge
from deployer.domain.resources import PlannedResource, ResourceKey
from deployer.domain.revisions import Difference, Upgrade
from deployer.domain.structure import merged
from deployer.domain.template import Part, Template


@dataclass(frozen=True, slots=True)
class Fields:
    """What an upgrade makes of fields: `base` is what the revision before had, `wanted` what the new one has."""

    base: Mapping[Path, Value] = field(default_factory=dict)
    wanted: Mapping[Path, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An upgrade as it is in one tenant; `copies` are the parts that it has to be given first."""

    revisions: tuple[str, str]
    flow: Fields
    resources: Mapping[ResourceKey, Fields]
    copies: tuple[PlannedResource, ...]


def upgraded(  # noqa: PLR0913 - what changed, where, and what is left to the manifest
    upgrade: Upgrade,
    template: Template,
    key: InstanceKey,
    live: Mapping[ResourceKey, Document],
    flow: Document,
    *,
    connections: Mapping[str, str],
    owned: Iterable[Path],
    wanted: Wishes,
) -> Upgraded:
    """Return what an upgrade means for the tenant whose flow uses the copies in `live`.

    What the manifest owns is left to it.
    """
    ids = {**connections, **{resource.source: str(document["_id"]) for resource, document in live.items()}}
    missing = [part for part in upgrade.added if ResourceKey(part.kind, part.id) not in live]
    copies = tuple(_copy(part, template, key, wanted) for part in missing)
    ids |= {copy.key.source: placeholder(copy.key) for copy in copies}
    resources = {
        resource: _fields(several, ids, wanted[resource].fields if resource in wanted else ())
        for resource, several in upgrade.parts.items()
        if resource in live
    }
    return Upgraded((upgrade.before, upgrade.after), _of_flow(upgrade.flow, ids, owned, flow), resources, copies)


def _of_flow(several: Iterable[Difference], ids: Mapping[str, str], owned: Iterable[Path], flow: Document) -> Fields:
    """Return what an upgrade makes of a flow's fields, steps that the tenant has of its own among them."""
    fields = _fields(several, ids, owned)
    base: dict[Path, Value] = {}
    wanted: dict[Path, Value] = {}
    for path, before in fields.base.items():
        base[path], after = merged(path, before, fields.wanted.get(path, MISSING), at(flow, path))
        if after is not MISSING:
            wanted[path] = after
    return Fields(base, wanted)


def _copy(part: Part, template: Template, key: InstanceKey, wanted: Wishes) -> PlannedResource:
    """Return a copy that is to be made: it is born with its marker in the name, and then given the template's."""
    resource = ResourceKey(part.kind, part.id)
    fields: dict[Path, Value] = {("name",): part.name}
    if resource in wanted:
        fields |= wanted[resource].fields
    born: Document = {**part.document, "name": birth_name(part.name, copy_key(key, resource))}
    changes = merge(born, fields, {}, newborn=True)
    return PlannedResource(resource, label_of(resource, template), None, fields, changes, is_copied=True)


def with_upgrade(wanted: Wishes, found: Upgraded, template: Template) -> Wishes:
    """Return what is wanted of a tenant's resources, with what the upgrade makes of them."""
    both: dict[ResourceKey, Wish] = {**wanted}
    for copy in found.copies:
        both.pop(copy.key, None)  # which is made, and then has a plan of its own
    for key, fields in found.resources.items():
        wish = both.get(key) or Wish(label_of(key, template), {})
        both[key] = Wish(wish.label, {**wish.fields, **fields.wanted}, fields.base)
    return both


def copy_key(key: InstanceKey, resource: ResourceKey) -> InstanceKey:
    """Return what identifies the copy of a part in a tenant, whoever looks for it."""
    return InstanceKey(f"{key.template}/{resource.source}", key.integration)


def _fields(several: Iterable[Difference], ids: Mapping[str, str], owned: Iterable[Path]) -> Fields:
    ours = tuple(owned)
    base: dict[Path, Value] = {}
    wanted: dict[Path, Value] = {}
    for each in several:
        if not any(_overlap(each.path, path) for path in ours):
            base[each.path] = translated(each.before, ids)
            after = translated(each.after, ids)
            if after is not MISSING:
                wanted[each.path] = after
    return Fields(base, wanted)


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def placeholder(key: ResourceKey) -> str:
    """Return what stands in a plan for the id of a copy that is still to be made."""
    return f"(copy of {key.kind} {key.source})"


def translated(value: Value, ids: Mapping[str, str]) -> Value:
    """Return a value with other ids."""
    return MISSING if value is MISSING else _translated(value, ids)


def _translated(value: Json, ids: Mapping[str, str]) -> Json:
    match value:
        case dict():
            return {key: _translated(inner, ids) for key, inner in value.items()}
        case list():
            return [_translated(inner, ids) for inner in value]
        case str():
            return ids.get(value, value)
        case _:
            return value
