"""What the simulated integrator.io remembers: accounts, their documents and jobs, and every effect since the seed.

Documents are values: they are replaced, never changed in place, so nothing is ever copied deeply.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from deployer.simulator.job import Job

Json = Any
Document = dict[str, Json]
Headers = Mapping[str, str]

KINDS = ("integrations", "connections", "exports", "imports", "flows")


class Refused(Exception):  # noqa: N818 - it is an answer, not an accident
    """Carry the error envelope that a request is answered with."""

    def __init__(
        self, status: int, code: str, message: str, field: str = "", *, headers: Headers | None = None
    ) -> None:
        """Keep what the envelope says, and the headers that go with it."""
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field
        self.headers = headers or {}


def iso(now: float) -> str:
    """Write epoch seconds the way integrator.io does: UTC with milliseconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Account:
    """Hold one account's documents by kind and id, its jobs, and which flows lie in which integration."""

    name: str
    token: str
    user: str
    documents: dict[str, dict[str, Document]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    jobs: dict[str, Job] = field(default_factory=dict)
    jobs_of_flow: dict[str, list[Job]] = field(default_factory=dict)
    flows_in: dict[str | None, dict[str, None]] = field(default_factory=dict)

    def find(self, kind: str, key: str) -> Document:
        """Return a document, or refuse with 404: gone and somebody else's look the same."""
        try:
            return self.documents[kind][key]
        except KeyError:
            raise Refused(404, "resource_not_found", f"{kind} {key} not found") from None

    def keep(self, kind: str, document: Document) -> None:
        """Store a document in place of the one with its id."""
        self._leave(kind, document["_id"])
        self.documents[kind][document["_id"]] = document
        if kind == "flows":
            self.flows_in.setdefault(document.get("_integrationId"), {})[document["_id"]] = None

    def drop(self, kind: str, key: str) -> None:
        """Forget a document."""
        self._leave(kind, key)
        del self.documents[kind][key]

    def _leave(self, kind: str, key: str) -> None:
        old = self.documents[kind].get(key)
        if kind == "flows" and old is not None:
            del self.flows_in[old.get("_integrationId")][key]

    def flows(self, integration: str | None) -> list[Document]:
        """List the flows of one integration, oldest place first."""
        return [self.documents["flows"][key] for key in self.flows_in.get(integration, ())]

    def start(self, job: Job) -> None:
        """Remember a job."""
        self.jobs[job.id] = job
        if job.flow:
            self.jobs_of_flow.setdefault(job.flow, []).append(job)


@dataclass(slots=True)
class World:
    """Hold all accounts and what was done to them; time always comes from the caller."""

    accounts: dict[str, Account]
    effects: list[Document] = field(default_factory=list)
    minted: int = 0

    def mint(self, now: float) -> str:
        """Make the next id: 24 hex digits, the first eight the time, the same in every equal history."""
        self.minted += 1
        return f"{int(now) & 0xFFFFFFFF:08x}{sha256(str(self.minted).encode()).hexdigest()[:16]}"

    def note(self, kind: str, *, n: int, account: Account, now: float, **facts: object) -> None:
        """Record one effect of request `n`, or of nobody's request when `n` is 0."""
        self.effects.append({"n": n, "time": iso(now), "kind": kind, "account": account.name, **facts})

    def dump(self) -> Document:
        """Return the whole state as JSON values."""
        accounts = [
            {
                "name": account.name,
                "token": account.token,
                "user": account.user,
                "documents": {kind: list(held.values()) for kind, held in account.documents.items()},
                "jobs": [asdict(job) for job in account.jobs.values()],
            }
            for account in self.accounts.values()
        ]
        return {"minted": self.minted, "accounts": accounts, "effects": self.effects}

    @classmethod
    def load(cls, state: Document) -> "World":
        """Rebuild a world from what `dump` returned."""
        accounts = {saved["name"]: _account(saved) for saved in state["accounts"]}
        return cls(accounts=accounts, effects=list(state["effects"]), minted=state["minted"])


def _account(saved: Document) -> Account:
    account = Account(name=saved["name"], token=saved["token"], user=saved["user"])
    for kind in KINDS:
        for document in saved["documents"][kind]:
            account.keep(kind, document)
    for job in saved["jobs"]:
        account.start(Job(**job))
    return account
