"""Rows of the journal: how values lie in columns, and the checksum that guards them."""

import json
from collections.abc import Iterable
from dataclasses import astuple

from deployer.domain.deployment import Deployment, Instance, Step
from deployer.domain.documents import canonical
from deployer.domain.gate import Gate, GateState
from deployer.domain.instructions import Instruction, Verb
from deployer.domain.plan import Planned
from deployer.domain.plan_records import planned_line, planned_of
from deployer.domain.rebuilding import Work
from deployer.domain.records import (
    instance_from,
    instance_record,
    step_from,
    step_record,
    template_from,
    template_record,
)
from deployer.domain.samples import Sample, sample_from, sample_record
from deployer.domain.template import Template
from deployer.journal.checksums import checked, summed
from deployer.journal.connection import Row
from deployer.journal.protocol import Rollout


def rollout_row(rollout: Rollout, head: str) -> Row:
    """Return the row of a rollout; `head` is its plan without the tenants, as JSON."""
    return summed((*astuple(rollout), head))


def read_rollout(row: Row) -> tuple[Rollout, str]:
    """Return the rollout of a row, and its plan without the tenants, as JSON."""
    *columns, head = checked(row, f"rollout {row[0]}")
    return Rollout(*columns), head


def work_row(work: Work) -> Row:
    """Return the row of which journal it is."""
    return summed((work.journal, work.number))


def read_work(row: Row) -> Work:
    """Return which journal it is."""
    return Work(*checked(row, "which journal it is"))


def deployment_row(rollout: str, place: int, planned: Planned) -> Row:
    """Return the row of a planned tenant."""
    where = (planned.tenant, planned.account, planned.template, planned.integration, planned.action.value)
    return summed((rollout, place, *where, planned.wave, planned_line(planned)))


def step_row(rollout: str, place: int, position: int, step: Step) -> Row:
    """Return the row of a step."""
    body = canonical(step_record(step))
    return summed((rollout, place, position, step.kind.value, step.state.value, step.attempts, body))


def instance_row(instance: Instance) -> Row:
    """Return the row of what is remembered of a flow."""
    where = (instance.template, instance.integration, instance.tenant, instance.account)
    return summed((*where, canonical(instance_record(instance))))


def revision_row(template: Template) -> Row:
    """Return the row of what a revision of a template holds."""
    return summed((template.key, template.revision, canonical(template_record(template))))


def read_revision(row: Row) -> Template:
    """Return what a revision of a template holds."""
    *_, body = checked(row, f"revision {row[1]} of template {row[0]}")
    return template_from(json.loads(body))


def instruction_row(instruction: Instruction) -> Row:
    """Return the row of what a person said."""
    said = (instruction.verb.value, instruction.about, instruction.who, instruction.at)
    return summed((instruction.id, instruction.rollout, *said))


def read_instruction(row: Row) -> Instruction:
    """Return what a person said."""
    id_, rollout, verb, about, who, at = checked(row, f"an instruction to rollout {row[1]}")
    return Instruction(id_, rollout, Verb(verb), about, who, at)


def sample_row(rollout: str, sample: Sample) -> Row:
    """Return the row of a sample."""
    return summed((rollout, sample.account, sample.at, canonical(sample_record(sample))))


def read_sample(row: Row) -> Sample:
    """Return the sample of a row."""
    _, account, at, body = checked(row, f"a sample of rollout {row[0]}")
    return sample_from(account, at, json.loads(body))


def gate_row(rollout: str, gate: Gate) -> Row:
    """Return the row of a gate."""
    return summed((rollout, gate.wave, gate.state.value, gate.since, gate.who))


def read_gate(row: Row) -> Gate:
    """Return the gate of a row."""
    _, wave, state, since, who = checked(row, f"the gate after wave {row[1]}")
    return Gate(wave, GateState(state), since, who)


def read_deployment(row: Row, steps: Iterable[Row], known: Instance | None) -> Deployment:
    """Return the deployment of its row and those of its steps, in order, with what is remembered of its flow."""
    rollout, place, tenant, *_, body = checked(row, f"deployment {row[2]}")
    found = tuple(read_step(step, tenant) for step in steps)
    return Deployment(rollout, place, planned_of(body), found, known)


def read_step(row: Row, tenant: str) -> Step:
    """Return the step of a row."""
    *_, kind, state, attempts, body = checked(row, f"a step of {tenant}")
    return step_from(kind, state, attempts, json.loads(body))


def read_instance(row: Row) -> Instance:
    """Return the instance of a row."""
    *_, body = checked(row, f"what is remembered of integration {row[1]}")
    return instance_from(json.loads(body))
