"""Where the journals of tests lie."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from deployer.journal.postgres import PostgresJournal
from deployer.journal.protocol import Journal
from deployer.journal.sqlite import SqliteJournal
from tests.postgres import Server


class Store(Protocol):
    """Where a journal lies."""

    def open(self) -> Journal:
        """Return a journal of this place."""

    def after_a_crash(self) -> Journal:
        """Return a journal of what there would be if every process died right now."""


@dataclass(frozen=True, slots=True)
class SqliteStore:
    folder: Path

    def open(self) -> Journal:
        return SqliteJournal(self.folder / "journal.db")

    def after_a_crash(self) -> Journal:
        copy = self.folder / "copy"
        copy.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(self.folder / name, copy / name)
        return SqliteJournal(copy / "journal.db")


@dataclass(frozen=True, slots=True)
class PostgresStore:
    server: Server
    address: str

    def open(self) -> Journal:
        return PostgresJournal(self.address)

    def after_a_crash(self) -> Journal:
        self.server.cut(self.address)
        return PostgresJournal(self.address)


def new_store(request: pytest.FixtureRequest, kind: str, folder: Path) -> Store:
    if kind == "sqlite":
        return SqliteStore(folder)
    server: Server = request.getfixturevalue("database")
    return PostgresStore(server, server.new_database())
