"""The log: events with fields instead of prose, and secrets taken out last."""

import json
import re
from collections.abc import MutableMapping, Sequence
from typing import Any, Final, TextIO

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from deployer.domain.wording import escaped
from deployer.telemetry.events import EVENTS, Event

_HIDDEN: Final = "***"
_GRAVE: Final = frozenset({"error", "critical"})
_PARTED: Final = re.compile(r"[\s\"'=]|^$")  # what would not be seen as one word
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


def _text_line(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Return a line for a person: when, how loud, what, and each field there is.

    It has the terminal's own colour, which can be read on any ground: what happened is bold, and what is grave.
    """
    at, level, name = (escaped(str(event.pop(key, ""))) for key in ("timestamp", "level", "event"))
    rest = escaped(" ".join(f"{key}={_value(value)}" for key, value in event.items() if value is not None))
    loud = f"{level:<7}"
    return f"{at} {_bold(loud) if level in _GRAVE else loud} {_bold(name)}  {rest}".strip()


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"


def _value(value: object) -> str:
    """Return a value as it is where it is one word, else as JSON."""
    if isinstance(value, str) and value.isprintable() and not _PARTED.search(value):
        return value
    return _ENCODER.encode(value)


def new_log(
    stream: TextIO, *, level: int, console: bool, redactor: Redactor, added: Sequence[Processor] = ()
) -> FilteringBoundLogger:
    """Return a log that writes lines of text for a terminal, or else JSON lines; nothing process-wide is touched.

    `added` are processors that add to a line before it is made harmless.
    """
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            *added,
            redactor.around(_text_line if console else _json_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return log


def log_event(log: FilteringBoundLogger, event: Event) -> None:
    """Write an event to the log, as loudly as it is meant."""
    log.log(EVENTS[event.name], event.name, **event.fields, timestamp=event.at)
