"""What one complete listing of a tenant's flows says about the flow looked for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, carries


@dataclass(frozen=True, slots=True)
class Found:
    """Ours is there; `surplus` are other flows that carry our marker, to be reported and never deleted unasked."""

    flow: Document
    surplus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Flows cloned from the template without our marker: perhaps ours, perhaps a person's."""

    flows: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing of ours is there; `seen` is every id the listing held."""

    seen: tuple[str, ...]


Sighting = Found | Doubtful | Absent


def sight(
    listing: Sequence[Document], key: InstanceKey, *, known: str | None = None, seen: Collection[str] = ()
) -> Sighting:
    """Judge a listing: the journalled id first, then the marker, then what only looks like ours.

    `known` is the flow id the journal holds; `seen` are ids that were there before and are not ours.
    """
    by_id = {str(flow["_id"]): flow for flow in listing if flow["_id"] != key.template}
    marked = sorted((flow for flow in by_id.values() if carries(flow, key.marker)), key=_age)
    if known in by_id:
        return Found(by_id[known], tuple(str(flow["_id"]) for flow in marked if flow["_id"] != known))
    if marked:
        first, *others = marked
        return Found(first, tuple(str(flow["_id"]) for flow in others))
    doubtful = tuple(flow for name, flow in by_id.items() if flow.get("_sourceId") == key.template and name not in seen)
    return Doubtful(doubtful) if doubtful else Absent(tuple(by_id))


def _age(flow: Document) -> tuple[str, str]:
    return str(flow.get("createdAt", "")), str(flow["_id"])
