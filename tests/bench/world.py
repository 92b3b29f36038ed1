"""What the fast server pretends to hold: accounts by token, each with tenants, and flows as the bytes they are sent as.

It means by clone, PUT and GET what the simulator means; everything that is not measured is left out.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

Document = dict[str, Any]

TEMPLATE: Final = "5980e7fedd9939649f8a5d9a"
EXPORT, IMPORT = "5e0000000000000000000001", "5e0000000000000000000002"
MAPPED, KEPT = "5c0000000000000000000001", "5c0000000000000000000002"
PAGE: Final = 1000
_READ_ONLY: Final = ("_id", "createdAt", "lastModified", "lastExecutedAt", "_sourceId")
_NOT_COPIED: Final = frozenset({*_READ_ONLY, "schedule", "name", "_integrationId", "disabled"})
_BORN: Final = {"createdAt": "2026-01-05T09:00:00.000Z", "lastModified": "2026-01-05T09:00:00.000Z"}
_KINDS: Final = {"users": 0xA0, "integrations": 0xA1, "connections": 0xA2, "flows": 0xA3, "jobs": 0xA4}


def token_of(account: int) -> str:
    """Return the token that opens an account."""
    return f"bench-{account:06d}"


def identify(kind: str, account: int, number: int) -> str:
    """Return 24 hex digits that tell kind, account and number."""
    return f"{_KINDS[kind]:02x}{account:06x}{number:016x}"


def encoded(document: object) -> bytes:
    """Return a document as it is sent."""
    return json.dumps(document, separators=(",", ":")).encode()


def template(size: int) -> Document:
    """Return the flow that is cloned, of about `size` bytes."""
    fields: list[Document] = []
    lookup = {"type": "import", "_importId": IMPORT, "responseMapping": {"fields": fields, "lists": []}}
    flow = {
        "_id": TEMPLATE,
        "name": "Order sync",
        "_integrationId": identify("integrations", 0, 0),
        "disabled": True,
        "schedule": "? 0 2 ? * *",
        "timezone": "America/Los_Angeles",
        "skipRetries": False,
        "pageGenerators": [{"_exportId": EXPORT}],
        "pageProcessors": [lookup],
        **_BORN,
    }
    step = len(encoded({"extract": "data.field0000", "generate": "field0000"})) + 1
    missing = max(0, size - len(encoded(flow)))
    fields += ({"extract": f"data.field{n:04}", "generate": f"field{n:04}"} for n in range(missing // step))
    return flow


def written(seconds: float) -> str:
    """Return a time of the epoch as the API writes it, ISO-8601 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Stamps:
    """Times of modification: the wall's, and no two of them equal."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """Return the next moment."""
        self._last = max(time.time_ns() // 1_000_000, self._last + 1)
        return written(self._last / 1000)


@dataclass(slots=True)
class Job:
    """A run of a flow: when it ends, how often it was looked at since it began, and when its end was first seen."""

    id: str
    flow: str
    began: float
    seconds: float
    polls: int = 0
    noticed: float | None = None

    def seen(self, now: float) -> Document:
        """Return the job as a reader sees it now."""
        self.polls += self.noticed is None
        over = now >= self.began + self.seconds
        if over and self.noticed is None:
            self.noticed = now
        began = time.time() - (now - self.began)
        ended = {"status": "completed", "endedAt": written(began + self.seconds)} if over else {"status": "running"}
        told = {"_id": self.id, "type": "flow", "_flowId": self.flow, "numError": 0, "createdAt": written(began)}
        return {**told, **ended}


@dataclass(slots=True)
class Account:
    """One account: `tenants` integrations, the template, what was cloned from it, and what of that no PUT changes."""

    number: int
    tenants: int
    source: Document
    stamps: Stamps
    flows: dict[str, bytes] = field(init=False)
    kept: dict[str, Document] = field(default_factory=dict)
    placed: dict[str, list[str]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    latest: dict[str, Job] = field(default_factory=dict)
    _rest: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.flows = {TEMPLATE: encoded(self.source)}
        self._rest = encoded({key: value for key, value in self.source.items() if key not in _NOT_COPIED})[1:]

    def integrations(self) -> Iterator[str]:
        """Yield the tenants' integrations."""
        return (identify("integrations", self.number, tenant) for tenant in range(self.tenants))

    def connections(self) -> Iterator[str]:
        """Yield the two of the template, and one of each tenant."""
        yield from (MAPPED, KEPT)
        yield from (identify("connections", self.number, tenant) for tenant in range(self.tenants))

    def clone(self, body: Document) -> bytes:
        """Copy the template and answer with everything made, by id alone."""
        flow, stamp = identify("flows", self.number, len(self.flows)), self.stamps.next()
        head = {
            "_id": flow,
            "name": body["name"],
            "_integrationId": body["_integrationId"],
            "_sourceId": TEMPLATE,
            "disabled": True,
            "createdAt": stamp,
            "lastModified": stamp,
        }
        self.kept[flow] = {key: head[key] for key in ("_id", "createdAt", "_sourceId")}
        self.flows[flow] = encoded(head)[:-1] + b"," + self._rest
        self.placed.setdefault(str(body["_integrationId"]), []).append(flow)
        return encoded([{"model": "Flow", "_id": flow}])

    def replace(self, flow: str, body: Document) -> bytes:
        """Put the body in a flow's place: what it omits is erased, what is read-only stays."""
        self.flows[flow] = encoded({**body, **self.kept[flow], "lastModified": self.stamps.next()})
        return self.flows[flow]

    def run(self, flow: str, now: float) -> bytes:
        """Start a flow; runs take 4 to 10 seconds, spread evenly, the same in every world."""
        number = len(self.jobs)
        job = Job(identify("jobs", self.number, number), flow, now, 4.0 + 6.0 * (number * 0.618034 % 1.0))
        self.jobs[job.id] = self.latest[flow] = job
        return encoded({"_jobId": job.id})

    def summaries(self, flows: Iterable[str], fields: Sequence[str]) -> bytes:
        """Return flows as a list: whole, or only those fields."""
        if not fields:
            return b"[" + b",".join(self.flows[flow] for flow in flows) + b"]"
        whole = (json.loads(self.flows[flow]) for flow in flows)
        wanted = {"_id", *fields}
        return encoded([{key: value for key, value in flow.items() if key in wanted} for flow in whole])


def judged(accounts: Iterable[Account]) -> dict[str, int]:
    """Count what a rollout left: copies too many, tenants without one, and copies that nobody configured."""
    surplus = missing = unconfigured = 0
    for account in accounts:
        for integration in account.integrations():
            copies = account.placed.get(integration, [])
            surplus += max(0, len(copies) - 1)
            missing += not copies
            unconfigured += sum(b'"disabled":true' in account.flows[flow] for flow in copies)
    return {"duplicates": surplus, "missing": missing, "unconfigured": unconfigured}
