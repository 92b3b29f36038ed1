"""Read what a tenant has besides its flow: its integration, and its copies of the template's exports and imports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.domain.documents import Document, Path
from deployer.domain.memory import as_left
from deployer.domain.resources import INTEGRATION, ResourceKey, ResourceMemory
from deployer.domain.template import parts_of
from deployer.integrator.client import Client
from deployer.integrator.wire import Done, NotSent, Outcome, Refused, Unknown

Got = Callable[[str, Outcome[Document]], Document]
"""Returns what was read, or raises."""


async def find_copy(client: Client, flow: Document, key: ResourceKey) -> Outcome[Document] | None:
    """Return the copy of a part of the template that a flow uses; None where it uses none."""
    for kind, id_ in parts_of(flow):
        if kind is key.kind:
            outcome = await client.resource(kind, id_)
            if not isinstance(outcome, Done) or outcome.value.get("_sourceId") == key.source:
                return outcome
    return None


@dataclass(frozen=True, slots=True)
class Resources:
    """Reads the resources of one tenant after the other. `stamps` are those that lists showed, by id."""

    client: Client
    stamps: Mapping[str, str]
    got: Got

    async def read(
        self,
        wanted: Mapping[ResourceKey, Mapping[Path, object]],
        memories: Mapping[ResourceKey, ResourceMemory],
        integration: str,
        flow: Document | None,
    ) -> Mapping[ResourceKey, Document]:
        """Return the resources that are there, whole unless their stamp says that nobody touched them since."""
        found: dict[ResourceKey, Document] = {}
        for key, fields in wanted.items():
            known = memories.get(key)
            if (
                known
                and self.stamps.get(known.id) == known.last_modified != ""
                and fields.keys() <= known.fields.keys()
            ):
                found[key] = as_left(known)
            elif document := await self._document(key, known, integration, flow):
                found[key] = document
        return found

    async def copies(self, flow: Document) -> Mapping[ResourceKey, Document]:
        """Return every export and import that a flow uses, whole, by what it is a copy of."""
        found: dict[ResourceKey, Document] = {}
        for kind, id_ in parts_of(await self._whole(flow)):
            part = self.got(f"{kind} {id_}", await self.client.resource(kind, id_))
            if source := part.get("_sourceId"):
                found[ResourceKey(kind, str(source))] = part
        return found

    async def _document(
        self, key: ResourceKey, known: ResourceMemory | None, integration: str, flow: Document | None
    ) -> Document | None:
        outcome: Outcome[Document] | None
        if key == INTEGRATION:
            outcome = await self.client.resource(key.kind, integration)
        elif known:
            outcome = await self.client.resource(key.kind, known.id)
        elif flow:
            outcome = await find_copy(self.client, await self._whole(flow), key)
        else:
            outcome = None
        match outcome:
            case None | Refused(404):
                return None
            case Done() | Refused() | Unknown() | NotSent():
                return self.got(f"{key.kind} {known.id if known else integration}", outcome)

    async def _whole(self, flow: Document) -> Document:
        """Return a flow with what it is built of, which a list may have left out."""
        if any(parts_of(flow)):
            return flow
        return self.got(f"flow {flow['_id']}", await self.client.flow(str(flow["_id"])))
