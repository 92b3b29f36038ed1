"""Turn on what was asked for: by the environment, or by who wants metrics of Prometheus. Else nothing is imported."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from structlog.typing import Processor

from deployer.errors import UsageError
from deployer.telemetry.asked import Asked, Scrape, asked_by
from deployer.telemetry.observing import Observer, Observers, Signals

if TYPE_CHECKING:
    from deployer.telemetry.scraping import Shown

_INSTALL: Final = "pipx install 'deployer[{0}]', or pip install 'deployer[{0}]'"
_SDK: Final = "opentelemetry"

Warn = Callable[[str], None]


@contextmanager
def signalling(env: Mapping[str, str], scrape: Scrape | None, *, warn: Warn) -> Iterator[Signals]:
    """Have what was asked for until the block ends; `warn` is told in a sentence of what cannot be had.

    Raise UsageError where `scrape` cannot be had: that was asked for here, and not by an environment of everybody's.
    """
    asked = asked_by(env)
    if asked.not_had:
        warn(f"{asked.by} is set, and nothing is sent: {asked.not_had}")
    if scrape is None and not (asked.traces or asked.metrics):
        yield Signals()
        return
    with ExitStack() as stack:
        stack.enter_context(_told(warn))
        yield _opened(stack, asked, scrape, warn)


def _opened(stack: ExitStack, asked: Asked, scrape: Scrape | None, warn: Warn) -> Signals:
    shown = _shown() if scrape else None
    sent = asked if asked.by and _can_send(asked, warn) else Asked()
    if not (shown or sent.by):
        return Signals()
    from deployer.telemetry.providing import ending, metering, tracing  # noqa: PLC0415

    ends = stack.enter_context(ending())
    observers: list[Observer] = []
    if sent.traces:
        from deployer.telemetry.exporting import span_exporter  # noqa: PLC0415

        observers.append(tracing(span_exporter(), ends))
    if sent.metrics or shown:
        exporter = None
        if sent.metrics:
            from deployer.telemetry.exporting import metric_exporter  # noqa: PLC0415

            exporter = metric_exporter()
        observers.append(metering(exporter, shown.reader if shown else None, ends))
    if shown and scrape:
        stack.enter_context(shown.at(scrape))  # and once more before the readers end
    return Signals(Observers(observers), _processors() if sent.traces else ())


def _shown() -> "Shown":
    try:
        from deployer.telemetry.scraping import Shown  # noqa: PLC0415 - an extra, as all that is imported in functions
    except ImportError:
        raise UsageError("--metrics needs an extra", remedy=_INSTALL.format("prometheus")) from None
    return Shown()


def _can_send(asked: Asked, warn: Warn) -> bool:
    try:
        import deployer.telemetry.exporting  # noqa: F401, PLC0415
    except ImportError:
        warn(f"{asked.by} is set, and nothing is sent without an extra: {_INSTALL.format('telemetry')}")
        return False
    return True


def _processors() -> tuple[Processor, ...]:
    from deployer.telemetry.tracing import named  # noqa: PLC0415

    return (named,)


class _Once(logging.Handler):
    """Says the first thing that the SDK complains of, in one line; it would say each again and again."""

    def __init__(self, warn: Warn) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn
        self._said = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._said:
            self._said = True
            self._warn(f"spans or metrics are lost: {record.getMessage().splitlines()[0]}")


@contextmanager
def _told(warn: Warn) -> Iterator[None]:
    """Hear what the SDK complains of: it has the log of Python's own, and nobody else here has."""
    log, handler = logging.getLogger(_SDK), _Once(warn)
    before = log.propagate
    log.propagate = False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before
