"""No name, reason or value that comes from outside does more than stand where it is printed, whatever prints it."""

import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import pytest

from deployer.errors import Problem
from deployer.report.annotations import of_causes, of_problems
from deployer.report.causes import gather
from deployer.report.event_lines import EventLines
from deployer.report.junit import write_junit
from deployer.report.markdown import write_markdown
from deployer.report.streamed import json_text
from deployer.telemetry.log import Redactor
from tests.report import printed
from tests.report.hostile import NAMES, is_inert

PLAIN = "acme"
CATALOGUE = pytest.mark.parametrize("text", NAMES.values(), ids=list(NAMES))
FORMULA = {*"=+-@\uff1d\uff0b\uff0d\uff20"}
OWN = "\x1b"  # what the live view and the console's log draw with


def lines(text: str) -> int:
    """Count lines as whoever reads them may: any end that there is."""
    return len(text.splitlines())


@CATALOGUE
def test_text_for_people_steers_nothing_and_has_the_lines_it_has_with_any_name(text: str) -> None:
    for name, output in printed.TEXTS.items():
        shown = output(text)
        assert is_inert(shown), name
        assert lines(shown) == lines(output(PLAIN)), name
        shown.encode()


@CATALOGUE
def test_a_live_view_is_drawn_with_its_own_sequences_alone(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    shown, harmless = printed.drawn(text), printed.drawn(PLAIN)
    assert shown.count(OWN) == harmless.count(OWN)
    assert is_inert(shown.replace(OWN, "").replace("\r", ""))


@CATALOGUE
def test_a_log_on_a_terminal_is_a_line_with_its_own_sequences_alone(text: str) -> None:
    shown, harmless = printed.logged(text, console=True), printed.logged(PLAIN, console=True)
    assert lines(shown) == 1
    assert shown.count(OWN) == harmless.count(OWN)
    assert is_inert(shown.replace(OWN, ""))


@CATALOGUE
def test_a_log_for_programs_is_a_line_that_is_read_back(text: str) -> None:
    shown = printed.logged(text, console=False)
    assert lines(shown) == 1
    assert is_inert(shown)
    assert json.loads(shown)["tenant"] == text


@CATALOGUE
def test_an_event_is_a_line_that_is_read_back(text: str) -> None:
    stream = io.StringIO()
    EventLines(stream, opened_at=printed.AT, clean=Redactor().clean).write(printed.an_event(text))
    assert lines(stream.getvalue()) == 2
    assert stream.getvalue().isascii()
    assert json.loads(stream.getvalue().splitlines()[1])["error"] == {"message": text, text: [text]}


@CATALOGUE
def test_a_list_as_json_is_a_line_that_is_read_back(text: str) -> None:
    for name in printed.LISTS:
        shown = printed.listed(name, "json", text)
        assert lines(shown) == 1, name
        assert json.loads(shown)["name"] == text, name
        assert is_inert(shown), name
        shown.encode()


@CATALOGUE
def test_a_document_is_a_line_that_is_read_back(text: str) -> None:
    for name, document in printed.DOCUMENTS.items():
        made = document(text)
        shown = json_text(made)
        assert lines(shown) == 1, name
        assert json.loads(shown) == json.loads(json.dumps(made)), name
        assert is_inert(shown), name
        shown.encode()


@CATALOGUE
@pytest.mark.parametrize("name", printed.LISTS)
def test_a_spreadsheet_has_the_rows_it_has_with_any_name_and_computes_none(name: str, text: str) -> None:
    shown = printed.listed(name, "csv", text)
    table = list(csv.reader(io.StringIO(shown, newline=""), strict=True))
    assert len(table) == shown.count("\r\n") == shown.count("\n") == lines(printed.listed(name, "csv", PLAIN))
    assert len({len(row) for row in table}) == 1
    assert all(is_inert(cell) for row in table for cell in row)
    assert not [cell for row in table for cell in row if cell.lstrip()[:1] in FORMULA]


@CATALOGUE
def test_junit_is_well_formed_and_has_the_cases_it_has_with_any_name(text: str) -> None:
    suite = ET.fromstring(printed.reported(write_junit, text).encode())[0]  # noqa: S314 - what we wrote ourselves
    assert [case.tag for case in suite] == [case.tag for case in ET.fromstring(printed.reported(write_junit, PLAIN))[0]]  # noqa: S314
    assert {each.tag for each in suite.iter()} <= {
        *("testsuite", "testcase", "properties", "property", "failure", "error", "skipped")
    }


@CATALOGUE
def test_markdown_has_the_lines_it_has_with_any_name_and_no_markup_of_theirs(text: str) -> None:
    shown = printed.reported(write_markdown, text)
    assert is_inert(shown)
    assert lines(shown) == lines(printed.reported(write_markdown, PLAIN))
    assert shown.count("<") == printed.reported(write_markdown, PLAIN).count("<")
    shown.encode()


@CATALOGUE
def test_an_annotation_is_one_command_on_one_line(text: str) -> None:
    problems = [Problem(f"{text}:1:2", text, text), Problem(text, text, text)]
    notes = [*of_problems(problems), *of_causes(gather(printed.rows(text), names=5), rollout=text)]
    assert len(notes) == len(problems) + len([*of_causes(gather(printed.rows(PLAIN), names=5), rollout=PLAIN)])
    for note in notes:
        assert re.fullmatch(r"::(error|warning)( (file|title)=[^:]*)?::[^\r\n]*", note)
        assert is_inert(note)
        assert lines(note) == 1
