"""The fields of a tenant's that are ours: what the plan wants and saw of each, and what is remembered of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from deployer.domain.deployment import Instance
from deployer.domain.documents import Path, dotted
from deployer.domain.merge3 import Change, Memory
from deployer.domain.plan import Planned
from deployer.domain.resources import ResourceKey
from deployer.report.hiding import shown


@dataclass(frozen=True, slots=True)
class Owned:
    """A field as it may be shown; `change` is None where the plan says nothing of it, `memory` where none is left."""

    path: str
    change: Change | None
    memory: Memory | None


def owned_fields(planned: Planned, known: Instance | None) -> list[Owned]:
    """Return each field of the flow and of what a tenant has besides, those of the plan first."""
    changes, memories = dict(planned.every_change), dict(_memories(planned, known))
    paths = [*changes, *(path for path in memories if path not in changes)]
    return [_owned(path, changes.get(path), memories.get(path)) for path in paths]


def _memories(planned: Planned, known: Instance | None) -> Iterator[tuple[str, Memory]]:
    if known is None:
        return
    yield from _dotted("", known.fields)
    labels = {resource.key: resource.label for resource in planned.resources}
    for key, memory in known.resources.items():
        yield from _dotted(f"{labels.get(key) or _label(key)}.", memory.fields)


def _dotted(of: str, fields: Mapping[Path, Memory]) -> Iterator[tuple[str, Memory]]:
    return ((f"{of}{dotted(path)}", memory) for path, memory in fields.items())


def _label(key: ResourceKey) -> str:
    """Return what tells a resource that the plan does not name from others."""
    return f"{key.kind} {key.source}".rstrip()


def _owned(path: str, change: Change | None, memory: Memory | None) -> Owned:
    if change:
        live, desired, base = (shown(path, value) for value in (change.live, change.desired, change.base))
        change = replace(change, live=live, desired=desired, base=base)
    if memory:
        memory = Memory(*(shown(path, value) for value in (memory.sent, memory.returned, memory.first)))
    return Owned(path, change, memory)
