"""A spreadsheet's CSV, row by row: any separator, a byte order mark, quotes, CRLF."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import isfinite
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from deployer.domain.documents import Json
from deployer.domain.source import read_json
from deployer.domain.wording import did_you_mean, legible
from deployer.errors import ManifestError, Problem

SHOWN: Final = 50
T = TypeVar("T")
_STATED = re.compile(r"sep=(.)\s*")  # how Excel states the separator, on a line of its own
Complain: TypeAlias = Callable[[str, str, str], None]


@dataclass(slots=True)
class Problems:
    """Every problem with a file; from the 51st on they are only counted."""

    shown: list[Problem] = field(default_factory=list)
    hidden: int = 0

    @property
    def are_shown(self) -> bool:
        """Tell whether the next one will be told in full."""
        return len(self.shown) < SHOWN

    def complain(self, where: str, path: str, what: str) -> None:
        if self.are_shown:
            self.shown.append(Problem(where, path, what))
        else:
            self.hidden += 1

    def judge(self) -> None:
        """Raise ManifestError if anything was wrong."""
        if self.hidden:
            self.shown.append(Problem(self.shown[-1].where, "", f"and {self.hidden} more problems after it"))
        if self.shown:
            raise ManifestError(self.shown)


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that a file may have.

    `own` are read by title, `texts` by what follows this prefix, and `values` likewise, where "" takes every other
    title. `example` is a header.
    """

    own: Mapping[str, Callable[[str], str]]
    required: tuple[str, ...]
    texts: str
    texts_key: Callable[[str], str]
    values: str
    example: str


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
        return next((f"{column.cell(self.number)}: " for column in columns if column.title == title), "")


class _Column(NamedTuple, Generic[T]):
    position: int
    title: str
    key: str
    read: Callable[[str], T]
    required: bool = False

    def cell(self, row: int) -> str:
        """Return what a spreadsheet calls the cell in this column: C17."""
        letters, rest = "", self.position + 1
        while rest:
            rest, letter = divmod(rest - 1, 26)
            letters = chr(ord("A") + letter) + letters
        return f"cell {letters}{row}"


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    own: list[_Column[str]]
    texts: list[_Column[str]]
    values: list[_Column[Json]]


def read_rows(lines: Iterable[str], table: Table, *, name: str, complain: Complain) -> Iterator[Row]:
    """Yield the rows that can be used, complain of the others; raise ManifestError where the header is no use."""
    rest = iter(lines)
    first = next(rest, "").removeprefix("\ufeff")
    stated = _STATED.fullmatch(first)
    delimiter = stated[1] if stated else _separator(first)
    records = csv.reader(rest if stated else chain([first], rest), delimiter=delimiter, strict=True)
    skipped = 1 if stated else 0  # a line that a spreadsheet does not show, so it counts as a line but not as a row
    try:
        header = _header(table, [title.strip() for title in next(records, [])], f"{name}:{skipped + 1}")
        line = skipped + records.line_num + 1
        for number, cells in enumerate(records, start=2):
            if any(cells) and (row := _row(header, cells, (line, f"{name}:{line}", number), complain)):
                yield row
            line = skipped + records.line_num + 1
    except csv.Error as error:
        complain(f"{name}:{skipped + records.line_num}", "", f"not CSV: {error}")


def _separator(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(",;\t", key=outside_quotes.count)


def _header(table: Table, titles: list[str], where: str) -> _Header:
    if not any(titles):
        raise ManifestError([Problem(where, "", f"there is no header such as {table.example}")])
    header = _Header(len(titles), [], [], [])
    problems: list[Problem] = []
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
        header.own.append(_Column(index, title, title, table.own[title], required=title in table.required))
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
        return title, _text
    if kind not in _KINDS:
        raise ValueError(f'unknown type "{kind}": there are {", ".join(_KINDS)}')
    return key, _KINDS[kind]


def _row(header: _Header, cells: list[str], place: tuple[int, str, int], complain: Complain) -> Row | None:
    line, where, number = place
    if len(cells) != header.width:
        if any(cells[header.width :]):
            complain(where, "", f"row {number} has {len(cells)} cells under {header.width} titles")
        cells += [""] * (header.width - len(cells))
    required = 0

    def wrong(column: _Column[T], error: ValueError) -> None:
        nonlocal required
        required += column.required
        complain(where, column.title, f"{column.cell(number)}: {error}")

    row = Row(
        _read(header.own, cells, wrong),
        _read(header.texts, cells, wrong),
        _read(header.values, cells, wrong),
        line,
        where,
        number,
        header,
    )
    return None if required else row


def _read(columns: list[_Column[T]], cells: list[str], wrong: Callable[[_Column[T], ValueError], None]) -> dict[str, T]:
    found = {}
    for column in columns:
        position, _, key, read, required = column
        if (cell := cells[position]) or required:
            try:
                found[key] = read(cell)
            except ValueError as error:
                wrong(column, error)
    return found


def _untitled(cell: str) -> Json:
    raise ValueError(f'"{cell}" stands in a column without a title')


def _text(cell: str) -> str:
    if "\0" in cell:
        raise ValueError("holds a NUL character")
    return cell


def _integer(cell: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", cell):
        raise ValueError(f'"{cell}" is no whole number')
    return int(cell)


def _number(cell: str) -> float:
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?", cell) or not isfinite(float(cell)):
        raise ValueError(f'"{cell}" is no number such as 0.5')
    return float(cell)


def _truth(cell: str) -> bool:
    if cell.lower() not in {"true", "false"}:
        raise ValueError(f'"{cell}" is neither true nor false')
    return cell.lower() == "true"


def _json(cell: str) -> Json:
    try:
        return read_json(cell, "")
    except ManifestError as error:
        raise ValueError(error.problems[0].what) from None


_KINDS: Final[Mapping[str, Callable[[str], Json]]] = {
    "int": _integer,
    "float": _number,
    "bool": _truth,
    "json": _json,
}
