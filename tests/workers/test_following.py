"""A rollout as somebody sees it who only reads the journal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio
import pytest

from deployer.api.workplace import Workplace
from deployer.domain.documents import Document
from deployer.domain.lifecycle import Event
from deployer.domain.samples import Sample
from deployer.engine.clock import SystemClock
from deployer.journal.postgres import PostgresHome, PostgresJournal
from deployer.telemetry.events import Event as Told
from deployer.workers import following as module
from deployer.workers.following import followed
from tests.factories import crowd, plan, rollout
from tests.journal.entries import AT, entry
from tests.postgres import Server

pytestmark = pytest.mark.anyio

FIRST = rollout()


def place(journal: PostgresJournal, address: str) -> Workplace:
    def tell(name: str, fields: Document) -> Told:
        return Told(name, AT, fields)

    home = PostgresHome(address, Path())
    return cast("Workplace", SimpleNamespace(journal=journal, clock=SystemClock(), home=home, tell=tell))


@asynccontextmanager
async def begun(database: Server, tenants: int) -> AsyncIterator[tuple[PostgresJournal, str]]:
    """Open a journal with a rollout to so many tenants, and say where it lies."""
    address = database.new_database()
    async with PostgresJournal(address) as journal:
        await journal.begin(FIRST, plan(*crowd(tenants)))
        yield journal, address


async def test_every_tenant_that_comes_to_rest_is_told_once_however_many_do_between_two_looks(
    database: Server,
) -> None:
    async with begun(database, 2500) as (journal, address), followed(place(journal, address), FIRST) as following:
        for one in await journal.deployments(FIRST.id, after=-1, limit=2500):
            journal.note(entry(one, Event.SKIP))
        await journal.conclude(FIRST.id, outcome="succeeded", reason="", ended_at=AT)
        told = [event.fields["tenant"] async for event in following if event.name == "tenant.rested"]
    assert sorted(map(str, told)) == sorted(f"tenant-{number}" for number in range(2500))


async def test_where_nothing_happens_nothing_is_told_and_the_journal_is_left_in_peace(database: Server) -> None:
    async with begun(database, 2) as (journal, address), followed(place(journal, address), FIRST) as following:
        told = []
        with anyio.move_on_after(1.5):
            async for event in following:
                told.append(event)  # noqa: PERF401 - what came before the time was over counts
        assert told == []


async def test_who_watches_is_told_once_that_no_worker_is_left(
    database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    async with begun(database, 2) as (journal, address), followed(place(journal, address), FIRST) as following:
        told = []
        with anyio.move_on_after(2.5):
            async for event in following:
                told.append((event.name, event.fields["remedy"]))  # noqa: PERF401 - as above
    assert told == [("workers.gone", "start one: deployer worker")]


async def test_what_workers_ask_is_known_from_when_somebody_looks_on_and_steps_are_told_as_a_tenant_rests(
    database: Server,
) -> None:
    async with begun(database, 2) as (journal, address):
        first, second = await journal.deployments(FIRST.id, after=-1, limit=2)
        journal.sample(FIRST.id, Sample("main", AT, 5.0, 1000, limit=20.0))
        await journal.record(entry(first, Event.SKIP))
        async with followed(place(journal, address), FIRST) as following:
            assert following.budget.rate == 0.0
            journal.sample(FIRST.id, Sample("main", AT, 5.0, 60, in_flight=3, limit=20.0))
            await journal.record(entry(second, Event.SKIP))
            await journal.conclude(FIRST.id, outcome="succeeded", reason="", ended_at=AT)
            told = [event async for event in following if event.fields.get("tenant") == second.planned.tenant]
            budget = following.budget
    assert [(event.name, event.fields.get("state")) for event in told] == [
        ("step.moved", "skipped"),
        ("tenant.rested", None),
    ]
    assert (budget.sent // 60, budget.in_flight, budget.rate) == (1, 3, 20.0)
