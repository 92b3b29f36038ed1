"""One request as an operation meets it, and what the operation answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.simulator.knobs import Knobs
from deployer.simulator.world import Account, Document, Headers, Json, Refused, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hold a status and a JSON body; None is no body at all."""

    status: int
    body: Json = None
    headers: Headers = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Hold an admitted request: whose it is, when it is applied, and what it says."""

    n: int
    world: World
    account: Account
    knobs: Knobs
    now: float
    kind: str
    """The first part of the path: `flows`, `exports`…"""
    id: str
    url: str
    """Scheme, host and path, for links."""
    query: Mapping[str, str]
    body: Json

    def document(self) -> Document:
        """Return the body as an object; an empty body is an empty object."""
        if not isinstance(self.body, dict | None):
            raise Refused(400, "invalid_field", "the body must be an object")
        return self.body or {}

    def found(self) -> Document:
        """Return the document that the path names, or refuse with 404."""
        return self.account.find(self.kind, self.id)

    def note(self, kind: str, **facts: object) -> None:
        """Record an effect of this request."""
        self.world.note(kind, n=self.n, account=self.account, now=self.now, **facts)


def refusal(refused: Refused) -> Answer:
    """Answer with the error envelope."""
    error = {"code": refused.code, "message": refused.message}
    body = {"errors": [{**error, "field": refused.field} if refused.field else error]}
    return Answer(status=refused.status, body=body, headers=refused.headers)
