"""What the journal asks of a database: what sqlite3 gives, and what Postgres is made to give."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

Row: TypeAlias = tuple[Any, ...]
Change: TypeAlias = tuple[str, Sequence[Row]]  # a statement that writes one row, and the rows
Values: TypeAlias = Sequence[object] | Mapping[str, object]


class Cursor(Protocol):
    """What a statement found, or how many rows it met."""

    @property
    def rowcount(self) -> int:
        """Return how many rows were written."""

    def fetchone(self) -> Row | None:
        """Return the next row."""

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows that are left."""


class Connection(Protocol):
    """A connection that neither begins nor commits anything by itself."""

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        """Carry a statement out; `?` and `:name` stand for values."""

    def executemany(self, statement: str, rows: Iterable[Sequence[object]], /) -> Cursor:
        """Carry a statement out for each row of values."""

    def rollback(self) -> None:
        """End a transaction that failed."""

    def close(self) -> None:
        """Close it."""


@runtime_checkable
class RowWriter(Protocol):
    """A connection that takes several statements, and all rows of each, at once."""

    def write_rows(self, changes: Sequence[Change], /) -> list[int]:
        """Execute statements of different tables, each for its rows; return how many rows of the table each met."""
