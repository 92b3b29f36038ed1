"""Open the file of the SQLite journal: its settings, its schema, and whether it is one that this version knows."""

import os
import sqlite3
from contextlib import ExitStack, closing
from importlib.resources import files
from pathlib import Path

from deployer.errors import JournalError
from deployer.journal.migrations import VERSION, to_come


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open for writing; a new file is readable by its owner alone before SQLite sees it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    _sync_directory(path.parent)
    with ExitStack() as unless_usable:
        connection = unless_usable.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        version, missing = _version(connection, path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}").fetchone()
        if version == 0:
            schema = files("deployer.journal").joinpath("sqlite.sql").read_text(encoding="utf-8")
            connection.executescript(f"BEGIN; {schema} PRAGMA user_version = {VERSION}; COMMIT;")
        elif missing:
            connection.executescript(f"BEGIN; {';'.join(missing)}; PRAGMA user_version = {VERSION}; COMMIT;")
        unless_usable.pop_all()
    return connection


def _sync_directory(directory: Path) -> None:
    """Make a new file's name survive power loss, as its content does."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open for reading alone: nothing is written or checkpointed."""
    if not path.exists():
        raise JournalError(f"there is no journal at {path}", remedy="it is made by the first deployer apply")
    address = f"{path.resolve().as_uri()}?mode=ro"
    with ExitStack() as unless_usable:
        connection = unless_usable.enter_context(closing(sqlite3.connect(address, uri=True, isolation_level=None)))
        _version(connection, path)
        unless_usable.pop_all()
    return connection


def copy_journal(path: Path, target: Path) -> None:
    """Copy a journal, also one that somebody writes; where there is none, nothing is copied."""
    if path.exists():
        with closing(open_to_read(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)


def give_back(path: Path) -> str:
    """Write a journal anew without the room of what was deleted; return why that could not be: it is as it was then."""
    try:
        with closing(open_to_write(path)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        return str(error)
    return ""


def _version(connection: sqlite3.Connection, path: Path) -> tuple[int, list[str]]:
    """Return the version of the tables, and what is to be done to bring them up to date."""
    try:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        remedy = "name the journal with --journal; after it was lost: deployer rebuild"
        raise JournalError(f"{path} is no journal: {error}", remedy=remedy) from None
    return version, list(to_come(version, path)) if version else []
