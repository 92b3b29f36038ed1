"""Tenants in a workbook, as spreadsheet programs write one."""

import io
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import xlsxwriter

from deployer.domain.documents import Json
from deployer.domain.tenants import Tenant
from deployer.engine.load import FORMATS, load
from deployer.errors import ManifestError

ONE, TWO = "5980e7fedd9939649f8a5d01", "5980e7fedd9939649f8a5d02"
TITLES = ["tenant", "integration", "id", "label.ring", "city", "size:int", "on:bool"]
MANIFEST = """\
name: order-sync
template: {flow: 5980e7fedd9939649f8a5d9a}
accounts: {main: {region: eu, token: "env:MAIN"}}
"""
KINDS = f"{', '.join(FORMATS)}, .xlsx"


def write(file: Path, *rows: list[Any], sheet: str = "Tenants", top: int = 0, left: int = 0) -> None:
    """Write a workbook with one sheet; a text that begins with = is a formula that comes to an error."""
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet(sheet)
        for number, cells in enumerate(rows, start=top):
            for column, cell in enumerate(cells, start=left):
                match cell:
                    case str() if cell.startswith("="):
                        page.write_formula(number, column, cell, None, "#REF!")
                    case str():
                        page.write_string(number, column, cell)
                    case datetime():
                        page.write_datetime(number, column, cell, book.add_format({"num_format": "yyyy-mm-dd"}))
                    case _:
                        page.write(number, column, cell)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tenants.xlsx"


def read(file: Path, tenants: str = "tenants.xlsx") -> list[Tenant]:
    manifest = file.with_name("rollout.yaml")
    manifest.write_text(f"{MANIFEST}tenants: {tenants}\n", "utf-8")
    return list(load(manifest, env={}, stdin=io.StringIO()).tenants)


def problems(file: Path, tenants: str = "tenants.xlsx") -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read(file, tenants)
    return [line.replace(f"{file.parent}/", "").removeprefix("error: ") for line in caught.value.lines()]


def test_a_row_of_a_workbook_is_what_it_is_in_csv(file: Path) -> None:
    write(file, TITLES, ["acme", ONE, TWO, "early", "Köln", 200, True], ["globex", TWO])
    [acme, globex] = read(file)
    where = f'{file}: sheet "Tenants" row'
    values: dict[str, Json] = {"city": "Köln", "size": 200, "on": True}
    assert acme == Tenant("acme", "main", ONE, {"ring": "early"}, values, TWO, f"{where} 2")
    assert globex == Tenant("globex", "main", TWO, {}, {}, None, f"{where} 3")


def test_a_value_that_is_no_text_reads_as_it_does_in_csv(file: Path) -> None:
    cells = ["tenant", "integration", "a", "b", "c", "d", "e"]
    write(file, cells, ["acme", ONE, 200.0, 0.25, False, datetime(2026, 1, 5, tzinfo=None), 1e18])  # noqa: DTZ001
    [acme] = read(file)
    assert acme.values == {"a": "200", "b": "0.25", "c": "false", "d": "2026-01-05", "e": "1e+18"}


@pytest.mark.parametrize(("top", "left", "cell"), [(0, 0, "B2"), (3, 2, "D5"), (0, 25, "AA2")])
def test_what_is_wrong_is_named_by_sheet_and_cell(file: Path, top: int, left: int, cell: str) -> None:
    write(file, ["tenant", "integration"], ["acme", "?"], sheet="Cust 1", top=top, left=left)
    assert problems(file) == [
        f'tenants.xlsx: sheet "Cust 1" {cell}: integration: "?" is no id: 8 to 64 letters and digits'
    ]


