"""Journals as rollouts leave them, made in no time."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from deployer.domain.deployment import Moment, Step
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.plan import Plan
from deployer.domain.plan_records import planned_line
from deployer.domain.waves import Wave
from deployer.journal import queries as q
from deployer.journal.checksums import summed
from deployer.journal.connection import Row
from deployer.journal.protocol import Rollout
from deployer.journal.rows import step_row
from deployer.journal.sqlite import SqliteJournal
from tests.factories import CREATE, FLOW, TEMPLATE, crowd, plan, rollout
from tests.journal.entries import after, entry

FIRST = rollout()
_FAILURE = {"code": "invalid_field", "status": 422, "field": "timezone", "message": "no such zone", "remedy": "mend it"}


async def written(path: Path, made: Plan, *, begun: Rollout = FIRST, failing: Sequence[str] = ()) -> None:
    """Write a rollout in which some tenants failed for a reason, by name, and the others have not begun."""
    async with SqliteJournal(path) as journal:
        await journal.begin_work()
        await journal.begin(begun, made)
        for name in failing:
            deployment = await journal.deployment(begun.id, name)
            assert deployment is not None
            for event in (Event.INTEND, Event.REFUSE):
                error = {**_FAILURE, "message": f"no zone {name}"} if event is Event.REFUSE else None
                told = entry(deployment, event, {"error": error} if error else {})  # type: ignore[dict-item]  # JSON
                await journal.record(told)
                deployment = after(told)


async def crowded(path: Path, count: int, *, done: int, failed: int) -> None:
    """Write a rollout of very many tenants in three waves, of which the first are done, and the next failed."""
    sizes = (count // 100, count // 4, count - count // 100 - count // 4)
    waves = tuple(Wave(name, size, 500, 10) for name, size in zip(("canary", "early", "rest"), sizes, strict=True))
    async with SqliteJournal(path) as journal:
        await journal.begin(FIRST, replace(plan(), tenants=(), waves=waves))
    ends = sizes[0], sizes[0] + sizes[1], count
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(q.DEPLOY, (_deployment(place, ends) for place in range(count)))
        connection.executemany(q.PREPARE, _steps(count, done, failed))
        connection.commit()


def _deployment(place: int, ends: Sequence[int]) -> Row:
    """Return the row of a tenant, whose plan is that of all others but for its names."""
    wave = 1 + bisect_right(ends, place)
    tenant, integration = f"tenant-{place:06}", f"{place:024x}"
    body = _LINES[wave - 1].replace("@tenant", tenant).replace("@integration", integration)
    return summed((FIRST.id, place, tenant, "main", TEMPLATE, integration, "create", wave, body))


def _steps(count: int, done: int, failed: int) -> Iterator[Row]:
    """Yield the rows of steps, which are alike but for their places."""
    moment, error = Moment("boot", 1.0), {"error": _FAILURE}
    states = (
        [Step(kind, State.DONE, 1, moment, {"flow": FLOW}) for kind in CREATE],
        [Step(StepKind.CLONE, State.FAILED, 1, moment, error), Step(StepKind.CONFIGURE)],  # type: ignore[arg-type]  # JSON
        list(map(Step, CREATE)),
    )
    models = [[step_row(FIRST.id, 0, position, step) for position, step in enumerate(steps)] for steps in states]
    for place in range(count):
        for model in models[bisect_right((done, done + failed), place)]:
            yield summed((FIRST.id, place, *model[2:-1]))


_LINES = [
    planned_line(replace(crowd(1)[0], tenant="@tenant", integration="@integration", wave=wave)) for wave in (1, 2, 3)
]
