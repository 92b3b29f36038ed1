"""integrator.io, one method per call. Every call ends in an Outcome, never in an exception by accident."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, TypeAlias, TypeVar

import aiohttp
import anyio
from yarl import URL

from deployer.domain.documents import Document
from deployer.domain.pacing import http_date, pause_seconds
from deployer.domain.resources import ResourceKind
from deployer.domain.samples import Call
from deployer.errors import UsageError
from deployer.integrator import wire
from deployer.integrator.address import checked_base, is_below, parsed, path_id
from deployer.integrator.limiter import Limiter
from deployer.integrator.token import Token
from deployer.integrator.transport import Concealed, Exchange, Request, encoded, send
from deployer.integrator.wire import Answer, Created, Done, NotSent, Outcome, Reader, Throttled, Unknown

T = TypeVar("T")
Stamp: TypeAlias = Callable[[], Awaitable[float]]
"""Commits a fresh intent and returns the seconds within which the first byte has to leave."""

_SUMMARY: Final = "name,description,_integrationId,_sourceId,lastModified,createdAt,disabled"
_BUILT: Final = f"{_SUMMARY},schedule,lastExecutedAt,_exportId,_importId,pageGenerators,pageProcessors,routers"
_LONGEST_BACKOFF: Final = 20.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long calls wait, in seconds, and how often one that may be sent again is."""

    clone: float = 360.0
    other: float = 30.0
    connect: float = 10.0
    tries: int = 5
    backoff: float = 0.25
    chance: Random = field(default_factory=Random)

    def before_retry(self, failures: int) -> float:
        """Return how long to wait after so many failures: doubling, and never the same for two calls."""
        return min(_LONGEST_BACKOFF, self.backoff * 2.0 ** (failures - 1)) * self.chance.uniform(0.5, 1.5)


