"""What somebody reads who looks at a journal again and again: the same as everybody else, and what moved since."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.domain.deployment import Deployment, Status
from deployer.domain.lifecycle import Event, StepKind
from deployer.domain.plan import Action
from deployer.domain.samples import Sample
from deployer.domain.waves import Wave
from deployer.journal.home import Home, SqliteHome
from deployer.journal.postgres import PostgresHome
from deployer.journal.protocol import Journal
from deployer.journal.watched import News
from tests.factories import CREATE, TEMPLATE, crowd, plan, planned, rollout
from tests.journal.entries import AT, after, entry
from tests.postgres import Server

pytestmark = pytest.mark.anyio

FIRST = rollout()
MANY = 100


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "sqlite":
        return SqliteHome(tmp_path / "journal.db")
    server: Server = request.getfixturevalue("database")
    return PostgresHome(server.new_database(), tmp_path)


async def begun(journal: Journal) -> list[Deployment]:
    """Begin a rollout of eight tenants in two waves, the last two without work."""
    tenants = [replace(each, wave=1 + place // 3) for place, each in enumerate(crowd(6))]
    idle = [
        planned("idle", integration="integr0a", action=Action.NO_CHANGE, steps=()),
        planned("blocked", integration="integr0b", action=Action.BLOCKED, steps=(), reason="no connection"),
    ]
    waves = (Wave("canary", 3, 3, 0), Wave("rest", 3, 3, 0))
    await journal.begin(FIRST, replace(plan(*tenants, *idle), waves=waves))
    return list(await journal.deployments(FIRST.id, after=-1, limit=MANY))


async def meet(journal: Journal, deployment: Deployment, *events: tuple[int, Event]) -> Deployment:
    for index, event in events:
        written = entry(deployment, event, {"stale": event is Event.STALE}, index=index)
        await journal.record(written)
        deployment = after(written)
    return deployment


async def various(journal: Journal) -> list[Deployment]:
    """Let the tenants of a rollout stand differently, one in each way."""
    found = await begun(journal)
    clone, put = (0, Event.INTEND), (1, Event.INTEND)
    ways: list[list[tuple[int, Event]]] = [
        [clone, (0, Event.SUCCEED), put, (1, Event.SUCCEED)],
        [clone, (0, Event.SUCCEED)],
        [clone, (0, Event.SUCCEED), put, (1, Event.REFUSE)],
        [clone, (0, Event.SUCCEED), put, (1, Event.STALE)],
        [clone, (0, Event.UNDECIDABLE)],
        [],
    ]
    return [await meet(journal, each, *way) for each, way in zip(found, ways, strict=False)]


async def test_each_tenant_stands_as_its_steps_say_and_all_of_them_add_up_to_the_counts(home: Home) -> None:
    async with home.open() as journal:
        moved = await various(journal)
        counts, by_wave = await journal.counts(FIRST.id), await journal.counts_by_wave(FIRST.id)
    async with home.watched() as book:
        standing = await book.standing(FIRST.id)
        two = await book.standing(FIRST.id, [1, 7])
    assert [standing[place].status for place in range(6)] == [each.status for each in moved]
    assert [standing[place].status for place in (6, 7)] == [Status.NO_CHANGE, Status.BLOCKED]
    assert Counter(each.status for each in standing.values()) == Counter({k: v for k, v in counts.items() if v})
    for wave, counted in by_wave.items():
        assert Counter(each.status for each in standing.values() if each.wave == wave) == +Counter(counted)
    assert two == {place: standing[place] for place in (1, 7)}


def test_a_watched_journal_is_shared_as_its_home_is(tmp_path: Path) -> None:
    homes: tuple[Home, ...] = (SqliteHome(tmp_path / "journal.db"), PostgresHome("postgresql://nowhere", tmp_path))
    assert [home.watched().is_shared for home in homes] == [home.is_shared for home in homes] == [False, True]


async def test_deployments_come_in_the_order_of_the_places_that_are_asked_for(home: Home) -> None:
    async with home.open() as journal:
        await begun(journal)
    async with home.watched() as book:
        found = await book.deployments_at(FIRST.id, [5, 2, 99, 4])
        roster = await book.roster(FIRST.id)
    assert [each.planned.tenant for each in found] == ["tenant-5", "tenant-2", "tenant-4"]
    assert roster[5] == ("tenant-5", "main", "create")
    assert roster[7] == ("blocked", "main", "blocked")


async def test_news_tell_once_of_each_place_that_something_befell_since(home: Home) -> None:
    async with home.open() as journal:
        [one, two, three, *_] = await begun(journal)
        await meet(journal, one, (0, Event.INTEND))
        async with home.watched() as book:
            latest = await book.latest_event()
            assert (await book.news(after=0, limit=MANY)).places == {FIRST.id: [0]}
            await meet(journal, two, (0, Event.INTEND), (0, Event.SUCCEED))
            news = await book.news(after=latest, limit=MANY)
            first = await book.news(after=latest, limit=1)
            await meet(journal, three, (0, Event.INTEND))
            latest, since = await book.latest_event(), latest
            assert await book.news(after=latest, limit=MANY) == News(latest, {}, more=False)
            assert (await book.news(after=since, limit=MANY)).latest == latest
    assert (news.places, news.more) == ({FIRST.id: [1]}, False)
    assert (first.latest < news.latest, first.more) == (True, True)


async def test_the_newest_deployment_that_compared_a_flow_and_the_newest_that_ran_it_are_told_apart(home: Home) -> None:
    kinds = (("apply", (*CREATE, StepKind.RUN)), ("apply", CREATE), ("run", (StepKind.RUN,)))
    async with home.open() as journal:
        for number, (kind, steps) in enumerate(kinds, 1):
            begun = rollout(number=number, kind=kind)
            await journal.begin(begun, plan(*crowd(2, steps=steps)))
            [_, other] = await journal.deployments(begun.id, after=-1, limit=2)
            if number == 1:
                ends = [(index, event) for index in range(3) for event in (Event.INTEND, Event.SUCCEED)]
                await meet(journal, other, *ends)
    integrations = [each.integration for each in crowd(2)]
    async with home.watched() as book:
        compared = await book.newest(TEMPLATE, integrations, ran=False)
        ran = await book.newest(TEMPLATE, integrations, ran=True)
    assert {each.rollout for each in compared.values()} == {"order-sync-2"}
    assert [(where, each.rollout, each.at) for where, each in ran.items()] == [(integrations[1], "order-sync-1", AT)]


async def test_samples_are_read_on_from_where_they_were_read_to(home: Home) -> None:
    async with home.open() as journal:
        await begun(journal)
        for second in range(3):
            journal.sample(FIRST.id, Sample("main", f"2026-03-01T10:00:{10 * second:02}.000Z", 10.0, second))
    async with home.watched() as book:
        [(first, _), (second, _)] = await book.samples_after(FIRST.id, 0, limit=2)
        left = await book.samples_after(FIRST.id, second, limit=2)
    assert first < second
    assert [sample.requests for _, sample in left] == [2]


@pytest.mark.parametrize(
    "write",
    [
        lambda journal, _: journal.conclude(FIRST.id, outcome="paused", reason="", ended_at=None),
        lambda journal, one: meet(journal, one, (0, Event.INTEND)),
    ],
    ids=["a rollout", "a step"],
)
async def test_the_mark_is_another_after_every_write_and_the_same_as_long_as_nobody_writes(
    home: Home, write: Callable[[Journal, Deployment], Awaitable[object]]
) -> None:
    async with home.open() as journal:
        [one, *_] = await begun(journal)
        before = home.mark()
        async with home.watched() as book, home.calendar(read_only=True) as calendar:
            await book.standing(FIRST.id)
            await calendar.schedules()
        assert home.mark() == before
        await write(journal, one)
        assert home.mark() != before
