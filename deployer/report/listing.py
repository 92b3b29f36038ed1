"""Lists for `-o table|wide|json|csv`, written row by row: only the first rows are held, to size the columns by."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice
from typing import Any, Final, Literal, TextIO, TypeAlias

from deployer.report.streamed import write_document
from deployer.report.text import columns, cut, padded, plain

Form: TypeAlias = Literal["table", "wide", "json", "csv"]
Row: TypeAlias = Mapping[str, Any]

_SAMPLE = 300  # rows that decide how wide the columns are
_MOST = 40  # columns of the terminal for one cell of a table, if it is not the last
_GAP = "  "
FORMULA: Final = frozenset("=+-@＝＋－＠")  # noqa: RUF001 - a spreadsheet takes the wide forms for the others


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, what it shows of a row, and whether a table for the terminal leaves it out.

    What is `whole` has all the room it needs: people copy it.
    """

    title: str
    cell: Callable[[Row], object]
    wide: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A kind of list: the key of its rows in a document, and its columns."""

    key: str
    columns: Sequence[Column]


def write_list(
    stream: TextIO, form: Form, listing: Listing, head: Row, rows: Iterable[Row], *, width: int | None
) -> None:
    """Write rows in the form that `-o` names; `head` is for JSON, `width` (None: no end) for a table."""
    match form:
        case "json":
            write_document(stream, head, rows, key=listing.key)
        case "csv":
            _write_csv(stream, listing.columns, rows)
        case "wide":
            _write_table(stream, listing.columns, rows, width=None)
        case "table":
            _write_table(stream, [column for column in listing.columns if not column.wide], rows, width=width)


def _write_table(stream: TextIO, shown: Sequence[Column], rows: Iterable[Row], *, width: int | None) -> None:
    titles = [column.title.upper() for column in shown]
    lines = ([plain(_text(column.cell(row))) for column in shown] for row in rows)
    sample = [titles, *islice(lines, _SAMPLE)]
    sizes = [max(map(columns, cells)) for cells in zip(*sample, strict=True)]
    if width is not None:
        sizes = [
            *(size if of.whole else min(size, _MOST) for of, size in zip(shown[:-1], sizes, strict=False)),
            sizes[-1],
        ]
        sizes = sizes[: _fitting(titles, sizes, width)]
    stream.writelines(f"{_line(cells[: len(sizes)], sizes, width)}\n" for cells in chain(sample, lines))


def _fitting(titles: Sequence[str], sizes: Sequence[int], width: int) -> int:
    """Return how many columns have room for their title; the first always counts."""
    starts = accumulate((size + len(_GAP) for size in sizes), initial=0)
    return max(1, sum(start + len(title) <= width for start, title in zip(starts, titles, strict=False)))


def _line(cells: Sequence[str], sizes: Sequence[int], width: int | None) -> str:
    """Return a line: each cell at its column where there is an end to keep to, and whole where there is none."""
    if width is None:
        return _GAP.join(map(padded, cells, sizes)).rstrip()
    fitted = [*(padded(cut(cell, size), size) for cell, size in zip(cells[:-1], sizes, strict=False)), cells[-1]]
    return cut(_GAP.join(fitted).rstrip(), width)


def _write_csv(stream: TextIO, shown: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write RFC 4180: lines end with CRLF, whatever a stream opened with newline="" is made of."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column.title for column in shown])
    writer.writerows(_cells(shown, rows))


def _cells(shown: Sequence[Column], rows: Iterable[Row]) -> Iterator[list[str]]:
    for row in rows:
        yield [_harmless(column.cell(row)) for column in shown]


def _harmless(value: object) -> str:
    """Return a cell that no spreadsheet computes: text that would be a formula begins with an apostrophe."""
    text = plain(_text(value))
    return f"'{text}" if not isinstance(value, int | float) and text.lstrip()[:1] in FORMULA else text


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case list() | tuple():
            return " ".join(map(str, value))
        case _:
            return str(value)
