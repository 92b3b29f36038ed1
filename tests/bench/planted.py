"""`deployer` with something switched off, in this process alone: `python -m tests.bench.planted WHAT WORDS…`."""

import sys
from collections.abc import Callable, Mapping
from typing import Final
from unittest.mock import patch

from deployer.cli import main
from deployer.journal.protocol import Entry
from deployer.journal.sqlite import SqliteJournal


def _journal() -> None:
    """Write nothing of what happens to a step, and so wait for nothing: what durability is paid for against."""

    async def record(_: SqliteJournal, __: Entry) -> None:
        pass

    def note(_: SqliteJournal, __: Entry) -> None:
        pass

    patch.object(SqliteJournal, "record", record).start()
    patch.object(SqliteJournal, "note", note).start()


WITHOUT: Final[Mapping[str, Callable[[], None]]] = {"journal": _journal}

if __name__ == "__main__":
    WITHOUT[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
