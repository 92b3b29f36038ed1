"""The SDK behind spans and metrics: who measures, as whom, and how it ends. Nothing process-wide is set."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final, TypeAlias

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from deployer.telemetry.metering import Metering
from deployer.telemetry.tracing import Ids, Tracing
from deployer.version import __version__

_PATIENCE: Final = 3.0  # seconds that sending the last of it may take: a collector that is gone keeps nobody
_GIVING_UP: Final = 0.5  # seconds

Ends: TypeAlias = list[tuple[Callable[[], object], Callable[[], object]]]
"""What is left to do at the end, each with what makes it give up."""


@contextmanager
def ending() -> Iterator[Ends]:
    """Send what is left as the block ends, all at a time, and give up what takes too long."""
    ends: Ends = []
    try:
        yield ends
    finally:
        threads = [Thread(target=end, name="telemetry", daemon=True) for end, _ in ends]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + _PATIENCE
        for thread, (_, give_up) in zip(threads, ends, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                give_up()
                thread.join(_GIVING_UP)


def tracing(exporter: SpanExporter, ends: Ends) -> Tracing:
    """Return what makes spans, and sends the last of them at the end."""
    provider = TracerProvider(resource=_resource(), id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    ends.append((provider.shutdown, exporter.shutdown))
    return Tracing(provider)


def metering(exporter: MetricExporter | None, shown: MetricReader | None, ends: Ends) -> Metering:
    """Return what measures, to be sent every OTEL_METRIC_EXPORT_INTERVAL and at the end, or shown, or both."""
    readers = [shown] if shown else []
    readers += [PeriodicExportingMetricReader(exporter)] if exporter else []
    provider = MeterProvider(readers, _resource(), shutdown_on_exit=False)
    ends.append((provider.shutdown, exporter.shutdown if exporter else list))
    return Metering(provider)


def _resource() -> Resource:
    """Return who we are; the standard's variables may say it differently."""
    ours = Resource.create({"service.name": "deployer", "service.version": __version__})
    return ours.merge(OTELResourceDetector().detect())
