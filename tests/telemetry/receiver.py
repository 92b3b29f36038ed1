"""A collector on loopback: what OTLP over HTTP sends to it, decoded."""

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from anyio.from_thread import start_blocking_portal
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

ERROR, CLIENT = 2, 3


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it arrived; ids are hexadecimal, times are in seconds."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[str]
    failed: bool
    said: str
    began: float
    ended: float


@dataclass(slots=True)
class Received:
    """What a collector was sent."""

    url: str = ""
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str, **attributes: object) -> Span:
        wanted = {f"deployer.{key}.name": value for key, value in attributes.items()}
        [span] = [each for each in self.named(name) if wanted.items() <= each.attributes.items()]
        return span

    def children(self, parent: Span) -> list[Span]:
        return [span for span in self.spans if span.parent == parent.id]

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Return the points of a metric, by their attributes."""
        metric = self.metrics[name]
        found = getattr(metric, str(metric.WhichOneof("data"))).data_points
        return [(attributes(each.attributes), each) for each in found]

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.bodies.append(body)
        if self.status == 200:
            (self._traces if request.path == "/v1/traces" else self._metrics)(body)
        return web.Response(status=self.status)

    def _traces(self, body: bytes) -> None:
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = attributes(group.resource.attributes)
            self.spans += [read(span) for scope in group.scope_spans for span in scope.spans]

    def _metrics(self, body: bytes) -> None:
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            self.metrics |= {metric.name: metric for scope in group.scope_metrics for metric in scope.metrics}


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}


def read(span: Wire) -> Span:
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.kind,
        attributes(span.attributes),
        [(event.name, attributes(event.attributes)) for event in span.events],
        [link.trace_id.hex() for link in span.links],
        span.status.code == ERROR,
        span.status.message,
        span.start_time_unix_nano / 1e9,
        span.end_time_unix_nano / 1e9,
    )


@contextmanager
def receiving() -> Iterator[Received]:
    """Serve a collector from a thread."""
    received = Received()
    app = web.Application()
    app.router.add_post("/v1/{signal}", received.take)

    async def start() -> web.AppRunner:
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    with start_blocking_portal() as portal:
        runner = portal.call(start)
        received.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield received
        finally:
            portal.call(runner.cleanup)
