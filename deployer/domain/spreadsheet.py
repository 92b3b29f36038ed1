"""A spreadsheet's CSV, row by row: any separator, a byte order mark, quotes, CRLF."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from deployer.domain.documents import Json
from deployer.domain.manifest import identifier
from deployer.domain.source import read_json
from deployer.domain.wording import did_you_mean, legible
from deployer.errors import ManifestError, Problem

T = TypeVar("T")
_STATED = re.compile(r"sep=(.)\s*")  # how Excel states the separator, on a line of its own
Complain: TypeAlias = Callable[[str, str, str], None]


class Row(NamedTuple):
    """One row: the columns that are ours, labels, values, and where it stands; a tuple, which is made fastest."""

    own: dict[str, str]
    labels: dict[str, str]
    values: dict[str, Json]
    where: str


@dataclass(frozen=True, slots=True)
class _Column(Generic[T]):
    index: int
    title: str
    key: str
    read: Callable[[str], T]
    required: bool = False

    def cell(self, row: int) -> str:
        """Return what a spreadsheet calls the cell in this column: C17."""
        letters, rest = "", self.index + 1
        while rest:
            rest, letter = divmod(rest - 1, 26)
            letters = chr(ord("A") + letter) + letters
        return f"cell {letters}{row}"


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    own: list[_Column[str]]
    labels: list[_Column[str]]
    values: list[_Column[Json]]


def read_rows(lines: Iterable[str], *, name: str, complain: Complain) -> Iterator[Row]:
    """Yield the rows that can be used, complain of the others; raise ManifestError where the header is no use."""
    rest = iter(lines)
    first = next(rest, "").removeprefix("\ufeff")
    stated = _STATED.fullmatch(first)
    delimiter = stated[1] if stated else _separator(first)
    records = csv.reader(rest if stated else chain([first], rest), delimiter=delimiter, strict=True)
    skipped = 1 if stated else 0  # a line that a spreadsheet does not show, so it counts as a line but not as a row
    try:
        header = _header([title.strip() for title in next(records, [])], f"{name}:{skipped + 1}")
        line = skipped + records.line_num + 1
        for number, cells in enumerate(records, start=2):
            where = f"{name}:{line}"
            if any(cells) and (row := _row(header, cells, where=where, number=number, complain=complain)):
                yield row
            line = skipped + records.line_num + 1
    except csv.Error as error:
        complain(f"{name}:{skipped + records.line_num}", "", f"not CSV: {error}")


def _separator(header: str) -> str:
    outside_quotes = re.sub(r'"[^"]*"', "", header)
    return max(",;\t", key=outside_quotes.count)


def _header(titles: list[str], where: str) -> _Header:
    if not any(titles):
        raise ManifestError([Problem(where, "", "there is no header such as tenant,account,integration")])
    header = _Header(len(titles), [], [], [])
    problems: list[Problem] = []
    for index, title in enumerate(titles):
        try:
            _add_column(header, index, title)
        except ValueError as error:
            problems.append(Problem(where, title, str(error)))
    problems += [Problem(where, title, "two columns have this title") for title in _repeated(titles)]
    for title in _REQUIRED:
        if title not in titles:
            problems.append(Problem(where, title, f"there is no such column{did_you_mean(title, titles)}"))
    if problems:
        raise ManifestError(problems)
    return header


def _repeated(titles: list[str]) -> list[str]:
    return sorted({title for title in titles if title and titles.count(title) > 1})


def _add_column(header: _Header, index: int, title: str) -> None:
    key, _, kind = title.rpartition(":")
    if title in _OWN:
        header.own.append(_Column(index, title, title, _OWN[title], required=title in _REQUIRED))
    elif title.startswith("label."):
        header.labels.append(_Column(index, title, legible(title.removeprefix("label.")), legible))
    elif not title:
        header.values.append(_Column(index, title, title, _untitled))
    elif not key:
        header.values.append(_Column(index, title, legible(title), _text))
    elif kind in _KINDS:
        header.values.append(_Column(index, title, legible(key), _KINDS[kind]))
    else:
        raise ValueError(f'unknown type "{kind}": there are {", ".join(_KINDS)}')


def _row(header: _Header, cells: list[str], *, where: str, number: int, complain: Complain) -> Row | None:
    if any(cells[header.width :]):
        complain(where, "", f"row {number} has {len(cells)} cells under {header.width} titles")
    cells += [""] * (header.width - len(cells))

    def wrong(column: _Column[T], error: ValueError) -> None:
        complain(where, column.title, f"{column.cell(number)}: {error}")

    own = _read(header.own, cells, wrong)
    row = Row(own, _read(header.labels, cells, wrong), _read(header.values, cells, wrong), where)
    return row if "tenant" in own and "integration" in own else None


def _read(columns: list[_Column[T]], cells: list[str], wrong: Callable[[_Column[T], ValueError], None]) -> dict[str, T]:
    found = {}
    for column in columns:
        if (cell := cells[column.index]) or column.required:
            try:
                found[column.key] = column.read(cell)
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
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?", cell):
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


_OWN: Final[Mapping[str, Callable[[str], str]]] = {
    "tenant": lambda cell: legible(cell.strip()),
    "account": str.strip,
    "integration": lambda cell: identifier(legible(cell.strip())),
    "id": lambda cell: identifier(cell.strip()),
}
_REQUIRED: Final = ("tenant", "integration")
_KINDS: Final[Mapping[str, Callable[[str], Json]]] = {
    "int": _integer,
    "float": _number,
    "bool": _truth,
    "json": _json,
}
