"""The cells of a table: what is written in them, as the type that its column asks for."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from math import isfinite
from typing import Final, NamedTuple, TypeAlias

from deployer.domain.documents import Json
from deployer.domain.source import read_json
from deployer.errors import ManifestError

Cell: TypeAlias = str | float | bool | date | datetime | time | timedelta
"""A cell of a workbook, which has types of its own."""

_EXACT: Final = 1e15  # a spreadsheet keeps fifteen digits


class Fault(NamedTuple):
    """Why a cell may not be what was typed; what only `changed` its type may still stand for a value."""

    what: str
    changed: bool


Faults: TypeAlias = Mapping[int, Fault]
NO_FAULTS: Final[Faults] = {}


def as_written(cells: Iterable[Cell], broken: Mapping[int, str]) -> tuple[list[str], Faults]:
    """Return cells as text, and by position what is to be said of them where text is expected.

    `broken` holds, by position, the cells whose formula came to nothing.
    """
    texts, faults = [], dict[int, Fault]()
    for position, cell in enumerate(cells):
        if isinstance(cell, str):
            texts.append(cell)
            continue
        written = _written(cell)
        texts.append(written)
        kind = "a number" if isinstance(cell, int | float) else "a date"
        what = f'"{written}" is {kind} here: if it was text, format the column as text and type it again'
        faults[position] = Fault(what, changed=True)
    texts += [""] * (max(broken, default=0) + 1 - len(texts))
    for position, error in broken.items():
        texts[position] = error
        faults[position] = Fault(f'"{error}": the formula in this cell comes to an error', changed=False)
    return texts, faults


def _written(cell: Cell) -> str:
    match cell:
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return str(int(cell)) if abs(cell) < _EXACT and cell == int(cell) else repr(cell)
        case date() | time():
            return cell.isoformat()
        case _:
            return str(cell)


def text(cell: str) -> str:
    """Return a cell as it stands; raise ValueError for what no text holds."""
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


KINDS: Final[Mapping[str, Callable[[str], Json]]] = {
    "int": _integer,
    "float": _number,
    "bool": _truth,
    "json": _json,
}
