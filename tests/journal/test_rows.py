"""Rows as they lie in the tables: what goes in comes out, where queries look for it, and no column changes unseen."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from deployer.domain.deployment import Step
from deployer.domain.gate import Gate, GateState
from deployer.domain.instructions import Instruction, Verb
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.rebuilding import Work
from deployer.domain.samples import Sample
from deployer.domain.template import flow_template
from deployer.errors import JournalError
from deployer.journal import rows
from deployer.journal.checksums import checked, summed
from deployer.journal.connection import Row
from tests.factories import INTEGRATION, TEMPLATE, deployment, instance, planned, rollout

STEP: Final = Step(StepKind.CLONE, State.FAILED, 2, None, {"flow": "flow0001"})
GATE: Final = Gate(3, GateState.WAITING, "2026-03-01", "ann")
SAID: Final = Instruction("said0001", "order-sync-1", Verb.EXCLUDE, "acme", "ann", "2026-03-01")
REVISION: Final = flow_template({"_id": TEMPLATE, "name": "Orders"}, [])
ASKED: Final = Sample("main", "2026-03-01", 5.0, 7, throttled=2)
FOUND: Final = deployment(STEP, of=replace(planned(), wave=4), place=5)


def read_found(row: Row) -> object:
    return rows.read_deployment(row, [rows.step_row("order-sync-1", 5, 0, STEP)], None)


# What it is called, its row, how that is read, what is read, and the columns that queries look at.
CASES: Final[Sequence[tuple[str, Row, Callable[[Row], Any], Any, Sequence[object]]]] = [
    (
        "rollout order-sync-1",
        rows.rollout_row(rollout(), "{}"),
        rows.read_rollout,
        (rollout(), "{}"),
        ["order-sync-1", "order-sync"],
    ),
    ("which journal it is", rows.work_row(Work("journal", 7)), rows.read_work, Work("journal", 7), ["journal", 7]),
    (
        "deployment acme",
        rows.deployment_row("order-sync-1", 5, FOUND.planned),
        read_found,
        FOUND,
        ["order-sync-1", 5, "acme", "main", TEMPLATE, INTEGRATION, "create", 4],
    ),
    (
        "a step of acme",
        rows.step_row("order-sync-1", 5, 1, STEP),
        lambda row: rows.read_step(row, "acme"),
        STEP,
        ["order-sync-1", 5, 1, "clone", "failed", 2],
    ),
    (
        f"what is remembered of integration {INTEGRATION}",
        rows.instance_row(instance()),
        rows.read_instance,
        instance(),
        [TEMPLATE, INTEGRATION, "acme", "main"],
    ),
    (
        f"revision {REVISION.revision} of template {TEMPLATE}",
        rows.revision_row(REVISION),
        rows.read_revision,
        REVISION,
        [TEMPLATE, REVISION.revision],
    ),
    (
        "an instruction to rollout order-sync-1",
        rows.instruction_row(SAID),
        rows.read_instruction,
        SAID,
        ["said0001", "order-sync-1", "exclude", "acme", "ann", "2026-03-01"],
    ),
    (
        "the gate after wave 3",
        rows.gate_row("order-sync-1", GATE),
        rows.read_gate,
        GATE,
        ["order-sync-1", 3, "waiting", "2026-03-01", "ann"],
    ),
    (
        "a sample of rollout order-sync-1",
        rows.sample_row("order-sync-1", ASKED),
        rows.read_sample,
        ASKED,
        ["order-sync-1", "main", "2026-03-01"],
    ),
]


@pytest.mark.parametrize(("name", "row", "read", "value", "columns"), CASES)
def test_what_is_written_is_read_and_lies_where_queries_look(
    name: str, row: Row, read: Callable[[Row], object], value: object, columns: Sequence[object]
) -> None:
    assert read(row) == value, name
    assert list(row[: len(columns)]) == list(columns)


@pytest.mark.parametrize(("name", "row", "read"), [case[:3] for case in CASES])
def test_a_column_that_changed_is_damage_and_is_told_of_what(
    name: str, row: Row, read: Callable[[Row], object]
) -> None:
    with pytest.raises(JournalError, match=f"^the journal is damaged: {name} does not match its checksum$") as caught:
        read((*row[:-1], row[-1] + 1))
    assert caught.value.remedy == "restore the file from a backup; nothing was sent"
    for place in range(len(row) - 1):
        with pytest.raises(JournalError, match="does not match its checksum"):
            read((*row[:place], f"{row[place]}x", *row[place + 1 :]))


def test_a_step_that_is_damaged_damages_its_deployment() -> None:
    row, step = rows.deployment_row("order-sync-1", 5, FOUND.planned), rows.step_row("order-sync-1", 5, 0, STEP)
    with pytest.raises(JournalError, match="a step of acme does not match"):
        rows.read_deployment(row, [(*step[:-1], 0)], None)
    known = instance()
    assert rows.read_deployment(row, [], known).known == known


def test_a_checksum_is_over_every_column_and_its_kind() -> None:
    assert summed(("a", 1)) == ("a", 1, 2745452491)
    assert checked(("a", 1, 2745452491), "it") == ("a", 1)
    assert len({summed(row)[-1] for row in [("a", 1), ("a", "1"), ("a1",), ("a", 1, None), ("b", 1)]}) == 5
