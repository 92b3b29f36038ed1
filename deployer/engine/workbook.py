"""The rows of a sheet in a workbook, as spreadsheet programs save one (.xlsx)."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Final
from xml.etree import ElementTree as ET
from zipfile import BadZipFile, ZipFile

from deployer.domain.cells import as_written
from deployer.domain.spreadsheet import Place, Record
from deployer.domain.wording import did_you_mean
from deployer.errors import ManifestError, Problem

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_LARGEST: Final = 1 << 30  # bytes, unpacked: some million rows, and no more than a machine has
_CHUNK: Final = 1 << 20
_MARKS: Final = (b't="e"', b"t='e'")  # how a cell says that its formula came to an error
_PLACED: Final = re.compile(rb"""\br=["']([A-Z]{1,9})([0-9]{1,20})["']""")
_LONGEST_PLACE: Final = 40
_COUNT: Final = re.compile(rb"""[cC]ount=["']([0-9]+)["']""")
_MOST_CELLS: Final = 10_000_000  # a reader lays all of them out
_CELL: Final = re.compile(r"([A-Z]+)([0-9]+)")
_NO_WORKBOOK: Final = "is no workbook: save it as .xlsx"


def open_sheet(file: Path, wanted: str | None) -> tuple[Place, Iterator[Record]]:
    """Return where the rows of a sheet stand, and the rows: those of the first that is shown, if none is named.

    Raise ManifestError where the file is no workbook, the sheet is not in it, or nothing here can read one.
    """
    reader = _reader(file)
    with _saying(file, reader.CalamineError):
        _demand_bounded(file)
        book = reader.load_workbook(str(file))
        index = _index(reader, book, file, wanted)
        broken = _broken(file, index)
        sheet = book.get_sheet_by_index(index)
    place = Place(str(file), sheet.name, (sheet.start or (0, 0))[1])
    return place, _records(sheet, broken, place.left)


def _reader(file: Path) -> ModuleType:
    """Return what reads workbooks, which not everybody has."""
    try:
        return import_module("python_calamine")
    except ImportError:
        what = "needs what reads workbooks: pipx install 'deployer[xlsx]', or pip install 'deployer[xlsx]'"
        raise ManifestError([Problem(str(file), "", what)]) from None


@contextmanager
def _saying(file: Path, unreadable: type[Exception]) -> Iterator[None]:
    """Say in a sentence why a workbook cannot be read; who wrote the file may have written anything."""
    try:
        yield
    except (unreadable, BadZipFile, ET.ParseError, LookupError, ValueError, RuntimeError, StopIteration) as error:
        said = " ".join(str(error).split())
        raise ManifestError([Problem(str(file), "", f"{_NO_WORKBOOK}{f' ({said})' if said else ''}")]) from None


def _demand_bounded(file: Path) -> None:
    """Raise where a reader would ask for more memory than there is, and so would end us: it believes what parts say."""
    with ZipFile(file) as parts:
        if sum(part.file_size for part in parts.infolist()) > _LARGEST:
            raise ManifestError([Problem(str(file), "", f"holds more than {_LARGEST >> 20} MB: split it")])
        for part in parts.infolist():
            with parts.open(part) as stream:
                counts = _COUNT.findall(stream.read(_CHUNK))
            if any(int(count[-20:]) > part.file_size for count in counts):
                raise ValueError(f"{part.filename} counts more than it holds")


def _index(reader: ModuleType, book: "CalamineWorkbook", file: Path, wanted: str | None) -> int:
    """Return which sheet is meant."""
    tables = [each.typ == reader.SheetTypeEnum.WorkSheet for each in book.sheets_metadata]
    if wanted is None:
        shown = [each.visible == reader.SheetVisibleEnum.Visible for each in book.sheets_metadata]
        found = next((n for n, fits in enumerate(zip(tables, shown, strict=True)) if all(fits)), None)
        if found is None:
            raise ManifestError([Problem(str(file), "", "shows no sheet with cells")])
        return found
    known = [name for name, fits in zip(book.sheet_names, tables, strict=True) if fits]
    if wanted not in known:
        what = f'has no sheet "{wanted}"{did_you_mean(wanted, known)}: it has {", ".join(known)}'
        raise ManifestError([Problem(str(file), "", what)])
    return book.sheet_names.index(wanted)


def _records(sheet: "CalamineSheet", broken: Mapping[int, Mapping[int, str]], left: int) -> Iterator[Record]:
    """Yield the rows that hold anything."""
    none: Mapping[int, str] = {}
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        errors = broken.get(number, none)
        if errors or any(cell != "" for cell in cells):
            texts, faults = as_written(cells, {column - left: error for column, error in errors.items()})
            yield Record(texts, number, number, faults)


def _broken(file: Path, index: int) -> Mapping[int, Mapping[int, str]]:
    """Return by row, from 1, and column, from 0, the errors that formulas came to: a reader shows nothing there."""
    with ZipFile(file) as parts:
        part = _part(parts, index)
        with parts.open(part) as stream:
            rows, columns, holds_errors = _extent(stream)
        if rows * columns > _MOST_CELLS:
            what = f"has {rows} rows and {columns} columns: delete what stands far from the table"
            raise ManifestError([Problem(str(file), "", what)])
        if not holds_errors:
            return {}
        with parts.open(part) as stream:
            return _errors(stream)


def _part(parts: ZipFile, index: int) -> str:
    """Return which part of the archive holds the sheet."""
    book = ET.fromstring(parts.read("xl/workbook.xml"))  # noqa: S314 - expat bounds what entities may grow to
    links = ET.fromstring(parts.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - as above
    sheet = [each for each in book.iter() if _tag(each) == "sheet"][index]
    id_ = next(value for key, value in sheet.items() if key.endswith("}id"))
    target = next(link.get("Target", "") for link in links if link.get("Id") == id_)
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _extent(stream: IO[bytes]) -> tuple[int, int, bool]:
    """Return the last row and column that a cell says it is in, and whether any says that it is an error."""
    before, last, letters, found = b"", 0, set[bytes](), False
    while chunk := stream.read(_CHUNK):
        text = before + chunk
        places = _PLACED.findall(text)
        letters.update(column for column, _ in places)
        last = max(last, max((int(row) for _, row in places), default=0))
        found = found or any(mark in text for mark in _MARKS)
        before = text[-_LONGEST_PLACE:]
    return last, max((_number(each.decode()) for each in letters), default=0), found


def _errors(stream: IO[bytes]) -> Mapping[int, Mapping[int, str]]:
    found: dict[int, dict[int, str]] = defaultdict(dict)
    row = column = 0
    for event, each in ET.iterparse(stream, ("start", "end")):  # noqa: S314 - as above
        match event, _tag(each):
            case "start", "row":
                row, column = int(each.get("r") or row + 1), 0
            case "end", "c":
                column = _column(each.get("r"), column + 1)
                if each.get("t") == "e":
                    found[row][column - 1] = next((part.text or "" for part in each if _tag(part) == "v"), "")
            case "end", "row":
                each.clear()
            case _:
                pass
    return found


def _tag(each: ET.Element) -> str:
    return each.tag.rpartition("}")[2]


def _column(cell: str | None, following: int) -> int:
    """Return the number of a cell's column, which is the following one where the cell does not say."""
    named = _CELL.fullmatch(cell or "")
    return _number(named[1]) if named else following


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
