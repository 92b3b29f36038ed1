"""A spreadsheet's CSV, row by row: any separator, a byte order mark, quotes, CRLF."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from deployer.domain.cells import KINDS, NO_FAULTS, Faults, text
from deployer.domain.documents import Json
from deployer.domain.wording import did_you_mean, legible
from deployer.errors import ManifestError, Problem

KEPT: Final = 100_000
_HINTED: Final = 50
T = TypeVar("T")
_STATED = re.compile(r"sep=(.)\s*")  # how Excel states the separator, on a line of its own
Complain: TypeAlias = Callable[[str, str, str], None]


@dataclass(slots=True)
class Problems:
    """Every problem with a file; those that are more than a file of tenants has lines are only counted."""

    found: list[Problem] = field(default_factory=list)
    hidden: int = 0

    @property
    def are_few(self) -> bool:
        """Tell whether there is time to look for what was meant."""
        return len(self.found) < _HINTED

    def complain(self, where: str, path: str, what: str) -> None:
        if len(self.found) < KEPT:
            self.found.append(Problem(where, path, what))
        else:
            self.hidden += 1

    def judge(self) -> None:
        """Raise ManifestError if anything was wrong."""
        if self.hidden:
            self.found.append(Problem(self.found[-1].where, "", f"and {self.hidden:,} more problems after it"))
        if self.found:
            raise ManifestError(self.found)


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that a file may have.

    `own` are read by title, `texts` by what follows this prefix, and `values` likewise, where "" takes every other
    title. `example` is a header. In `literal` columns a workbook has to hold text.
    """

    own: Mapping[str, Callable[[str], str]]
    required: tuple[str, ...]
    texts: str
    texts_key: Callable[[str], str]
    values: str
    example: str
    literal: frozenset[str] = frozenset()


