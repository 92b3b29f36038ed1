"""Whether a journal is sound: its version, its pages, the checksum of every row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from deployer.errors import JournalError
from deployer.journal.checksums import checked
from deployer.journal.connection import Connection
from deployer.journal.migrations import VERSION
from deployer.journal.opening import open_to_read
from deployer.journal.queries import GUARDED
from deployer.journal.samples import has_samples

_REMEDY: Final = "restore it from a backup or move it away, then run deployer rebuild"


def read_whole(path: Path) -> str:
    """Read a journal to its end and return what it is; raise JournalError where it is damaged or of another version."""
    try:
        with closing(open_to_read(path)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise JournalError(f"{path} is damaged: {said}", remedy=_REMEDY)
            return read_rows(connection)
    except sqlite3.Error as error:
        raise JournalError(f"{path} cannot be read: {error}", remedy=_REMEDY) from None


def read_rows(connection: Connection) -> str:
    """Read every row of a journal and return what it is; raise JournalError where a checksum does not hold."""
    rows = 0
    for table, query in guarded(connection):
        for row in connection.execute(query):
            checked(row, f"a row of {table}")
            rows += 1
    return f"version {VERSION}, {rows} rows, every checksum holds"


def guarded(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield the tables whose rows have checksums, and how each is read: those that a journal of its version has."""
    sampled = has_samples(connection)
    return ((table, query) for table, query in GUARDED.items() if sampled or table != "sample")