MADE = "a spreadsheet made a number of it: format the column as text"
CHANGED = "if it was text, format the column as text and type it again"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["acme", 598e21], f'B2: integration: "5.98e+23" is a number here: {CHANGED}'),
        (["acme", 12345678], f'B2: integration: "12345678" is a number here: {CHANGED}'),
        (["acme", "5.98E+23"], f'B2: integration: "5.98E+23" was an id until {MADE}'),
        (["acme", datetime(2026, 3, 1)], f'B2: integration: "2026-03-01" is a date here: {CHANGED}'),  # noqa: DTZ001
        (["acme", "=A9"], 'B2: integration: "#REF!": the formula in this cell comes to an error'),
        (["acme", ONE, "=A9"], 'C2: id: "#REF!": the formula in this cell comes to an error'),
        (["acme", ONE, "", "=A9"], 'D2: label.ring: "#REF!": the formula in this cell comes to an error'),
        (["acme", ONE, "", "", "=A9"], 'E2: city: "#REF!": the formula in this cell comes to an error'),
        ([7, ONE], f'A2: tenant: "7" is a number here: {CHANGED}'),
        ([datetime(2026, 3, 1), ONE], f'A2: tenant: "2026-03-01" is a date here: {CHANGED}'),  # noqa: DTZ001
        (["acme"], "B2: integration: must not be empty"),
        (["acme", ONE, "", "", "", 0.5], 'F2: size:int: "0.5" is no whole number'),
        (["acme", ONE, "", "", "", "", "", "x"], 'H2: : "x" stands in a column without a title'),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_made_of_a_cell_is_an_error(file: Path, cells: list[Any], said: str) -> None:
    write(file, TITLES if len(cells) < 8 else [*TITLES, ""], cells)
    assert problems(file) == [f'tenants.xlsx: sheet "Tenants" {said.replace(": : ", ": ")}']


def test_a_title_that_is_an_error_is_an_error(file: Path) -> None:
    write(file, ["tenant", "integration", "=A9"], ["acme", ONE])
    assert problems(file) == ['tenants.xlsx: sheet "Tenants" C1: "#REF!": the formula in this cell comes to an error']


def test_rows_that_hold_nothing_are_passed_over(file: Path) -> None:
    write(file, [], ["tenant", "integration"], [], ["acme", ONE], ["", ""], [None], ["globex", TWO], [])
    assert [tenant.where.rpartition(" ")[2] for tenant in read(file)] == ["4", "7"]


def test_the_first_is_named_where_two_rows_are_one_tenant(file: Path) -> None:
    write(file, ["tenant", "integration"], ["acme", ONE], ["Acme", TWO])
    assert problems(file) == [
        'tenants.xlsx: sheet "Tenants" row 3: tenant: "Acme" is already at tenants.xlsx: sheet "Tenants" row 2'
    ]


def test_the_sheet_is_the_first_that_is_shown_or_the_one_that_is_named(file: Path) -> None:
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet("Notes").hide()
        for name, rows in {"One": ["acme", ONE], "Two": ["globex", TWO]}.items():
            page = book.add_worksheet(name)
            page.write_row(0, 0, ["tenant", "integration"])
            page.write_row(1, 0, rows)
        book.get_worksheet_by_name("One").activate()
        book.get_worksheet_by_name("One").set_first_sheet()
    assert [tenant.tenant for tenant in read(file)] == ["acme"]
    assert [tenant.tenant for tenant in read(file, "{file: tenants.xlsx, sheet: Two}")] == ["globex"]
    assert problems(file, "{file: tenants.xlsx, sheet: Tow}") == [
        'tenants.xlsx: has no sheet "Tow" (did you mean "Two"?): it has Notes, One, Two'
    ]


@pytest.mark.parametrize(
    ("tenants", "said"),
    [
        ("{file: tenants.csv, sheet: Two}", "tenants.csv: has no sheets: only a workbook has (.xlsx)"),
        ("{file: tenants.xlsx, shet: Two}", 'rollout.yaml:4:31: tenants.shet: unknown key (did you mean "sheet"?)'),
        ("tenants.xls", f"tenants.xls: is no kind of file that is known; tenants are read from {KINDS}"),
        ("none.xlsx", "none.xlsx: there is no such file (named by tenants in rollout.yaml)"),
    ],
)  # fmt: skip
def test_what_the_manifest_says_of_a_workbook_has_to_fit(file: Path, tenants: str, said: str) -> None:
    write(file, ["tenant", "integration"], ["acme", ONE])
    assert problems(file, tenants) == [said]


def test_a_sheet_that_holds_nothing_has_no_tenants(file: Path) -> None:
    write(file)
    assert problems(file) == ["tenants.xlsx: there are no tenants"]


def test_without_the_extra_the_line_to_install_it_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, ["tenant", "integration"], ["acme", ONE])
    monkeypatch.setitem(sys.modules, "python_calamine", None)  # as where it is not installed
    assert problems(file) == [
        "tenants.xlsx: needs what reads workbooks: pipx install 'deployer[xlsx]', or pip install 'deployer[xlsx]'"
    ]


