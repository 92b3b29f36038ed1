import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count, islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.deployment import Status
from deployer.domain.lifecycle import State
from deployer.report.columns import OUTCOMES, PLANNED, ROLLOUTS, rollout_row, rollouts_head
from deployer.report.listing import Column, Form, Listing, write_list
from deployer.report.plan_view import plan_tenant
from deployer.report.summary import tenant_view
from deployer.report.text import columns, plain
from tests.factories import rollout
from tests.report.hostile import FORMULAS
from tests.report.stage import at_rest, sample, untouched

NAMES = Listing("names", (Column("name", lambda row: row["name"]), Column("size", lambda row: row.get("size"))))


def listed(
    form: Form, listing: Listing, rows: Iterable[Any], *, width: int | None = 80, head: Mapping[str, Any] | None = None
) -> str:
    stream = io.StringIO(newline="")
    write_list(stream, form, listing, head or {}, rows, width=width)
    return stream.getvalue()


def named(*names: str) -> list[dict[str, str]]:
    return [{"name": name} for name in names]


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def outcomes() -> list[Any]:
    remedy = "deployer resolve soylent --retry"
    tenants = [
        at_rest("acme", State.DONE),
        at_rest("soylent", State.UNKNOWN, code="doubtful_flow", message="no answer", remedy=remedy),
        at_rest("東京", State.FAILED, code="failed", message="no such zone"),
        untouched("initech"),
    ]
    return [*map(tenant_view, tenants)]


def test_tenants_of_a_rollout_read_like_this() -> None:
    assert listed("table", OUTCOMES, outcomes()).splitlines() == [
        "TENANT   OUTCOME  ACTION  ACCOUNT  ERROR",
        "acme     done     update  main",
        "soylent  unknown  update  main     doubtful_flow: no answer",
        "東京     failed   update  main     no such zone",
        "initech  pending  update  main",
    ]


def test_the_wide_list_shows_what_the_table_leaves_out() -> None:
    text = listed("wide", OUTCOMES, outcomes(), width=20)
    assert text.splitlines()[0].split() == [column.title.upper() for column in OUTCOMES.columns]
    assert "deployer resolve soylent --retry" in text


def test_tenants_of_a_plan_read_like_this() -> None:
    rows = map(plan_tenant, sample().tenants)
    assert listed("table", PLANNED, rows, width=50).splitlines()[:4] == [
        "TENANT    ACTION     ACCOUNT  WAVE  REASON",
        "acme      create     main     1",
        "globex    update     main     1",
        'initech   blocked    main           connection "N…',
    ]


def test_rollouts_read_like_this() -> None:
    counts = dict.fromkeys(Status, 0) | {Status.DONE: 38, Status.FAILED: 2}
    ended = replace(rollout(), outcome="failed", ended_at="2026-03-01T10:06:12.000Z")
    rows = [rollout_row(rollout(number=2, kind="run"), counts), rollout_row(ended, counts)]
    assert listed("table", ROLLOUTS, rows, width=140).splitlines() == [
        "ROLLOUT       OUTCOME  STARTED               TOOK   DONE  FAILED  WHO        KIND   PLAN",
        "order-sync-2  running  2026-03-01T10:00:00Z         38    2       jo@laptop  run    pppppppppppp",
        "order-sync-1  failed   2026-03-01T10:00:00Z  6m12s  38    2       jo@laptop  apply  pppppppppppp",
    ]
    assert listed("json", ROLLOUTS, [], head=rollouts_head()) == '{"format_version": 1, "rollouts": []}\n'


def test_the_id_of_a_rollout_is_shown_whole_since_people_type_it() -> None:
    counts = dict.fromkeys(Status, 0)
    rows = [rollout_row(rollout(number=n, name=f"order-sync-{'x' * 40}"), counts) for n in (1, 2)]
    for width in (80, 140):
        shown = [line.split()[0] for line in listed("table", ROLLOUTS, rows, width=width).splitlines()[1:]]
        assert shown == [row["rollout"] for row in rows]


@given(st.lists(st.text()), st.integers(10, 60))
def test_no_line_of_a_table_is_wider_than_the_terminal(names: list[str], width: int) -> None:
    lines = listed("table", NAMES, named(*names), width=width).splitlines()
    assert len(lines) == len(names) + 1
    assert all(columns(line) <= width for line in lines)


def test_a_column_whose_title_has_no_room_is_left_out() -> None:
    rows = [{"name": "n" * 14, "size": 7}]
    assert listed("table", NAMES, rows, width=20).splitlines() == [f"NAME{' ' * 12}SIZE", f"{'n' * 14}  7"]
    assert listed("table", NAMES, rows, width=19).splitlines() == ["NAME", "n" * 14]


def test_a_table_begins_before_its_rows_have_ended() -> None:
    stream = io.StringIO()
    endless = ({"name": f"tenant-{number}"} for number in count())
    written = (len(stream.getvalue()) for _ in endless)
    rows = ({"name": "x", "size": size} for size in islice(written, 1000))
    write_list(stream, "table", NAMES, {}, rows, width=80)
    sizes = [int(line.split()[1]) for line in stream.getvalue().splitlines()[1:]]
    assert sizes[0] == 0 < sizes[400] < sizes[-1]


def test_a_name_longer_than_those_before_is_cut_in_a_table_and_whole_in_a_wide_list() -> None:
    rows = [*named(*["short"] * 300, "longer-than-all"), {"name": "short", "size": 1}]
    assert listed("table", NAMES, rows).splitlines()[-2:] == ["long…", "short  1"]
    assert listed("wide", NAMES, rows).splitlines()[-2:] == ["longer-than-all", "short  1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_spreadsheet_computes_no_name(formula: str) -> None:
    [[cell, _]] = read(listed("csv", NAMES, named(formula)))[1:]
    assert cell == f"'{plain(formula)}"


def test_a_number_is_no_formula() -> None:
    assert listed("csv", NAMES, [{"name": "a", "size": -1}]) == "name,size\r\na,-1\r\n"


@given(st.lists(st.text(), min_size=1))
def test_csv_is_read_back_as_it_was_shown(names: list[str]) -> None:
    text = listed("csv", NAMES, named(*names))
    assert [row[0].removeprefix("'") for row in read(text)[1:]] == [plain(name).removeprefix("'") for name in names]
    assert text.count("\r\n") == text.count("\n") == len(names) + 1
