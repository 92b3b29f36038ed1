"""What a report tells of a rollout, in every form but the page."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deployer.report.files import WRITERS
from tests.report.hostile import NAMES, is_inert
from tests.report.rollouts import Course, read

GOLDEN = Path(__file__).parent / "golden"


def written(form: str, course: Course | None = None) -> str:
    """Return a report of a course, or of a small one, which is made anew: it draws as it goes."""
    stream = io.StringIO(newline="")
    WRITERS[form](stream, *read(course or Course(24, waves=[1, "50%"], failing=20)))
    return stream.getvalue()


@pytest.mark.parametrize("form", ["md", "csv", "json"])
def test_a_report_reads_as_it_did(form: str) -> None:
    said = written(form)
    if form == "json":
        said = f"{json.dumps(json.loads(said), indent=1, ensure_ascii=False)}\n"
    assert said.encode() == (GOLDEN / f"report.{form}").read_bytes()


def test_the_parts_of_a_report_agree() -> None:
    document: Any = json.loads(written("json"))
    tenants = document["tenants"]
    assert Counter(tenant["outcome"] for tenant in tenants) == {k: n for k, n in document["counts"].items() if n}
    assert sum(cause["tenants"] for cause in document["causes"]) == sum(bool(tenant["error"]) for tenant in tenants)
    assert sum(document["actions"].values()) == len(tenants)
    for each in document["waited"]:
        assert each["seconds"] == pytest.approx(sum(tenant["waited"].get(each["what"], 0) for tenant in tenants))
    for number, wave in enumerate(document["waves"], 1):
        whose = Counter(tenant["outcome"] for tenant in tenants if tenant["wave"] == number)
        assert whose == {k: n for k, n in wave["counts"].items() if n}


def test_in_csv_no_name_steers_or_computes() -> None:
    said = written("csv", Course(len(NAMES) + 5, failing=0, names=[*NAMES.values()]))
    assert is_inert(said.replace("\r\n", "\n"))
    rows = [*csv.reader(io.StringIO(said))]
    assert len(rows) == len(NAMES) + 6
    assert not any(row[0].lstrip()[:1] in {*"=+-@"} for row in rows)


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_bears_every_name(form: str) -> None:
    said = written(form, Course(len(NAMES) + 5, failing=100, names=[*NAMES.values()]))
    assert said.encode()  # nothing in it is half of a character
    if form != "csv":  # whose lines have ends of their own
        assert is_inert(said)