def parts(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(file: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def test_cells_that_do_not_say_where_they_are_stand_in_their_order(file: Path) -> None:
    write(file, ["tenant", "integration", "id"], ["acme", ONE, "=A9"])
    contents = parts(file)
    sheet = contents["xl/worksheets/sheet1.xml"]
    for place in (b' r="C2"', b' r="B2"', b' r="A2"', b' r="2"'):
        sheet = sheet.replace(place, b"")
    pack(file, {**contents, "xl/worksheets/sheet1.xml": sheet})
    assert problems(file) == [
        'tenants.xlsx: sheet "Tenants" C2: id: "#REF!": the formula in this cell comes to an error'
    ]


def test_whatever_the_archive_holds_it_is_read_or_refused_in_a_sentence(file: Path) -> None:
    write(file, TITLES, ["acme", ONE, "=A9", "early", "Köln", 200, True])
    contents, whole = parts(file), file.read_bytes()
    for name, content in contents.items():
        for broken in (
            b"",
            content[: len(content) // 2],
            content.replace(b'"', b"'"),
            content.replace(b"1", b"-99999999999"),
        ):
            pack(file, {**contents, name: broken})
            assert_read_or_refused(file)
        pack(file, {other: text for other, text in contents.items() if other != name})
        assert_read_or_refused(file)
    for end in range(0, len(whole), 97):
        file.write_bytes(whole[:end])
        assert_read_or_refused(file)


def assert_read_or_refused(file: Path) -> None:
    said: list[str] = []
    try:
        read(file)
    except ManifestError as error:
        said = error.lines()
    assert not [line for line in said if "\n" in line or not line.startswith("error: ")]


def test_entities_that_grow_are_refused(file: Path) -> None:
    write(file, ["tenant", "integration"], ["acme", ONE])
    bomb = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + b"".join(
        b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    contents = parts(file)
    book = contents["xl/workbook.xml"].replace(b"<workbook ", bomb + b"]><workbook ", 1)
    pack(file, {**contents, "xl/workbook.xml": book.replace(b'name="Tenants"', b'name="&j;"')})
    began = process_time()
    assert_read_or_refused(file)
    assert process_time() - began < 2


def test_what_unpacks_to_more_than_a_machine_has_is_refused_unread(file: Path) -> None:
    write(file, ["tenant", "integration"], ["acme", ONE])
    content = bytearray(file.read_bytes())
    size = content.rindex(b"PK\x01\x02") + 24  # of the last part, as the list of them says it is
    content[size : size + 4] = (1 << 31).to_bytes(4, "little")
    file.write_bytes(content)
    assert problems(file) == ["tenants.xlsx: holds more than 1024 MB: split it"]


def test_a_part_that_counts_more_than_it_holds_is_refused_before_a_reader_makes_room_for_it(file: Path) -> None:
    write(file, ["tenant", "integration"], ["acme", ONE])
    contents = parts(file)
    strings = contents["xl/sharedStrings.xml"].replace(b'uniqueCount="4"', b'uniqueCount="99999999999"')
    assert strings != contents["xl/sharedStrings.xml"]
    pack(file, {**contents, "xl/sharedStrings.xml": strings})
    assert problems(file) == [
        "tenants.xlsx: is no workbook: save it as .xlsx (xl/sharedStrings.xml counts more than it holds)"
    ]


def test_a_cell_far_from_the_table_is_refused_before_a_reader_lays_out_what_is_between(file: Path) -> None:
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["tenant", "integration"])
        page.write(1_048_575, 16_383, "x")
    assert problems(file) == ["tenants.xlsx: has 1048576 rows and 16384 columns: delete what stands far from the table"]


def test_a_hundred_thousand_rows_are_read_in_seconds_to_the_error_in_the_last(file: Path) -> None:
    write(file, ["tenant", "integration", "city"])
    contents, name, count = parts(file), "xl/worksheets/sheet1.xml", 100_000
    cell = '<c t="inlineStr"><is><t>%s</t></is></c>'
    row = f"<row>{cell % 'tenant-{0}'}{cell % '{0:024x}a'}{cell % 'Köln'}</row>"
    rows = "".join(row.format(number) for number in range(count)).encode()
    rows = rows.removesuffix(b"</row>") + b'<c t="e"><v>#N/A</v></c></row>'
    pack(file, {**contents, name: contents[name].replace(b"</sheetData>", rows + b"</sheetData>")})
    began = process_time()
    assert problems(file) == [
        f'tenants.xlsx: sheet "Tenants" D{count + 1}: "#N/A": the formula in this cell comes to an error'
    ]
    assert process_time() - began < 20
