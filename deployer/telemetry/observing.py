"""Who measures: what happens, told as it happens to whoever was asked to look on; where nobody was, nothing is."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from structlog.typing import Processor

from deployer.domain.deployment import Deployment, Status
from deployer.telemetry.events import Event

_IDS: Final = re.compile(r"(?<=[a-z]s/)[0-9A-Za-z]{8,64}(?=/|$)")
_LATE: Final = "no answer in time"
_LEAST_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what became of it: no headers, and so no token, and no query, which may hold anything.

    `outcome` is done, refused, unknown, not_sent or throttled; `resent` counts the times it was sent before.
    """

    method: str
    scheme: str
    host: str
    port: int
    path: str
    seconds: float
    outcome: str
    status: int | None = None
    reason: str = ""
    resent: int = 0

    @property
    def template(self) -> str:
        """Return the path with its ids left out: there are some twenty of them."""
        return _IDS.sub("{id}", self.path)

    @property
    def error(self) -> str | None:
        """Return the class of what went wrong, one of a few words or a status; None where nothing did."""
        if self.status is not None and self.status >= _LEAST_ERROR:
            return str(self.status)
        if self.outcome == "done":
            return None
        return "timeout" if self.reason == _LATE else self.outcome


class Budget(Protocol):
    """What an account may send, and what of it is used; read from any thread."""

    @property
    def rate(self) -> float:
        """Return the requests a second that are aimed at."""

    @property
    def on_the_wire(self) -> int:
        """Return how many requests are sent and not answered."""

    @property
    def throttled(self) -> int:
        """Return how many requests were refused for coming too fast."""

    @property
    def paused(self) -> float:
        """Return for how many seconds nothing could start for that."""


@dataclass(frozen=True, slots=True)
class Work:
    """A rollout, or what a worker does of it, as it begins; `counts` are its tenants by status then."""

    rollout: str
    name: str
    kind: str
    plan: str
    counts: Mapping[Status, int]


class Observer:
    """Who looks on. It sees what it wants to see, quickly: whatever happens waits for that."""

    @contextmanager
    def visiting(self, name: str, budgets: Mapping[str, Budget]) -> Iterator[None]:  # noqa: ARG002 - for those who look
        """See a workplace of a rollout's name while it is open, with the budget of each account."""
        yield

    @contextmanager
    def carrying(self, work: Work) -> Iterator[None]:  # noqa: ARG002 - as above
        """See a rollout being worked on."""
        yield

    def taken(self, deployment: Deployment) -> None:
        """See whoever calls take a tenant up: what it sends from now on is for that one."""

    def told(self, event: Event) -> None:
        """See what the log is told too."""

    def called(self, call: Call) -> None:
        """See a request that ended."""

    def committed(self, database: str, seconds: float) -> None:
        """See the journal commit in a kind of database, from a thread of its own."""


class Observers(tuple[Observer, ...]):
    """All who look on; there may be none."""

    __slots__ = ()

    @contextmanager
    def visiting(self, name: str, budgets: Mapping[str, Budget]) -> Iterator[None]:
        """Let each see a workplace while it is open."""
        with ExitStack() as stack:
            for one in self:
                stack.enter_context(one.visiting(name, budgets))
            yield

    @contextmanager
    def carrying(self, work: Work) -> Iterator[None]:
        """Let each see a rollout being worked on."""
        with ExitStack() as stack:
            for one in self:
                stack.enter_context(one.carrying(work))
            yield

    def taken(self, deployment: Deployment) -> None:
        """Let each see a tenant taken up."""
        for one in self:
            one.taken(deployment)

    def told(self, event: Event) -> None:
        """Let each see an event."""
        for one in self:
            one.told(event)

    def called(self, call: Call) -> None:
        """Let each see a request that ended."""
        for one in self:
            one.called(call)

    def committed(self, database: str, seconds: float) -> None:
        """Let each see a commit."""
        for one in self:
            one.committed(database, seconds)


NOBODY: Final = Observers()
"""Nobody looks on."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Who looks on, and what the log's lines get besides."""

    observers: Observers = NOBODY
    processors: tuple[Processor, ...] = ()
