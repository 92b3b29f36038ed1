"""Bugs, planted in one process by name: each takes away what one rule of the safety page demands."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import aiohttp

from deployer.domain import moves
from deployer.domain.documents import Document
from deployer.domain.lifecycle import Event
from deployer.domain.plan import Planned
from deployer.domain.sighting import Absent
from deployer.engine import birth, copying, keeping, rebuilding, result
from deployer.integrator import client
from deployer.integrator.transport import send
from deployer.journal.lock import Lease
from deployer.journal.protocol import Entry
from deployer.journal.tables import TableJournal
from tests.crash.harness.judge import Kind

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


def _wake() -> None:
    """Wait no longer for a call that was given up late."""
    patch.object(result, "overslept", lambda *_: False).start()


def _quiet() -> None:
    """Log the headers that are sent, as whoever looks for a mistake would."""

    async def logged(*words: Any, headers: Mapping[str, str], **options: Any) -> object:  # noqa: ANN401 - of `send`
        sys.stderr.write(f"{dict(headers)}\n")
        return await send(*words, headers=headers, **options)

    patch.object(client, "send", logged).start()


def _own() -> None:
    """Send the first tenant's name for every tenant."""
    body, names = birth.birth_body, []

    def mixed(planned: Planned, template_name: str, *, rollout: str) -> Document:
        made = body(planned, template_name, rollout=rollout)
        names.append(made["name"])
        return {**made, "description": names[0]}

    patch.object(birth, "birth_body", mixed).start()


def _home() -> None:
    """Go wherever an answer leads."""
    request = aiohttp.ClientSession.request

    def followed(session: aiohttp.ClientSession, *words: Any, **options: Any) -> object:  # noqa: ANN401 - aiohttp's
        return request(session, *words, **{**options, "allow_redirects": True})

    patch.object(aiohttp.ClientSession, "request", followed).start()


BUGS: Final[Mapping[str, Callable[[], None]]] = {
    "intent": _intent,
    "look": _look,
    "settle": _settle,
    "lock": _lock,
    "owed": _owed,
    "wake": _wake,
    "quiet": _quiet,
    "own": _own,
    "home": _home,
}

KNOWN: Final[Mapping[str, Sequence[tuple[str, str, Kind]]]] = {
    "sqlite": (
        ("owed", "update: commit 15 before, late, journal restored", "double run"),
        ("intent", "clone: flows.run 1, applied", "double run"),
        ("look", "clone: flows.clone 1, applied", "duplicate"),
        ("settle", "clone: commit 4 before, late", "duplicate"),
        ("lock", "two: again 1", "duplicate"),
        ("look", "upgrade: exports.clone 1, applied", "duplicate"),
        ("settle", "upgrade: commit 3 after, late", "duplicate"),
        ("wake", "clone: flows.clone 1, stopped", "duplicate"),
        ("quiet", "clone: flows.clone 1, astray", "leak"),
        ("own", "clone: flows.clone 1, astray", "leak"),
        ("home", "clone: flows.clone 1, astray", "leak"),
    ),
    "postgres": (
        ("intent", "clone: flows.run 1, applied", "double run"),
        ("settle", "clone: commit 4 before, late", "duplicate"),
    ),
}
"""By kind of journal: a bug, a case that it is known to fail, and what is broken then."""
