"""Look for tokens and secrets in everything that was written."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.canaries.marks import SECRET, TOKEN

TOLD: Final = (".out", ".err", ".log", ".jsonl", ".md", ".xml", ".html", ".csv")
"""What people or programs are told goes into files of these names: no place for a secret, or the list of tenants."""
_LIST: Final = "tenants.csv"


@dataclass(frozen=True, slots=True)
class Found:
    """How much was looked through, and what was in it that should not be."""

    searched: int = 0
    hits: tuple[str, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        return Found(self.searched + other.searched, self.hits + other.hits)


def searched(blob: bytes, where: str, *, told: bool) -> Found:
    """Look through a blob: for tokens, and if it tells somebody something for secrets too."""
    patterns: list[re.Pattern[bytes]] = [TOKEN, *([SECRET] if told else [])]
    hits = (f"{where}: {match.decode()}" for pattern in patterns for match in sorted({*pattern.findall(blob)}))
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
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in names)


def _in_file(path: Path, folder: Path) -> Found:
    told = path.suffix in TOLD and path.name != _LIST
    return searched(path.read_bytes(), str(path.relative_to(folder)), told=told)


def _in_table(connection: "psycopg.Connection[tuple[str, ...]]", table: str) -> Found:
    with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as rows:
        return searched(b"".join(map(bytes, rows)), table, told=False)
