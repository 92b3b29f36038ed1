"""Spans: a trace for each rollout, whoever carries it out, with a span for each tenant and each request."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue
from structlog.typing import EventDict

from deployer.domain.deployment import Deployment
from deployer.domain.documents import Json
from deployer.telemetry.events import Event
from deployer.telemetry.observing import Budget, Call, Observer, Work
from deployer.version import __version__

SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"  # whose names these are
_STEPS: Final = frozenset({"step.moved", "step.waiting"})
_WAVES: Final = frozenset({"wave.started", "wave.baking", "wave.waiting", "wave.released", "wave.halted"})
_BROKEN: Final = frozenset({"failed", "unknown"})
_WHOSE: Final = frozenset({"rollout", "tenant", "account"})
_OWN: Final = {("step", "step"): "kind", ("wave", "wave"): "number", ("account", "account"): "name"}
_NANO: Final = 1_000_000_000
_MOST: Final = 300  # letters of what went wrong

_current: ContextVar[Span] = ContextVar("span", default=INVALID_SPAN)
_trace: ContextVar[int] = ContextVar("trace", default=0)


class Ids(RandomIdGenerator):
    """Ids by chance, but for rollouts: those who carry out one rollout, now or later, have one trace together."""

    def generate_trace_id(self) -> int:
        return _trace.get() or super().generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return not _trace.get()


@dataclass(slots=True)
class _Carried:
    """A rollout's span, and those of its tenants that have not come to rest."""

    span: Span
    tenants: dict[str, Span] = field(default_factory=dict)


_carried: ContextVar[_Carried | None] = ContextVar("carried", default=None)


class Tracing(Observer):
    """Makes spans of what it sees."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("deployer", __version__, schema_url=SCHEMA)

    @contextmanager
    def visiting(self, name: str, budgets: Mapping[str, Budget]) -> Iterator[None]:  # noqa: ARG002 - for metrics
        """Have a span for what is asked before and after a rollout."""
        before = _current.get()
        span = self._tracer.start_span("deployer", _within(before), attributes={"deployer.rollout.name": name})
        _current.set(span)
        try:
            yield
        finally:
            _current.set(before)
            span.end()

    @contextmanager
    def carrying(self, work: Work) -> Iterator[None]:
        """Have the span of a rollout, and end those of its tenants with it."""
        before = _current.get()
        _trace.set(trace_of(work.rollout))
        span = self._tracer.start_span(
            "rollout",
            Context(),
            links=[Link(before.get_span_context())] if before.get_span_context().is_valid else [],
            attributes={
                "deployer.rollout.id": work.rollout,
                "deployer.rollout.name": work.name,
                "deployer.rollout.kind": work.kind,
                "deployer.plan.digest": work.plan,
                "deployer.rollout.tenants": sum(work.counts.values()),
            },
        )
        _trace.set(0)
        carried = _Carried(span)
        _carried.set(carried)
        _current.set(span)
        try:
            yield
        except Exception as error:
            _fail(span, type(error).__name__)
            raise
        finally:
            _current.set(before)
            _carried.set(None)
            for tenant in carried.tenants.values():
                tenant.end()
            span.end()

    def taken(self, deployment: Deployment) -> None:
        """Have the span of a tenant, from when it is taken up first."""
        carried = _carried.get()
        if carried is None:
            return
        planned = deployment.planned
        span = carried.tenants.get(planned.tenant)
        if span is None:
            span = carried.tenants[planned.tenant] = self._tracer.start_span(
                "tenant",
                _within(carried.span),
                attributes={
                    "deployer.rollout.id": deployment.rollout,
                    "deployer.tenant.name": planned.tenant,
                    "deployer.account.name": planned.account,
                    "deployer.tenant.action": planned.action.value,
                },
            )
        _current.set(span)

    def told(self, event: Event) -> None:
        """Write down what happens to tenants and waves; a tenant's span ends with its rest, or a rollout's outcome."""
        carried = _carried.get()
        if carried is None:
            return
        fields = event.fields
        if event.name in _STEPS and (span := carried.tenants.get(str(fields["tenant"]))):
            span.add_event(event.name, _said(event))
        elif event.name == "tenant.rested" and (span := carried.tenants.pop(str(fields["tenant"]), None)):
            _rest(span, fields)
        elif event.name in _WAVES:
            carried.span.add_event(event.name, _said(event))
        elif event.name == "account.halted":
            carried.span.add_event(event.name, _said(event))
            _fail(carried.span, "halted", str(fields["cause"]))
        elif event.name == "rollout.ended":
            outcome = str(fields["outcome"])
            carried.span.set_attribute("deployer.rollout.outcome", outcome)
            if outcome in {"failed", "halted"}:
                _fail(carried.span, outcome)

    def called(self, call: Call) -> None:
        """Have a span of a request that just ended."""
        now = time.time_ns()
        span = self._tracer.start_span(
            f"{call.method} {call.template}",
            _within(_current.get()),
            SpanKind.CLIENT,
            attributes=_of_call(call),
            start_time=now - int(call.seconds * _NANO),
        )
        if call.error is not None:
            if call.status is None:
                _fail(span, call.error, call.reason)
            else:
                _fail(span, call.error)  # the status says why
        span.end(now)


def trace_of(rollout: str) -> int:
    """Return the id of a rollout's trace."""
    return int.from_bytes(sha256(rollout.encode()).digest()[:16])


def named(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add to a log's line which span it belongs to, as a log's processor does."""
    context = _current.get().get_span_context()
    if context.is_valid:
        event["trace_id"], event["span_id"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return event


def _within(span: Span) -> Context:
    return trace.set_span_in_context(span, Context())


def _of_call(call: Call) -> dict[str, AttributeValue]:
    port = "" if call.port == 443 else f":{call.port}"  # noqa: PLR2004 - https's own
    known: dict[str, AttributeValue] = {
        "http.request.method": call.method,
        "server.address": call.host,
        "server.port": call.port,
        "url.full": f"{call.scheme}://{call.host}{port}{call.path}",
        "url.template": call.template,
        "deployer.call.outcome": call.outcome,
    }
    if call.status is not None:
        known["http.response.status_code"] = call.status
    if call.resent:
        known["http.request.resend_count"] = call.resent
    return known


def _rest(span: Span, fields: Mapping[str, Json]) -> None:
    status, error = str(fields["status"]), fields["error"]
    span.set_attribute("deployer.tenant.status", status)
    if status in _BROKEN:
        known: dict[str, Any] = error if isinstance(error, dict) else {}
        _fail(span, str(known.get("code") or status), str(known.get("message") or ""))
    span.end()


def _fail(span: Span, kind: str, why: str = "") -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, why[:_MOST] or None))


def _said(event: Event) -> dict[str, AttributeValue]:
    """Return an event's fields by the names of what they are about; whose they are, the span says."""
    noun = event.name.partition(".")[0]
    said = {_OWN.get((noun, key), key): value for key, value in event.fields.items() if key not in _WHOSE - {noun}}
    return {f"deployer.{noun}.{key}": value for key, value in said.items() if isinstance(value, str | int | float)}
