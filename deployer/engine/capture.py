"""Capture what a plan touches of an account, by reads alone: its documents as a simulated account holds them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from deployer.domain.documents import Document
from deployer.domain.resources import PARTS, ResourceKind
from deployer.domain.template import parts_of
from deployer.engine.accounts import OpenAccount
from deployer.engine.observe import Aim, got, read_flow
from deployer.engine.pool import each
from deployer.integrator.wire import Done

_AT_ONCE: Final = 64
_KINDS: Final = {kind: f"{kind}s" for kind in PARTS}
_NAMED: Final = ("_id", "name")  # what of a connection is kept: nothing that could be a secret


@dataclass(slots=True)
class Capture:
    """One account's documents, by kind and id."""

    documents: dict[str, dict[str, Document]] = field(
        default_factory=lambda: {kind: {} for kind in ("integrations", "connections", "exports", "imports", "flows")}
    )

    async def take(self, account: OpenAccount, aim: Aim, integrations: Iterable[str]) -> None:
        """Read the template with its parts, names, and the flows of some integrations; raise AccountError."""
        client = account.client
        self._keep("integrations", got(account, "the list of integrations", await client.integrations()))
        connections = got(account, "the list of connections", await client.connections())
        self._keep("connections", ({key: each[key] for key in _NAMED if key in each} for each in connections))
        listed = got(account, "the list of flows", await client.flows())
        wanted = frozenset(integrations)
        ids = [str(flow["_id"]) for flow in listed if str(flow.get("_integrationId")) in wanted]
        if aim.document is None:
            flow, parts = await read_flow(account, aim.template)
            self._keep("flows", [flow])
            for part in parts:  # whole: a clone copies them
                self._keep(_KINDS[part.kind], [part.document])

        async def read(flow: str) -> None:
            found = await client.flow(flow)
            if isinstance(found, Done):
                self._keep("flows", [found.value])
                await self._parts(account, found.value, aim.kinds)

        await each(ids, read, workers=_AT_ONCE)

    async def _parts(self, account: OpenAccount, flow: Document, kinds: frozenset[ResourceKind]) -> None:
        """Read the parts of a tenant's flow that the plan is about; of the others nothing matters but that they are."""
        for kind, id_ in parts_of(flow):
            read = await account.client.resource(kind, id_) if kind in kinds else None
            document: Document = read.value if isinstance(read, Done) else {"_id": id_, "name": id_}
            self.documents[_KINDS[kind]].setdefault(id_, document)

    def _keep(self, kind: str, documents: Iterable[Document]) -> None:
        self.documents[kind] |= {str(document["_id"]): document for document in documents}
