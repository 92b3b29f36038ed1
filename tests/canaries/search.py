"""Look for tokens and secrets in everything that was written: neither has a place there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.canaries.marks import SECRET, TOKEN

SECRETS: Final = "secrets"
"""The folder in which a user keeps secrets: the one place where they may lie."""


@dataclass(frozen=True, slots=True)
class Found:
    """How much was looked through, and what was in it that should not be."""

    searched: int = 0
    hits: tuple[str, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        return Found(self.searched + other.searched, self.hits + other.hits)


def searched(blob: bytes, where: str) -> Found:
    """Look through a blob."""
    hits = (f"{where}: {match.decode()}" for pattern in (TOKEN, SECRET) for match in sorted({*pattern.findall(blob)}))
    return Found(len(blob), tuple(hits))


def in_folder(folder: Path) -> Found:
    """Look through every file below a folder."""
    return sum((_in_file(path, folder) for path in _files(folder)), Found())


def in_database(address: str) -> Found:
    """Look through every table of a database."""
    with psycopg.connect(address) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return sum((_in_table(connection, table) for (table,) in tables), Found())


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != SECRETS]
        yield from (Path(root) / name for name in names)


def _in_file(path: Path, folder: Path) -> Found:
    return searched(path.read_bytes(), str(path.relative_to(folder)))


def _in_table(connection: "psycopg.Connection[tuple[str, ...]]", table: str) -> Found:
    with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as rows:
        return searched(b"".join(map(bytes, rows)), table)
