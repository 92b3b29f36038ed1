"""Metrics as Prometheus reads them: on a page that is scraped, or in a file for the node exporter."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricReader
from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile

from deployer.errors import UsageError
from deployer.telemetry.asked import Scrape

_EVERY: Final = 15.0  # seconds between two writes of the file


class Shown:
    """What Prometheus reads, of the metrics that its `reader` is given."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.reader: MetricReader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)

    @contextmanager
    def at(self, where: Scrape) -> Iterator[None]:
        """Show it at an address, or in a file, until the block ends; the file stays. Raise UsageError."""
        with _filed(where.file, self._registry) if where.file else _served(where, self._registry):
            yield


@contextmanager
def _served(where: Scrape, registry: CollectorRegistry) -> Iterator[None]:
    try:
        server, thread = start_http_server(where.port, where.host, registry)
    except OSError as error:
        said = f"metrics cannot be shown: {error.strerror or error}"
        raise UsageError(said, where=f"{where.host}:{where.port}", remedy="give another port") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _filed(name: str, registry: CollectorRegistry) -> Iterator[None]:
    _write(name, registry)
    ended = Event()

    def keep_writing() -> None:
        while not ended.wait(_EVERY):
            _write(name, registry)

    thread = Thread(target=keep_writing, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _write(name, registry)


def _write(name: str, registry: CollectorRegistry) -> None:
    try:
        write_to_textfile(name, registry)
    except OSError as error:
        raise UsageError(f"metrics cannot be written: {error.strerror}", where=name) from None
