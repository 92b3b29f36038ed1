"""The log: events with fields instead of prose, and secrets taken out last."""

import json
from collections.abc import MutableMapping, Sequence
from typing import Any, Final, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from deployer.domain.wording import escaped
from deployer.telemetry.events import EVENTS, Event

_HIDDEN: Final = "***"
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)  # made once: structlog's renderer makes one for each line


class Redactor:
    """Replaces every known secret, whatever text it got into. It comes last, so nothing can be added after it."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def hide(self, secret: str) -> None:
        """Replace this value from now on."""
        self._secrets |= {secret, json.dumps(secret, ensure_ascii=False)[1:-1]}  # as it is, and as it is within JSON

    def clean(self, text: str) -> str:
        """Return a text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def around(self, renderer: Processor) -> Processor:
        """Return the last processor: what the renderer makes, without any secret."""
        return lambda logger, method, event: self.clean(str(renderer(logger, method, event)))


def _json_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return escaped(_ENCODER.encode(event))


def _steady(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what would steer the terminal: the console's renderer prints a text without spaces as it is."""
    return {key: escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def new_log(
    stream: TextIO, *, level: int, console: bool, redactor: Redactor, added: Sequence[Processor] = ()
) -> FilteringBoundLogger:
    """Return a log that writes lines of text for a terminal, or else JSON lines; nothing process-wide is touched.

    `added` are processors that add to a line before it is made harmless.
    """
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback) if console else _json_line
    )
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            *added,
            *([_steady] if console else []),
            redactor.around(renderer),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return log


def log_event(log: FilteringBoundLogger, event: Event) -> None:
    """Write an event to the log, as loudly as it is meant."""
    log.log(EVENTS[event.name], event.name, **event.fields, timestamp=event.at)
