"""Reports in files and annotations: what they say, and that no name can make them say anything else."""

import io
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deployer.domain.deployment import Deployment, count
from deployer.domain.lifecycle import State
from deployer.domain.plan import Action
from deployer.errors import Problem, UsageError
from deployer.report.annotations import MOST, annotation, of_causes, of_problems, silence
from deployer.report.causes import gather
from deployer.report.files import Report, parse_report
from deployer.report.junit import write_junit
from deployer.report.markdown import write_markdown
from deployer.report.summary import rollout_head, tenant_view
from deployer.report.text import plain
from tests.factories import rollout
from tests.report.hostile import MARKUP, NAMES
from tests.report.stage import at_rest, untouched

ANYTHING = st.text() | st.sampled_from(list(NAMES.values()))


def split(tenants: Sequence[Deployment]) -> tuple[dict[str, Any], list[Any]]:
    """Return the head of a rollout's document, and its tenants."""
    counts = count(tenant.status for tenant in tenants)
    return rollout_head(rollout(reason="main: 401"), counts), [*map(tenant_view, tenants)]


def failed(count: int, message: str = "no such zone", code: str = "invalid_field") -> Iterator[Deployment]:
    for number in range(count):
        yield at_rest(f"{code}-{number}", State.FAILED, code=code, message=message)


def mixed() -> list[Deployment]:
    return [
        at_rest("acme", State.DONE),
        *failed(12),
        at_rest("soylent", State.UNKNOWN, code="doubtful", message="?", remedy="deployer resolve soylent --retry"),
        untouched("initech", action=Action.BLOCKED, reason="moved"),
        untouched("hooli"),
        untouched("stark", action=Action.NO_CHANGE),
    ]


def hostile(text: str) -> list[Deployment]:
    return [at_rest(text, state, code=text, message=text, remedy=text) for state in (State.FAILED, State.UNKNOWN)]


def junit(tenants: Sequence[Deployment]) -> ET.Element:
    stream = io.StringIO()
    write_junit(stream, *split(tenants))
    return ET.fromstring(stream.getvalue().encode())  # noqa: S314 - what we wrote ourselves


def markdown(tenants: Sequence[Deployment]) -> str:
    stream = io.StringIO()
    write_markdown(stream, *split(tenants))
    return stream.getvalue()


