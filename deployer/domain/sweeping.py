"""What should not be there: copies beside a tenant's flow, and parts of clones that no flow uses."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, is_newborn
from deployer.domain.resources import ResourceKind
from deployer.domain.sighting import Found, sight
from deployer.domain.template import parts_of

_CHANGED = "it was changed after it was made"


@dataclass(frozen=True, slots=True)
class Copy:
    """A flow with our marker beside `instance`, which is the tenant's; `doubt` says why it may be needed, or is None.

    `tenant` is None where the manifest does not name the integration.
    """

    tenant: str | None
    account: str
    integration: str
    instance: str
    flow: str
    doubt: str | None


@dataclass(frozen=True, slots=True)
class Stray:
    """An export or import cloned from `source`, a part of the template, that no flow of the account uses."""

    account: str
    kind: ResourceKind
    id: str
    source: str


@dataclass(frozen=True, slots=True)
class Removal:
    """What became of a flow, export or import that was to be deleted: gone, or left for a reason."""

    account: str
    kind: str
    id: str
    left: str | None


def surplus(listing: Sequence[Document], key: InstanceKey, known: str | None) -> tuple[str, Sequence[Document]]:
    """Return the id of a key's instance, empty where there is none, and the other flows that carry its marker."""
    match sight(listing, key, known=known):
        case Found(flow, others):
            return str(flow["_id"]), [each for each in listing if each["_id"] in others]
        case _:
            return "", ()


def touched(flow: Document, key: InstanceKey, jobs: Sequence[Document] | None) -> str | None:
    """Say why a flow may be more than a clone that nobody used; None: nothing shows it. `jobs` is None if unread."""
    if flow.get("_sourceId") != key.template:
        return "it was not cloned from the template"
    if not is_newborn(flow, key.marker):
        return "it has not the name it was born with"
    if _is_changed(flow):
        return _CHANGED
    if flow.get("schedule") and not flow.get("disabled"):
        return "it is enabled and has a schedule"
    if jobs is None:
        return "its jobs cannot be read"
    return "it has run" if jobs or flow.get("lastExecutedAt") else None


def touched_part(
    kind: ResourceKind, part: Document, template: Document, used: Collection[tuple[ResourceKind, str]]
) -> str | None:
    """Say why an export or import of a deleted copy may be needed; None: it was made for the copy and never changed.

    `used` are the parts that the account's flows use, as `used_parts` returns them.
    """
    if (kind, str(part.get("_sourceId"))) not in parts_of(template):
        return "it was not cloned from a part of the template"
    if _is_changed(part):
        return _CHANGED
    return "a flow uses it" if (kind, str(part["_id"])) in used else None


def used_parts(flows: Iterable[Document]) -> frozenset[tuple[ResourceKind, str]]:
    """Return (kind, id) of every export and import that any of the flows uses."""
    return frozenset(part for flow in flows for part in parts_of(flow))


def _is_changed(document: Document) -> bool:
    return not document.get("createdAt") or document["createdAt"] != document.get("lastModified")


def strays(
    account: str, template: Document, parts: Mapping[ResourceKind, Iterable[Document]], flows: Iterable[Document]
) -> Iterator[Stray]:
    """Yield the copies of a template's parts that no flow uses; `parts` were listed before `flows`."""
    sources = set(parts_of(template))
    used = used_parts(flows)
    for kind, listed in parts.items():
        for part in listed:
            id_, source = str(part["_id"]), str(part.get("_sourceId"))
            if (kind, source) in sources and (kind, id_) not in used:
                yield Stray(account, kind, id_, source)