class Record(NamedTuple):
    """What stands in one row: its cells, the line and the row that people count, and what is wrong with cells."""

    cells: list[str]
    line: int
    number: int
    faults: Faults = NO_FAULTS


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows are read: a file, and in a workbook the sheet, and the columns to the left that hold nothing."""

    name: str
    sheet: str | None = None
    left: int = 0

    def row(self, line: int) -> str:
        """Return where a row is."""
        return f"{self.name}:{line}" if self.sheet is None else f'{self.name}: sheet "{self.sheet}" row {line}'

    def cell(self, position: int, record: Record) -> tuple[str, str]:
        """Return where a cell is, and what is said of that besides: `t.csv:3` and `cell C3: `."""
        cell = _address(position + self.left, record.number)
        if self.sheet is None:
            return self.row(record.line), f"cell {cell}: "
        return f'{self.name}: sheet "{self.sheet}" {cell}', ""


class Row(NamedTuple):
    """One row: the columns of its table, and where it stands; a tuple, which is made fastest."""

    own: dict[str, str]
    texts: dict[str, str]
    values: dict[str, Json]
    line: int
    where: str
    number: int
    header: "_Header"

    def cell(self, title: str) -> str:
        """Return `cell C17: ` for the column of that title, or nothing where there is none."""
        columns: list[_Column[Any]] = [*self.header.own, *self.header.texts, *self.header.values]
        return next(
            (f"cell {_address(column.position, self.number)}: " for column in columns if column.title == title), ""
        )


class _Column(NamedTuple, Generic[T]):
    position: int
    title: str
    key: str
    read: Callable[[str], T]
    required: bool = False
    literal: bool = False


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    own: list[_Column[str]]
    texts: list[_Column[str]]
    values: list[_Column[Json]]


def _address(position: int, row: int) -> str:
    """Return what a spreadsheet calls a cell: C17."""
    letters, rest = "", position + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


def read_rows(lines: Iterable[str], table: Table, *, name: str, complain: Complain) -> Iterator[Row]:
    """Yield the rows of CSV that can be used, complain of others; raise ManifestError where the header is no use."""
    return rows_of(_records(lines, name, complain), table, Place(name), complain)


def rows_of(records: Iterable[Record], table: Table, place: Place, complain: Complain) -> Iterator[Row]:
    """Yield the rows that can be used, the first being the header; otherwise as `read_rows` does."""
    rest = iter(records)
    if (first := next(rest, None)) is None:
        return
    header = _header(table, first, place)
    for record in rest:
        if any(record.cells) and (row := _row(header, record, place, complain)):
            yield row


def _records(lines: Iterable[str], name: str, complain: Complain) -> Iterator[Record]:
    """Yield the records of CSV, at least a header; the end is where it is none."""
    rest = iter(lines)
    first = next(rest, "").removeprefix("\ufeff")
    stated = _STATED.fullmatch(first)
    delimiter = stated[1] if stated else _separator(first)
    records = csv.reader(rest if stated else chain([first], rest), delimiter=delimiter, strict=True)
    skipped = 1 if stated else 0  # a line that a spreadsheet does not show, so it counts as a line but not as a row
    try:
        yield Record(next(records, []), skipped + 1, 1)
        line = skipped + records.line_num + 1
        for number, cells in enumerate(records, start=2):
            yield Record(cells, line, number)
            line = skipped + records.line_num + 1
    except csv.Error as error:
        complain(f"{name}:{skipped + records.line_num}", "", f"not CSV: {error}")


def _separator(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(",;\t", key=outside_quotes.count)


def _header(table: Table, first: Record, place: Place) -> _Header:
    titles, where = [title.strip() for title in first.cells], place.row(first.line)
    if not any(titles):
        raise ManifestError([Problem(where, "", f"there is no header such as {table.example}")])
    header = _Header(len(titles), [], [], [])
    broken = {position: fault.what for position, fault in first.faults.items() if not fault.changed}
    problems = [Problem(place.cell(position, first)[0], "", what) for position, what in broken.items()]
    for index, title in enumerate(titles):
        try:
            _add_column(header, table, index, title)
        except ValueError as error:
            problems.append(Problem(where, title, str(error)))
    problems += [Problem(where, title, "two columns have this title") for title in _repeated(titles)]
    for title in table.required:
        if title not in titles:
            problems.append(Problem(where, title, f"there is no such column{did_you_mean(title, titles)}"))
    if problems:
        raise ManifestError(problems)
    return header


def _repeated(titles: list[str]) -> list[str]:
    return sorted(title for title, count in Counter(titles).items() if title and count > 1)


def _add_column(header: _Header, table: Table, index: int, title: str) -> None:
    if title in table.own:
        required, literal = title in table.required, title in table.literal
        header.own.append(_Column(index, title, title, table.own[title], required, literal))
    elif title.startswith(table.texts):
        header.texts.append(_Column(index, title, table.texts_key(title.removeprefix(table.texts)), legible))
    elif not title:
        header.values.append(_Column(index, title, title, _untitled))
    elif title.startswith(table.values):
        key, read = _typed(title.removeprefix(table.values))
        header.values.append(_Column(index, title, legible(key), read))
    else:
        raise ValueError(f"unknown column{did_you_mean(title, [*table.own, table.texts, table.values])}")


def _typed(title: str) -> tuple[str, Callable[[str], Json]]:
    key, _, kind = title.rpartition(":")
    if not key:
        return title, text
    if kind not in KINDS:
        raise ValueError(f'unknown type "{kind}": there are {", ".join(KINDS)}')
    return key, KINDS[kind]


def _row(header: _Header, record: Record, place: Place, complain: Complain) -> Row | None:
    cells, line, number, _ = record
    where = place.row(line)
    if len(cells) != header.width:
        if any(cells[header.width :]):
            complain(where, "", f"row {number} has {len(cells)} cells under {header.width} titles")
        cells += [""] * (header.width - len(cells))
    required = 0

    def wrong(column: _Column[T], what: str) -> None:
        nonlocal required
        required += column.required
        there, cell = place.cell(column.position, record)
        complain(there, column.title, f"{cell}{what}")

    row = Row(
        _read(header.own, record, wrong),
        _read(header.texts, record, wrong),
        _read(header.values, record, wrong),
        line,
        where,
        number,
        header,
    )
    return None if required else row


def _read(columns: list[_Column[T]], record: Record, wrong: Callable[[_Column[T], str], None]) -> dict[str, T]:
    found, cells, faults = {}, record.cells, record.faults
    for column in columns:
        position, _, key, read, required, literal = column
        if (cell := cells[position]) or required:
            if faults and (fault := faults.get(position)) and (literal or not fault.changed):
                wrong(column, fault.what)
                continue
            try:
                found[key] = read(cell)
            except ValueError as error:
                wrong(column, str(error))
    return found


def _untitled(cell: str) -> Json:
    raise ValueError(f'"{cell}" stands in a column without a title')
