"""Write many entries with a few statements: each statement hands the interpreter's lock over, and may wait for it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from deployer.domain.deployment import OPEN, Deployment, Instance, Step
from deployer.domain.documents import canonical
from deployer.domain.memory import instance_unwritten
from deployer.domain.plan import Plan, Planned
from deployer.domain.plan_records import plan_record
from deployer.domain.template import Template
from deployer.domain.waves import Wave
from deployer.errors import JournalError
from deployer.journal import claims
from deployer.journal import queries as q
from deployer.journal.checksums import summed
from deployer.journal.connection import Connection, Row, RowWriter
from deployer.journal.protocol import Admitted, Entry, Rollout
from deployer.journal.rows import (
    deployment_row,
    instance_row,
    read_instance,
    revision_row,
    rollout_row,
    step_row,
)

_Change: TypeAlias = tuple[Callable[[int], str], Sequence[Row]]  # a statement by how many rows it writes, and the rows

_MOST: Final = 64  # rows of one statement: more are hardly cheaper


def enter(connection: Connection, entries: Iterable[Entry], epochs: Mapping[str, int]) -> None:
    """Write entries in their order; raise JournalError unless each step is as its entry's writer knew it.

    With them, say that we are alive in the accounts that we claimed; raise GuardError where one is ours no more.
    """
    for group in _apart(entries):
        changes: list[_Change] = [
            (q.moves, [_move(entry) for entry in group]),
            (q.happenings, [_happening(entry) for entry in group]),
            (q.rests, [_place_of(entry) for entry in group if _rests(entry)]),
            (q.memories, [instance_row(entry.instance) for entry in group if entry.instance]),
            (q.forgettings, [_instance_of(entry) for entry in group if entry.forgets]),
            (claims.beats, list(epochs.items())),
        ]
        met, *_, alive = _write(connection, [change for change in changes if change[1]])
        if epochs and alive != len(epochs):
            claims.beat(connection, epochs)  # which tells what is not ours
        if met != len(group):
            problem = f"{len(group)} writes met {met} rows"
            raise JournalError(f"the journal was changed by somebody else: {problem}")


def remember(connection: Connection, instances: Sequence[Instance]) -> None:
    """Write what is remembered of live flows from now on."""
    if instances:
        _write(connection, [(q.memories, list(map(instance_row, instances)))])


def begin(connection: Connection, rollout: Rollout, plan: Plan, revisions: Collection[Template]) -> None:
    """Write a rollout, its plan and its steps, the revisions that it knows, and what tenants without a step leave."""
    connection.execute(q.BEGIN, rollout_row(rollout, canonical(plan_record(plan))))
    connection.executemany(q.KEEP_REVISION, map(revision_row, revisions))
    for place, planned in enumerate(plan.tenants):
        connection.execute(q.DEPLOY, deployment_row(rollout.id, place, planned))
        for position, kind in enumerate(planned.steps):
            connection.execute(q.PREPARE, step_row(rollout.id, place, position, Step(kind)))
        remember_unwritten(connection, planned)


def remember_unwritten(connection: Connection, planned: Planned) -> None:
    """Remember what a tenant without any step leaves to remember, if that is anything new."""
    if planned.steps or planned.flow is None:
        return
    rows: list[Row] = connection.execute(q.INSTANCE_AT, (planned.template, planned.integration)).fetchall()
    instance = instance_unwritten(planned, read_instance(rows[0]) if rows else None)
    if instance:
        remember(connection, [instance])


def admission(connection: Connection, deployment: Deployment, wave: Wave, *, strict: bool) -> Admitted:
    """Let a tenant begin in its wave, unless as many fail or are in flight already as the wave bounds."""
    wanted = {"rollout": deployment.rollout, "wave": deployment.planned.wave, "place": deployment.place}
    [(failed,)] = connection.execute(q.FAILED_IN, wanted).fetchall()
    [(in_flight, seated)] = connection.execute(q.IN_FLIGHT, wanted).fetchall()
    granted = bool(seated) or wave.room(failed, in_flight, strict=strict) > 0
    if granted and not seated:
        connection.execute(q.ADMIT, wanted)
    return Admitted(granted and not wave.is_broken(failed), failed)


def refusal(connection: Connection, deployment: Deployment) -> Admitted | None:
    """Return that nobody may begin in a wave, where an account of it stopped for a cause."""
    wanted = (deployment.rollout, deployment.planned.wave)
    return Admitted(granted=False, failed=0, closed=True) if connection.execute(q.STOPPED, wanted).fetchall() else None


def _apart(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries in groups, of each deployment one: a statement changes its rows in no particular order."""
    group: dict[tuple[str, int], Entry] = {}
    for entry in entries:
        where = (entry.deployment.rollout, entry.deployment.place)
        if where in group:
            yield list(group.values())
            group = {}
        group[where] = entry
    if group:
        yield list(group.values())


def _write(connection: Connection, changes: Sequence[_Change]) -> list[int]:
    """Execute statements, each for all its rows, and return how many rows of the table each met."""
    if isinstance(connection, RowWriter):
        return connection.write_rows([(statement(1), rows) for statement, rows in changes])
    return [_write_rows(connection, statement, rows) for statement, rows in changes]


def _write_rows(connection: Connection, statement: Callable[[int], str], rows: Sequence[Row]) -> int:
    """Execute a statement for all rows, a power of two at a time, so that few are ever compiled; return its count."""
    met, start = 0, 0
    while left := len(rows) - start:
        size = min(_MOST, 1 << left.bit_length() - 1)
        values = [value for row in rows[start : start + size] for value in row]
        met += connection.execute(statement(size), values).rowcount
        start += size
    return met


def _rests(entry: Entry) -> bool:
    """Tell whether a tenant of a wave makes room for the next."""
    deployment = entry.deployment
    return deployment.planned.wave > 0 and deployment.moved(entry.index, entry.step).status not in OPEN


def _place_of(entry: Entry) -> Row:
    return entry.deployment.rollout, entry.deployment.place


def _instance_of(entry: Entry) -> Row:
    planned = entry.deployment.planned
    return planned.template, planned.integration


def _move(entry: Entry) -> Row:
    before = entry.deployment.steps[entry.index]
    where = (entry.deployment.rollout, entry.deployment.place, entry.index)
    return (*step_row(*where, entry.step), before.state.value, before.attempts)


def _happening(entry: Entry) -> Row:
    where = (entry.deployment.rollout, entry.deployment.place, entry.index)
    return summed((*where, entry.event.value, entry.at, canonical(entry.facts)))
