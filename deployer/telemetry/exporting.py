"""To a collector, over OTLP and HTTP: where it is, its headers and certificates are the standard's own variables."""

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter


def span_exporter() -> SpanExporter:
    """Return what sends spans."""
    return OTLPSpanExporter()


def metric_exporter() -> MetricExporter:
    """Return what sends metrics."""
    return OTLPMetricExporter()
