"""What the steps of one account are performed with, and the one place where their records are written."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deployer.domain.deployment import Deployment, Instance, Step
from deployer.domain.documents import Document, Json
from deployer.domain.lifecycle import Event, State
from deployer.domain.manifest import Manifest
from deployer.domain.plan import Plan, PlannedAccount
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceKey, ResourceMemory
from deployer.engine.accounts import OpenAccount
from deployer.engine.clock import Clock
from deployer.engine.listings import Listings
from deployer.errors import JournalError
from deployer.integrator.client import Client
from deployer.integrator.wire import Done, Outcome, Refused
from deployer.journal.protocol import Entry, Journal

JOBS_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Desk:
    """One account's place of work.

    `fresh` holds documents that a birth has just answered with, so that they need not be read again; `took` the seconds
    that the latest jobs to end took; `rescue` is told what must not be lost when the journal cannot be written.
    """

    account: OpenAccount
    planned: PlannedAccount
    plan: Plan
    settings: Manifest
    journal: Journal
    clock: Clock
    rescue: Callable[[str, str], None]
    fresh: dict[str, Document] = field(default_factory=dict)
    took: deque[float] = field(default_factory=lambda: deque(maxlen=JOBS_REMEMBERED))
    listings: Listings = field(default_factory=Listings)

    @property
    def client(self) -> Client:
        """Return the account's client."""
        return self.account.client

    async def flow(self, flow: str) -> Outcome[Document]:
        """Return a flow, which a birth may just have answered with; it is read again before it is written."""
        fresh = self.fresh.get(flow)
        return Done(fresh, 200) if fresh is not None else await self.client.flow(flow)


class Case:
    """A deployment being worked on: it moves only by an entry in the journal."""

    def __init__(self, desk: Desk, deployment: Deployment, index: int) -> None:
        self.deployment = deployment
        self._desk = desk
        self._index = index

    @property
    def step(self) -> Step:
        """Return the step at hand."""
        return self.deployment.steps[self._index]

    @property
    def resource(self) -> PlannedResource:
        """Return the resource that the step at hand writes."""
        return self.deployment.resource(self._index)

    async def intend(self, facts: Document) -> float:
        """Commit a fresh intent; return the seconds within which the first byte of the call has to leave."""
        moment = self._desk.clock.moment()
        event = Event.INTEND if self.step.state is State.READY else Event.RESTAMP
        entry = self._entry(event, self.step.meet(event, facts, intent=moment), facts, None)
        await self._desk.journal.record(entry)
        self._take(entry)
        return self._desk.settings.safety.intent - (self._desk.clock.moment().at - moment.at)

    def tell(
        self, event: Event, facts: Document | None = None, instance: Instance | None = None, *, forgets: bool = False
    ) -> None:
        """Record an outcome; the next intent is durable no earlier than it. With `forgets` the flow is ours no more."""
        entry = self._entry(event, self.step.meet(event, facts), facts or {}, instance)
        entry = replace(entry, forgets=forgets)
        self._desk.journal.note(entry)
        self._take(entry)

    async def tell_birth(self, flow: str, event: Event, surplus: tuple[str, ...] = ()) -> None:
        """Record a flow's id and wait for it: it is the one outcome that must not be lost."""
        facts: Document = {"flow": flow, "surplus": list(surplus)} if surplus else {"flow": flow}
        if event is Event.FOUND and not self.step.attempts:
            facts["found"] = True  # by somebody else, so what stands in it may be somebody's
        planned = self.deployment.planned
        known = self.deployment.known
        where = (planned.tenant, planned.account, planned.template, planned.integration)
        born = Instance(
            *where,
            flow,
            self._desk.planned.revision,
            connections=planned.connections,
            resources=_staying(known) if known else {},
        )
        entry = self._entry(event, self.step.meet(event, facts), facts, known if known and known.flow == flow else born)
        try:
            await self._desk.journal.record(entry)
        except JournalError:
            self._desk.rescue(planned.tenant, flow)
            raise
        self._take(entry)

    def _entry(self, event: Event, step: Step, facts: Document, instance: Instance | None) -> Entry:
        return Entry(self.deployment, self._index, event, step, self._desk.clock.utc(), facts, instance)

    def _take(self, entry: Entry) -> None:
        self.deployment = entry.deployment.moved(entry.index, entry.step, entry.instance)


def _staying(known: Instance) -> dict[ResourceKey, ResourceMemory]:
    """Return what is remembered of what stays when a flow is made again: its copies went with it."""
    return {key: memory for key, memory in known.resources.items() if key == INTEGRATION}


def failure(code: str, message: str, remedy: str, *, status: int | None = None, field: str | None = None) -> Document:
    """Return the facts of a failure as the journal and `--json` show it."""
    error: dict[str, Json] = {"code": code, "status": status, "field": field, "message": message, "remedy": remedy}
    return {"error": error}


def refusal(refused: Refused) -> Document:
    """Return the facts of a refusal: every error of the answer."""
    first, *others = refused.errors
    message = "; ".join([first.message, *(f"{other.field or other.code}: {other.message}" for other in others)])
    remedy = "mend the cause and run resume with --failed"
    return failure(first.code, message, remedy, status=refused.status, field=first.field)
