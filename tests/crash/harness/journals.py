"""Where the journals of the cases lie: in files beside the manifest, or each in a database of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import psycopg

from tests import postgres
from tests.canaries.search import Found, in_database


class Files:
    """Files, which go with their directory. As text a journal is what `--journal` takes; nothing is its default."""

    def new(self) -> str:
        """Return where a journal of its own lies, in which nothing is."""
        return ""

    def copy(self, journal: str) -> str:  # noqa: ARG002 - a directory's copy has it
        """Return a journal with what is in another."""
        return ""

    def drop(self, journal: str) -> None:
        """Let go of a journal."""

    def search(self, journal: str) -> Found:  # noqa: ARG002 - it is found in its directory
        """Look through a journal for what has no place in it."""
        return Found()


class Databases(Files):
    """Databases of a server."""

    def __init__(self, server: postgres.Server) -> None:
        self._server = replace(server, process=None)  # which goes to other processes, as this does not

    def new(self) -> str:
        return self._server.new_database()

    def copy(self, journal: str) -> str:
        source = journal.rpartition("/")[2]
        return self._server.new_database(source)

    def drop(self, journal: str) -> None:
        name = journal.rpartition("/")[2]
        with psycopg.connect(self._server.address(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def search(self, journal: str) -> Found:
        return in_database(journal)


KINDS: Final = ("sqlite", "postgres")


@contextmanager
def journals(kind: str) -> Iterator[Files]:
    """Have journals of a kind until the block ends."""
    if kind == "sqlite":
        yield Files()
        return
    with postgres.serving() as server:
        yield Databases(server)
