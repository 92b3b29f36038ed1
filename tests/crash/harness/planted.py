"""Bugs, planted in one process by name: each takes away what one rule of the safety page demands."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from deployer.domain import moves
from deployer.domain.lifecycle import Event
from deployer.domain.sighting import Absent
from deployer.engine import birth, copying, keeping, rebuilding
from deployer.journal.lock import Lease
from deployer.journal.protocol import Entry
from deployer.journal.tables import TableJournal

_INTENTS = frozenset({Event.INTEND, Event.RESTAMP})


def plant(bug: str) -> None:
    """Switch off what `bug` names, until the process ends."""
    if bug:
        BUGS[bug]()


def _intent() -> None:
    """Send before the intent is durable: it is written with the outcome."""
    held: dict[tuple[str, int], Entry] = {}
    record, note = TableJournal.record, TableJournal.note

    def release(journal: TableJournal, entry: Entry) -> None:
        intent = held.pop((entry.deployment.rollout, entry.deployment.place), None)
        if intent:
            note(journal, intent)

    async def record_late(journal: TableJournal, entry: Entry) -> None:
        release(journal, entry)
        if entry.event in _INTENTS:
            held[entry.deployment.rollout, entry.deployment.place] = entry
        else:
            await record(journal, entry)

    def note_late(journal: TableJournal, entry: Entry) -> None:
        release(journal, entry)
        note(journal, entry)

    patch.object(TableJournal, "record", record_late).start()
    patch.object(TableJournal, "note", note_late).start()


def _look() -> None:
    """Send without a look at what is there, and find nothing afterwards."""
    patch.object(birth, "sight", lambda *_, **__: Absent(())).start()
    patch.object(copying, "carries", lambda *_: False).start()


def _settle() -> None:
    """Conclude from the first look that a call did not happen."""
    patch.object(moves, "settle_time", lambda *_: 0.0).start()


def _lock() -> None:
    """Let two deployers at one account."""

    @contextmanager
    def unlocked(*_: Path | str, **__: str) -> Iterator[Lease]:
        yield Lease(frozenset())

    patch.object(keeping, "exclusive", unlocked).start()


def _owed() -> None:
    """Rebuild a journal and go on with the rollouts that it has."""

    async def kept(*_: object) -> None:
        pass

    patch.object(rebuilding.Rebuilding, "_leave", kept).start()


BUGS: Final[Mapping[str, Callable[[], None]]] = {
    "intent": _intent,
    "look": _look,
    "settle": _settle,
    "lock": _lock,
    "owed": _owed,
}
