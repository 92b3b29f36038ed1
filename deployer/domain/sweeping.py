"""What should not be there: copies beside a tenant's flow, and parts of clones that no flow uses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, is_newborn
from deployer.domain.sighting import Found, sight
from deployer.domain.snapshot import parts_of

Kind: TypeAlias = Literal["export", "import"]


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
    kind: Kind
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
    if not flow.get("createdAt") or flow["createdAt"] != flow.get("lastModified"):
        return "it was changed after it was made"
    if flow.get("schedule") and not flow.get("disabled"):
        return "it is enabled and has a schedule"
    if jobs is None:
        return "its jobs cannot be read"
    return "it has run" if jobs or flow.get("lastExecutedAt") else None


def touched_part(kind: str, part: Document, template: Document, flows: Iterable[Document]) -> str | None:
    """Say why an export or import of a deleted copy may be needed; None: it was made for the copy and never changed."""
    if (kind, str(part.get("_sourceId"))) not in set(parts_of(template)):
        return "it was not cloned from a part of the template"
    if not part.get("createdAt") or part["createdAt"] != part.get("lastModified"):
        return "it was changed after it was made"
    used = any((kind, str(part["_id"])) in set(parts_of(flow)) for flow in flows)
    return "a flow uses it" if used else None


def strays(
    account: str, template: Document, parts: Mapping[Kind, Iterable[Document]], flows: Iterable[Document]
) -> Iterator[Stray]:
    """Yield the copies of a template's parts that no flow uses; `parts` were listed before `flows`."""
    sources = set(parts_of(template))
    used = {part for flow in flows for part in parts_of(flow)}
    for kind, listed in parts.items():
        for part in listed:
            id_, source = str(part["_id"]), str(part.get("_sourceId"))
            if (kind, source) in sources and (kind, id_) not in used:
                yield Stray(account, kind, id_, source)
