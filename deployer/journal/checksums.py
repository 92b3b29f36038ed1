"""The checksum at the end of each row that is read back: a database does not see flipped bits."""

import zlib

from deployer.errors import JournalError
from deployer.journal.connection import Row


def summed(row: Row) -> Row:
    """Return a row with the checksum of its columns at the end."""
    return (*row, zlib.crc32(repr(row).encode()))


def checked(row: Row, what: str) -> Row:
    """Return a row without its checksum; raise JournalError where it does not hold."""
    if summed(row[:-1]) != row:
        raise JournalError(
            f"the journal is damaged: {what} does not match its checksum",
            remedy="restore the file from a backup; nothing was sent",
        )
    return row[:-1]