class Client:
    """The calls of one account. `session` comes from `open_session`, whose requests tell when they leave.

    `guard` is called right before each request, and raises where nothing may be sent any more.

    `dated` is the date of the last answer that had one, as it was written, with our own time then in epoch seconds.

    GETs are repeated when their outcome is unknown; POST and PUT only when they certainly did not arrive, and after a
    fresh stamp.
    """

    def __init__(
        self,
        base_url: str,
        token: Token,
        *,
        session: aiohttp.ClientSession,
        limiter: Limiter,
        timeouts: Timeouts | None = None,
        trace: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._base = checked_base(base_url)
        self._token = token
        self._session = session
        self._limiter = limiter
        self._timeouts = timeouts or Timeouts()
        self._trace = trace
        self.guard: Callable[[], None] = lambda: None
        self.dated: tuple[str, float] | None = None

    async def who(self) -> Outcome[str]:
        """Return the id of the user the token belongs to."""
        return await self._get("tokenInfo", wire.field_of("_userId"))

    async def flow(self, flow: str) -> Outcome[Document]:
        return await self._get(f"flows/{path_id(flow)}", wire.document_of(flow))

    async def resource(self, kind: ResourceKind, id_: str) -> Outcome[Document]:
        """Return an integration, an export or an import."""
        return await self._get(f"{kind}s/{path_id(id_)}", wire.document_of(id_))

    async def job(self, job: str) -> Outcome[Document]:
        """Return a job that is being followed: any other request goes first."""
        return await self._get(f"jobs/{path_id(job)}", wire.document_of(job), poll=True)

    async def flows(self) -> Outcome[tuple[Document, ...]]:
        """Return summaries of the account's flows, all pages."""
        return await self._pages(f"flows?include={_SUMMARY}")

    async def built_flows(self) -> Outcome[tuple[Document, ...]]:
        """Return the account's flows, all pages, with the exports and imports that they use."""
        return await self._pages(f"flows?include={_BUILT}")

    async def parts(self, kind: ResourceKind) -> Outcome[tuple[Document, ...]]:
        """Return summaries of the exports, or imports, of the account, all pages."""
        return await self._pages(f"{kind}s?include=name,_sourceId,lastModified,createdAt")

    async def integration_flows(self, integration: str) -> Outcome[tuple[Document, ...]]:
        """Return one tenant's flows, read to the list's end, and once more where that takes several pages.

        Who deletes a flow between two pages moves up what comes behind it: a flow may be on neither, and yet be there.
        """
        return await self._pages(f"integrations/{path_id(integration)}/flows", times=2)

    async def integrations(self) -> Outcome[tuple[Document, ...]]:
        return await self._pages("integrations")

    async def connections(self) -> Outcome[tuple[Document, ...]]:
        return await self._pages("connections")

    async def latest_jobs(self, flow: str, *, poll: bool = False) -> Outcome[tuple[Document, ...]]:
        """Return the jobs of a flow's latest run: one per page generator. Other requests go before a poll."""
        return await self._get(f"flows/{path_id(flow)}/jobs/latest", wire.documents, poll=poll)

    async def audit(self, kind: str, id_: str) -> Outcome[tuple[Document, ...]]:
        """Return what the audit log tells of a flow, integration, export or import: whatever it is, if it is a list."""
        return await self._get(f"{kind}s/{path_id(id_)}/audit", wire.entries)

    async def clone(self, template: str, body: Document, *, stamp: Stamp) -> Outcome[Created]:
        """Copy a flow, which may take minutes and is not idempotent."""
        request = self._request("POST", f"flows/{path_id(template)}/clone", body, Call.CLONE)
        return await self._call(request, wire.copy_of(template), stamp=stamp, patience=self._timeouts.clone)

    async def copy(self, kind: ResourceKind, source: str, body: Document, *, stamp: Stamp) -> Outcome[Created]:
        """Copy an export or import, which is not idempotent either."""
        request, read = (
            self._request("POST", f"{kind}s/{path_id(source)}/clone", body, Call.CLONE),
            wire.copy_of(source, kind.title()),
        )
        return await self._call(request, read, stamp=stamp, patience=self._timeouts.clone)

    async def create(self, body: Document, *, stamp: Stamp) -> Outcome[Created]:
        return await self._call(self._request("POST", "flows", body, Call.CREATE), wire.created, stamp=stamp)

    async def replace(
        self, flow: str, body: Document, *, stamp: Stamp, concealed: Concealed | None = None
    ) -> Outcome[Document]:
        """Replace a whole flow: what `body` omits is erased. Where it holds seals, what is `concealed` is sent."""
        return await self._put(f"flows/{path_id(flow)}", flow, body, stamp, concealed)

    async def replace_resource(
        self, kind: ResourceKind, id_: str, body: Document, *, stamp: Stamp, concealed: Concealed | None = None
    ) -> Outcome[Document]:
        """Replace a whole integration, export or import, as a flow is."""
        return await self._put(f"{kind}s/{path_id(id_)}", id_, body, stamp, concealed)

    async def _put(
        self, path: str, id_: str, body: Document, stamp: Stamp, concealed: Concealed | None
    ) -> Outcome[Document]:
        request = replace(self._request("PUT", path, body, Call.WRITE), concealed=concealed)
        return await self._call(request, wire.document_of(id_), stamp=stamp)

    async def delete_flow(self, flow: str, *, stamp: Stamp | None = None) -> Outcome[None]:
        """Delete a flow. An answer that is lost is for the caller to find out about: nothing is sent again."""
        return await self._delete(f"flows/{path_id(flow)}", stamp)

    async def delete_part(self, kind: ResourceKind, id_: str) -> Outcome[None]:
        """Delete an export or import; a lost answer as with a flow."""
        return await self._delete(f"{kind}s/{path_id(id_)}")

    async def _delete(self, path: str, stamp: Stamp | None = None) -> Outcome[None]:
        async def unstamped() -> float:
            return self._timeouts.other  # of no intent: what is to go may go late

        return await self._call(self._request("DELETE", path, call=Call.DELETE), wire.nothing, stamp=stamp or unstamped)

    async def run(self, flow: str, body: Document, *, stamp: Stamp) -> Outcome[str]:
        """Start a flow and return the job's id; asked twice, it runs twice."""
        request = self._request("POST", f"flows/{path_id(flow)}/run", body, Call.RUN)
        return await self._call(request, wire.field_of("_jobId"), stamp=stamp)

    def _request(self, method: str, path: str, body: "Document | None" = None, call: Call = Call.READ) -> Request:
        content = None if body is None else encoded(body)
        return Request(method, URL(f"{self._base}{path}", encoded=True), content, call)

    async def _get(self, path: str, read: Reader[T], *, poll: bool = False) -> Outcome[T]:
        return await self._call(self._request("GET", path, call=Call.POLL if poll else Call.READ), read, poll=poll)

    async def _pages(self, path: str, *, times: int = 1) -> Outcome[tuple[Document, ...]]:
        """Read a list to its end, so often if it has several pages; one with nothing new that points on is a loop."""
        found: dict[str, Document] = {}
        for _ in range(times):
            listed: dict[str, Document] = {}
            request: Request | None = self._request("GET", path, call=Call.LIST)
            pages = 0
            while request is not None:
                outcome = await self._page(request)
                if not isinstance(outcome, Done):
                    return outcome
                rows, request = outcome.value
                new = {str(row["_id"]): row for row in rows if row["_id"] not in listed}
                if request is not None and not new:
                    return Unknown("the pages of the list go round in a loop")
                listed, pages = listed | new, pages + 1
            found |= listed
            if pages == 1:
                break
        return Done(tuple(found.values()), 200)

    async def _page(self, request: Request) -> Outcome[tuple[tuple[Document, ...], Request | None]]:
        return await self._call(request, lambda answer: (wire.documents(answer), self._next(request, answer)))

    def _next(self, request: Request, answer: Answer) -> Request | None:
        """Return the request for the next page; raise UnreadableError if that is not part of this API."""
        link = wire.next_link(answer.link)
        if link is None:
            return None
        url = parsed(link)
        following = None if url is None else request.url.join(url)
        if following is None or not is_below(following, self._base):
            raise wire.UnreadableError("the link to the next page leads elsewhere")
        return Request("GET", following, call=Call.LIST)

    async def _call(
        self,
        request: Request,
        read: Reader[T],
        *,
        stamp: Stamp | None = None,
        patience: float | None = None,
        poll: bool = False,
    ) -> Outcome[T]:
        """Try until there is an outcome that a further try could not better, or `tries` were made."""
        seconds = patience or self._timeouts.other
        async with self._limiter.slot():
            outcome = await self._attempt(request, read, stamp, seconds, poll=poll)
            for failures in range(1, self._timeouts.tries):
                again = isinstance(outcome, NotSent) or (isinstance(outcome, Unknown) and stamp is None)
                if not again:
                    break
                await anyio.sleep(self._timeouts.before_retry(failures))
                outcome = await self._attempt(request, read, stamp, seconds, poll=poll)
            return outcome

    async def _attempt(
        self, request: Request, read: Reader[T], stamp: Stamp | None, patience: float, *, poll: bool
    ) -> Outcome[T]:
        """Send once. A 429 is no attempt: the whole account waits as told, and the next send is stamped anew."""
        while True:
            async with self._limiter.turn(poll=poll) as turn:
                window = None if stamp is None else await stamp()
                outcome = await self._exchange(request, read, window, patience)
            if not isinstance(outcome, Throttled):
                return outcome
            said = http_date(outcome.date) if outcome.date else None  # its clock and ours may differ
            self._limiter.pause(turn, pause_seconds(outcome.retry_after, now=time.time() if said is None else said))

    async def _exchange(
        self, request: Request, read: Reader[T], window: float | None, patience: float
    ) -> Outcome[T] | Throttled:
        if window is not None and window <= 0:
            return NotSent("the intent had expired", late=True)
        self.guard()
        left, start = self._limiter.leaves(), time.perf_counter()
        connect = self._timeouts.connect if window is None else min(window, self._timeouts.connect)
        answer = await send(
            self._session,
            request,
            headers=self._headers(request),
            limits=aiohttp.ClientTimeout(total=patience, connect=connect),
            window=window,
        )
        if isinstance(answer, Answer) and answer.date:
            self.dated = (answer.date, time.time())
        outcome = self._judge(request, answer, read)
        if isinstance(answer, Answer) and not isinstance(outcome, Throttled):
            self._limiter.meter.answered(request.call, left)
        if self._trace is not None:
            seconds = time.perf_counter() - start
            status = answer.status if isinstance(answer, Answer) else None
            reason = outcome.reason if isinstance(outcome, Unknown | NotSent) else None
            ended = (seconds, status, reason, next(request.sends), type(outcome))
            self._trace(Exchange(request.method, request.url, request.body, *ended))
        return outcome

    def _judge(self, request: Request, answer: Answer | NotSent | Unknown, read: Reader[T]) -> Outcome[T] | Throttled:
        if not isinstance(answer, Answer):
            return answer
        if answer.status >= 400:  # noqa: PLR2004 - an error's text is shown, and a proxy's may repeat the request
            body = request.concealed.hidden_in(answer.body) if request.concealed else answer.body
            answer = replace(answer, body=self._token.hidden_in(body))
        return wire.classify(answer, read)

    def _headers(self, request: Request) -> dict[str, str]:
        """Add the token, here and nowhere else, and never for another host."""
        if not is_below(request.url, self._base):
            raise UsageError("a token is not sent to another host", where=str(request.url))
        headers = {"Authorization": f"Bearer {self._token.reveal()}", "Accept": "application/json"}
        return headers if request.body is None else {**headers, "Content-Type": "application/json"}
