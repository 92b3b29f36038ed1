"""Look through every request that arrives, for what has no place in it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from deployer.simulator import Knobs, Simulator, World
from deployer.simulator.routes import subject
from tests.canaries.marks import TOKEN

ASKED: Final = "/_inspection"
_WORDS: Final = re.compile(r"(?:name|hush)[0-9a-f]{12}|[0-9a-f]{24}")
Owner = tuple[str, str]


@dataclass(slots=True)
class Inspection:
    """What was looked through so far, and what was out of place. `owners` maps each text that is one tenant's alone."""

    world: World
    owners: Mapping[str, Owner]
    requests: int = 0
    bodies: int = 0
    misplaced: list[str] = field(default_factory=list)
    _by_token: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._by_token = {held.token: name for name, held in self.world.accounts.items()}

    def look(self, request: web.BaseRequest, body: bytes) -> None:
        """Count a request, and note what of another account, another tenant, or of a token it holds."""
        self.requests += 1
        self.bodies += bool(body)
        self.misplaced += [f"{request.method} {request.path}: {text}" for text in self._found(request, body)]

    def _found(self, request: web.BaseRequest, body: bytes) -> Iterator[str]:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ").partition("~")[0]
        account = self._by_token.get(sent)
        if account is None:
            yield "what is sent as a token is none"
        rest = [value for name, value in request.headers.items() if name.lower() != "authorization"]
        text = "\n".join((request.path_qs, *rest, body.decode()))
        if TOKEN.search(text.encode()):
            yield "a token is outside its header"
        whose = {self.owners[word] for word in _WORDS.findall(text) if word in self.owners} | self._subject(request)
        if len(whose) > 1:
            yield f"it holds what is of {' and '.join(sorted(integration for _, integration in whose))}"
        if {name for name, _ in whose} - {account}:
            yield f"the token is that of {account}, and it is about {sorted(whose)}"

    def _subject(self, request: web.BaseRequest) -> set[Owner]:
        """Return whose the flow is that a request is about."""
        kind, key = subject(request.path)
        flows = (
            (held.documents["flows"].get(key, {}) for held in self.world.accounts.values()) if kind == "flows" else ()
        )
        return {self.owners[lies] for flow in flows if (lies := str(flow.get("_integrationId"))) in self.owners}

    def as_json(self) -> str:
        """Return the counts and what was misplaced."""
        return json.dumps({name: getattr(self, name) for name in ("requests", "bodies", "misplaced")})


class InspectedSimulator(Simulator):
    """A simulator that lets every request be looked through as it arrives."""

    def __init__(self, world: World, knobs: Knobs, owners: Mapping[str, Owner]) -> None:
        super().__init__(world, knobs)
        self.inspection = Inspection(world, owners)

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == ASKED:
            return web.Response(text=self.inspection.as_json(), content_type="application/json")
        self.inspection.look(request, await request.read())
        return await super().respond(request)
