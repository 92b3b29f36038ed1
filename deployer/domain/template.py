"""A template as an account has it, what it is built of, and its revision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployer.domain.documents import Document, Json, fingerprint
from deployer.domain.masking import holds_mask
from deployer.domain.resources import ResourceKind

READ_ONLY = frozenset(
    {"_id", "createdAt", "lastModified", "lastExecutedAt", "free", "_templateId", "_sourceId", "_userId", "offline"}
)
OWNED = frozenset({"name", "description", "schedule", "timezone", "disabled", "skipRetries", "settings"})
PLACE = frozenset(
    {"_integrationId", "_flowGroupingId", "_nextFlowId", "_runNextFlowIds"}
)  # where it lies, not what it is


@dataclass(frozen=True, slots=True)
class Part:
    """An export or import that a template uses, in the order of use."""

    kind: ResourceKind
    id: str
    document: Document

    @property
    def name(self) -> str:
        """Return the name people know it by."""
        return str(self.document.get("name", self.id))


@dataclass(frozen=True, slots=True)
class Template:
    """A template as an account has it. `document` is the flow, or the file's content.

    One that `is_masked` holds a secret that reads back masked.
    """

    key: str
    revision: str
    document: Document
    connections: frozenset[str] = frozenset()
    parts: tuple[Part, ...] = ()
    is_masked: bool = False

    @property
    def name(self) -> str:
        """Return the name people know it by."""
        return str(self.document.get("name", self.key))

    @property
    def generators(self) -> int:
        """Return how many jobs one run makes: one a page generator, one for a legacy flow."""
        generators = self.document.get("pageGenerators")
        return len(generators) if isinstance(generators, list) and generators else 1


def parts_of(flow: Document) -> Iterator[tuple[ResourceKind, str]]:
    """Yield (kind, id) of each export and import a flow uses, in order, each once."""
    steps: list[Json] = [flow]
    for key in ("pageGenerators", "pageProcessors", "routers"):
        steps.extend(_steps(flow.get(key)))
    found = dict.fromkeys(
        (kind, str(step[key]))
        for step in steps
        if isinstance(step, dict)
        for kind, key in ((ResourceKind.EXPORT, "_exportId"), (ResourceKind.IMPORT, "_importId"))
        if step.get(key)
    )
    yield from found


def _steps(value: Json) -> Iterator[Json]:
    """Walk generators, processors, and the processors inside a router's branches."""
    for step in value if isinstance(value, list) else ():
        yield step
        if isinstance(step, dict):
            for branch in _steps(step.get("branches")):
                yield from _steps(branch.get("pageProcessors")) if isinstance(branch, dict) else ()


def flow_template(flow: Document, parts: Sequence[Part]) -> Template:
    """Take a flow of an account as a template; its revision covers the exports and imports it uses."""
    used = [str(part.document["_connectionId"]) for part in parts if part.document.get("_connectionId")]
    connections = dict.fromkeys(used)
    order = {id_: f"#{position}" for position, id_ in enumerate([*(part.id for part in parts), *connections])}
    body = {key: value for key, value in flow.items() if key not in READ_ONLY | OWNED | PLACE}
    contents = [_without(part.document, READ_ONLY | PLACE) for part in parts]
    revision = fingerprint(_renamed([body, *contents], order))
    return Template(str(flow["_id"]), revision, flow, frozenset(connections), tuple(parts), holds_mask(flow))


def file_template(slug: str, document: Document) -> Template:
    """Take a document of the user's as a template."""
    return Template(slug, fingerprint(document), document, is_masked=holds_mask(document))


def _without(document: Document, keys: frozenset[str]) -> Document:
    return {key: value for key, value in document.items() if key not in keys}


def _renamed(value: Json, order: Mapping[str, str]) -> Json:
    """Replace ids by their position, or leave them out, so that equal templates of two accounts have one revision."""
    if isinstance(value, dict):
        return {key: _renamed(inner, order) for key, inner in value.items() if key != "_id"}
    if isinstance(value, list):
        return [_renamed(inner, order) for inner in value]
    return order.get(value, value) if isinstance(value, str) else value
