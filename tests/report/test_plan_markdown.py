"""A plan as a comment on a pull request."""

import re
from dataclasses import replace

import pytest

from deployer.domain.plan import Action
from deployer.report.plan_markdown import plan_markdown
from tests.factories import plan, planned
from tests.report.hostile import NAMES
from tests.report.printed import a_plan
from tests.report.stage import DIGEST, change

ENTITY = re.compile(r"&#(\d+);")


def markdown(*tenants: object, **more: object) -> list[str]:
    return list(plan_markdown(replace(plan(*tenants), **more), DIGEST, manifest="my rollout.yaml"))  # type: ignore[arg-type]


def read(line: str) -> str:
    """Return a line as a person reads it on the page."""
    return ENTITY.sub(lambda found: chr(int(found[1])), line).replace("<code>", "").replace("</code>", "")


def test_each_tenant_with_work_has_its_row_and_the_unchanged_are_counted() -> None:
    lines = markdown(
        planned("acme", changes=[change("settings.size", 1, 2)]),
        planned("globex", action=Action.NO_CHANGE, steps=()),
        planned("initech", action=Action.BLOCKED, steps=(), reason="no such connection"),
    )
    assert [read(line) for line in lines if line.startswith("| <code>")] == [
        "| acme | main | **create** | 1 | settings.size 1 → 2 |",
        "| initech | main | **blocked** |  | no such connection |",
    ]
    assert lines[2].startswith("1 to create, 1 unchanged, 1 blocked · ")
    assert read(lines[-1]) == f"Apply it: deployer apply 'my rollout.yaml' --plan {DIGEST[:12]}"


def test_a_plan_without_work_has_no_table_and_nothing_to_apply() -> None:
    lines = markdown(planned("globex", action=Action.NO_CHANGE, steps=()))
    assert [line for line in lines if line.startswith("|") or "deployer apply" in read(line)] == []


def test_a_plan_for_thousands_fits_a_comment_and_counts_who_does_not() -> None:
    lines = markdown(*(planned(f"tenant-{number}") for number in range(5000)))
    shown = sum(line.startswith("| <code>") for line in lines)
    assert len("\n".join(lines)) < 65_536
    assert f"… and {5000 - shown} more tenants: the log of the job shows them" in lines


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_whatever_a_name_holds_it_neither_ends_a_cell_nor_commands_anything(name: str) -> None:
    lines = list(plan_markdown(a_plan(name), DIGEST, manifest=name, scope=f" --tenant {name}"))
    for line in lines:
        assert "\n" not in line
        if line.startswith("|"):
            assert line.count("|") == 6
        bare = re.sub(r"<code>[^<]*</code>", "", line).replace("<br>", "")
        assert not set(bare) & set("<>[]`@"), line
    assert all(re.fullmatch(r"[^|<>`\[\]@]*", inner) for inner in re.findall(r"<code>(.*?)</code>", "".join(lines)))
