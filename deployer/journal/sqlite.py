"""The journal in one SQLite file: WAL, FULL."""

from pathlib import Path

from deployer.journal.opening import open_to_read, open_to_write
from deployer.journal.tables import TableJournal


class SqliteJournal(TableJournal):
    """A journal in a file. Opened `read_only` it neither writes nor checkpoints what another process writes.

    The file is made for its owner alone where there is none.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(lambda: open_to_read(path) if read_only else open_to_write(path))
