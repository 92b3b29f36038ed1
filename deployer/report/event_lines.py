"""Events as JSON lines, written while a rollout goes: `--events FILE|-`."""

import json
from collections.abc import Callable, Mapping
from typing import Final, TextIO

from deployer.telemetry.events import Event
from deployer.version import __version__

OPENED: Final = "stream.opened"
_FORMAT = 1


class EventLines:
    """Writes a line an event, each flushed as it is written, after a first line that says which version this is.

    A line holds ASCII only: what a name hides or turns arrives as an escape. `clean` takes secrets out, last.
    """

    def __init__(self, stream: TextIO, *, opened_at: str, clean: Callable[[str], str]) -> None:
        self._stream = stream
        self._clean = clean
        self._line({"format_version": _FORMAT, "event": OPENED, "at": opened_at, "version": __version__})

    def write(self, event: Event) -> None:
        """Write an event; its fields stand beside its name and time, and never in their place."""
        self._line({**event.fields, "event": event.name, "at": event.at})

    def _line(self, record: Mapping[str, object]) -> None:
        self._stream.write(f"{self._clean(json.dumps(record))}\n")
        self._stream.flush()