def parts(text: str) -> list[Any]:
    """Return all tokens of a Markdown text, those within lines too."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [each for token in tokens for each in (token, *(token.children or []))]


def test_every_outcome_has_its_verdict_in_junit() -> None:
    suite = junit(mixed())[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "17",
        "failures": "12",
        "errors": "1",
        "skipped": "2",
    }
    verdicts = {case.get("name"): [verdict.tag for verdict in case] for case in suite.iter("testcase")}
    told = {"acme": [], "stark": [], "soylent": ["error"], "initech": ["skipped"], "hooli": ["skipped"]}
    assert verdicts == told | {f"invalid_field-{number}": ["failure"] for number in range(12)}


def test_a_failure_in_junit_says_why_and_what_to_do() -> None:
    failure = junit(list(failed(1))).find(".//failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message"), failure.text) == ("invalid_field", "no such zone", "mend it")


@given(ANYTHING.filter(bool))
def test_any_text_stays_text_in_junit(text: str) -> None:
    expected = re.sub("[\ufffe\uffff]", "", plain(text))
    cases = list(junit(hostile(text)).iter("testcase"))
    assert [case.get("name") for case in cases] == [expected] * 2
    assert [(case[0].get("message"), case[0].text or "") for case in cases] == [(expected, expected)] * 2


def test_markdown_tells_each_cause_once_with_its_remedy() -> None:
    lines = markdown(mixed()).splitlines()
    assert lines[0] == "## Rollout <code>order-sync</code>: running"
    assert lines[2].startswith("1 done, 1 unchanged, 1 pending, 12 failed, 1 unknown, 1 blocked. Plan ")
    assert "- **12 failed**: <code>invalid&#95;field&#58; no such zone &#40;timezone, 422&#41;</code>  " in lines
    assert sum("… and 2 more" in line for line in lines) == 1
    assert "  → <code>deployer resolve soylent --retry</code>" in lines
    assert "| <code>initech</code> | <code>main</code> | blocked | <code>moved</code> |" in lines


def test_markdown_names_no_more_tenants_than_people_read() -> None:
    text = markdown(list(failed(250)))
    assert len(re.findall("^\\| <code>", text, re.MULTILINE)) == 200
    assert text.endswith("\n… and 50 more tenants\n")


@given(ANYTHING)
def test_any_text_stays_text_in_its_cell_of_markdown(text: str) -> None:
    tokens = parts(markdown(hostile(text)))
    kinds = [token.type for token in tokens]
    assert (kinds.count("tr_open"), kinds.count("td_open")) == (3, 8)
    assert not {"link_open", "image", "em_open", "s_open", "code_inline", "html_block", "fence"} & set(kinds)
    assert {token.content for token in tokens if token.type == "html_inline"} <= {"<code>", "</code>"}


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_shown_as_it_is_written(text: str) -> None:
    cell = parts(markdown(hostile(text)))
    shown = ["".join(each.content for each in cell if each.type == "text") for cell in _cells(cell)]
    assert shown[0] == plain(text).strip()


def _cells(tokens: list[Any]) -> Iterator[list[Any]]:
    for before, token in pairwise(tokens):
        if before.type == "td_open":
            yield token.children


def test_nothing_that_a_reader_could_take_for_a_link_or_a_mention_stands_bare() -> None:
    text = markdown(hostile("https://evil.example www.evil.example a@evil.example @admin #1"))
    assert not re.search(r"://|www\.|@|#[0-9](?!\d*;)", text.replace("## Rollout", "").replace("&#", ""))


@pytest.mark.parametrize("kind", ["junit", "md"])
def test_a_report_is_written_whole_over_an_older_one(tmp_path: Path, kind: str) -> None:
    report = parse_report(f"{kind}={tmp_path}/report=1")
    report.path.write_text("older")
    report.write(*split(mixed()))
    assert "soylent" in report.path.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report=1"]


def test_a_report_that_breaks_off_leaves_the_older_one(tmp_path: Path) -> None:
    def tenants() -> Iterator[Any]:
        yield from split(mixed())[1]
        raise InterruptedError

    (tmp_path / "out.xml").write_text("older")
    with pytest.raises(UsageError, match="cannot be written"):
        Report("junit", tmp_path / "out.xml").write(split(mixed())[0], tenants())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.xml", "older")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pdf=out.pdf", "names no report"),
        ("pdf=out.pdf", '"pdf=out.pdf" names no report'),
        ("junit", '"junit" names no report'),
        ("junit=", '"junit=" names no report'),
        ("md=no/such/place.md", "there is no such directory"),
    ],
)
def test_a_report_that_cannot_be_is_refused_at_once(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_report(text)


def test_an_unknown_report_names_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        parse_report("pdf=out.pdf")
    assert caught.value.remedy == "write --report with one of html=FILE, json=FILE, md=FILE, csv=FILE, junit=FILE"


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("rollout.yaml:9:16", "::error file=rollout.yaml,line=9,col=16::tenants[0].x: wrong"),
        ("tenants.csv:12", "::error file=tenants.csv,line=12::tenants[0].x: wrong"),
        ("a,b:c.yaml", "::error file=a%2Cb%3Ac.yaml::tenants[0].x: wrong"),
        ('t.xlsx: sheet "A: 1" C7', '::error file=t.xlsx::sheet "A: 1" C7: tenants[0].x: wrong'),
    ],
)
def test_a_problem_is_annotated_where_it_stands(where: str, command: str) -> None:
    assert list(of_problems([Problem(where, "tenants[0].x", "wrong")])) == [command]


def test_problems_beyond_those_that_are_shown_are_counted() -> None:
    problems = [Problem(f"m.yaml:{line}:1", "", "wrong") for line in range(1, 15)]
    assert len(list(of_problems(problems[:MOST]))) == MOST
    assert list(of_problems(problems))[-1] == "::error title=deployer::and 5 more problems: see the log"
    assert len(list(of_problems(problems))) == MOST


def test_tenants_are_annotated_by_cause() -> None:
    causes = gather(split([*failed(12, code="x"), *mixed()[13:]])[1], names=5)
    assert list(of_causes(causes, rollout="order-sync")) == [
        (
            "::error title=order-sync%3A 12 failed::"
            "x: no such zone (timezone, 422)%0Ax-0, x-1, x-2, x-3, x-4, … and 7 more%0Amend it"
        ),
        "::warning title=order-sync%3A 1 blocked::moved%0Ainitech%0Amend the cause and apply again",
        (
            "::error title=order-sync%3A 1 unknown::"
            "doubtful: ? (timezone, 422)%0Asoylent%0Adeployer resolve soylent --retry"
        ),
    ]


def test_more_causes_than_are_shown_are_counted() -> None:
    tenants = [tenant for code in "abcdefghijkl" for tenant in failed(2, code=code)]
    shown = list(of_causes(gather(split(tenants)[1], names=5), rollout="r"))
    assert len(shown) == MOST
    assert shown[-1] == "::error title=r::and 6 more tenants for other causes: see the log"


@given(ANYTHING, ANYTHING)
def test_no_text_ends_an_annotation_or_begins_another(text: str, title: str) -> None:
    command = annotation("error", text, title=title)
    assert not {"\n", "\r"} & set(command)
    properties, message = re.fullmatch("::error title=([^:,]*)::(.*)", command, re.DOTALL).groups()  # type: ignore[union-attr]
    assert [_read(properties), _read(message)] == [title, text]


def test_silence_ends_with_what_it_began_with_and_nobody_else_knows() -> None:
    begin, end = silence("5f0a")
    assert begin.removeprefix("::stop-commands::") == end.strip(":") == "5f0a"


def _read(text: str) -> str:
    """Undo the escapes as the runner does."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_where_every_tenant_has_a_cause_of_its_own_memory_stays_bounded() -> None:
    _, [tenant] = split(list(failed(1)))
    tenants = ({**tenant, "error": {**tenant["error"], "message": str(number)}} for number in range(3000))
    causes = gather(tenants, names=1)
    assert (len(causes.ordered()), causes.others) == (1000, 2000)
