"""What ended long ago may go; whatever anybody can still need stays."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.domain.deployment import Deployment
from deployer.domain.gate import Gate, GateState
from deployer.domain.instructions import Instruction, Verb
from deployer.domain.lifecycle import Event, StepKind
from deployer.domain.plan import Planned
from deployer.domain.samples import Sample
from deployer.domain.waves import Wave
from deployer.journal.postgres import PostgresJournal
from deployer.journal.protocol import Journal, Rollout
from tests.factories import crowd, instance, plan, planned, rollout
from tests.journal.entries import AT, after, entry
from tests.journal.stores import Store, new_store
from tests.postgres import Server

pytestmark = pytest.mark.anyio

WRITES, RUNS = (StepKind.CONFIGURE,), (StepKind.RUN, StepKind.FOLLOW)
EARLY, BEFORE, LATE = "2026-01-01T00:00:00.000+00:00", "2026-02-01T00:00:00.000+00:00", "2026-03-01T00:00:00.000+00:00"
DONE = (Event.INTEND, Event.SUCCEED)
LONE = Sample("main", AT, 1.0, 1)
WAVE = Wave("canary", 2, 1, 2)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return new_store(request, request.param, tmp_path)


async def moved(journal: Journal, deployment: Deployment, *events: Event, index: int = 0) -> Deployment:
    """Let a step of a deployment meet some events, one after the other."""
    for event in events:
        written = entry(deployment, event, index=index)
        await journal.record(written)
        deployment = after(written)
    return deployment


async def past(
    journal: Journal,
    number: int,
    *tenants: Planned,
    kind: str = "apply",
    ended: str | None = EARLY,
    met: Sequence[Event] = DONE,
    outcome: str = "succeeded",
    name: str = "order-sync",
) -> Rollout:
    """Write a rollout whose tenants met some events at their first step, and end it."""
    one = rollout(name, number=number, kind=kind)
    await journal.begin(one, plan(*(tenants or (planned(steps=WRITES),))))
    for deployment in await journal.deployments(one.id, after=-1, limit=100):
        await moved(journal, deployment, *met)
    await journal.conclude(one.id, outcome=outcome, reason="", ended_at=ended)
    return replace(one, outcome=outcome, ended_at=ended)


async def seal(journal: Journal) -> None:
    """Begin one more rollout, which writes what there is last, as every journal that goes on has."""
    last = await past(journal, 99, planned(steps=WRITES), ended=None, outcome="running")
    journal.sample(last.id, LONE)
    await journal.conclude(last.id, outcome="running", reason="", ended_at=None)


async def going(journal: Journal) -> list[str]:
    return [each.id for each in await journal.prunable("order-sync", before=BEFORE)]


async def test_what_ended_before_goes_and_what_ended_later_or_never_stays(store: Store) -> None:
    async with store.open() as journal:
        old = [await past(journal, 1), await past(journal, 2)]
        await past(journal, 3, ended=BEFORE)
        await past(journal, 4, ended=LATE)
        await past(journal, 5, ended=None, outcome="halted")
        await seal(journal)

        assert await journal.prunable("order-sync", before=BEFORE) == old
        assert [await journal.ended("order-sync", before=when) for when in (EARLY, BEFORE, LATE)] == [0, 2, 3]


async def test_those_of_other_names_stay(store: Store) -> None:
    async with store.open() as journal:
        await past(journal, 1, name="other")
        await past(journal, 2, name="other")
        await seal(journal)

        assert await going(journal) == []


async def test_the_newest_of_a_name_stays_however_old(store: Store) -> None:
    async with store.open() as journal:
        await past(journal, 1)
        await past(journal, 2, planned(steps=RUNS), kind="run")
        await past(journal, 3, name="other")
        journal.sample("other-3", LONE)

        assert await going(journal) == []  # of those that wrote, and of all


@pytest.mark.parametrize("kind", ["apply", "rollback", "delete"])
async def test_what_a_rollback_would_undo_stays_also_where_flows_are_run_every_night(store: Store, kind: str) -> None:
    async with store.open() as journal:
        await past(journal, 1)
        await past(journal, 2, kind=kind)
        await past(journal, 3, planned(steps=WRITES), met=(Event.CANCEL,), outcome="aborted")  # before it wrote any
        for night in range(4, 8):
            await past(journal, night, planned(steps=RUNS), kind="run", ended=EARLY if night < 7 else LATE)
        await past(journal, 8, name="other")
        journal.sample("other-8", LONE)

        assert await going(journal) == [f"order-sync-{number}" for number in (1, 3, 4, 5, 6)]


@pytest.mark.parametrize("ended", [EARLY, LATE, None], ids=["long ago", "lately", "never"])
async def test_what_came_to_flows_after_what_a_rollback_would_undo_stays(store: Store, ended: str) -> None:
    async with store.open() as journal:
        [mine, theirs] = crowd(2, steps=WRITES)
        await past(journal, 1, mine)
        await past(journal, 2, mine, name="other", ended=ended)
        await past(journal, 10, replace(mine, steps=RUNS), kind="run", name="other", ended=LATE)
        await past(journal, 11, theirs, name="third", met=(Event.CANCEL,), ended=LATE)
        await past(journal, 3, mine)
        await past(journal, 4, theirs)
        await past(journal, 5, replace(mine, steps=RUNS), kind="run")
        await past(journal, 6, mine, met=(Event.CANCEL,))
        if ended != EARLY:
            await past(journal, 7, theirs, name="other", ended=LATE)
        await seal(journal)

        assert await going(journal) == [f"order-sync-{number}" for number in (1, 4, 5, 6)]

        await past(journal, 8, theirs, name="other", ended=LATE)
        assert ("order-sync-3" in await going(journal)) is (ended == EARLY)


@pytest.mark.parametrize("doubt", [(Event.INTEND,), (Event.INTEND, Event.UNDECIDABLE)], ids=["intended", "unknown"])
async def test_a_call_in_doubt_stays_until_it_is_decided(store: Store, doubt: Sequence[Event]) -> None:
    async with store.open() as journal:
        await past(journal, 1, *crowd(2, steps=WRITES), met=doubt, outcome="partial")
        await past(journal, 2)
        await seal(journal)

        assert await going(journal) == ["order-sync-2"]


@pytest.mark.parametrize(
    ("met", "stays"),
    [((), True), ((Event.INTEND, Event.REFUSE), True), ((Event.CANCEL,), False), (DONE, False)],
    ids=["never begun", "failed", "cancelled", "run"],
)
async def test_a_run_that_is_owed_stays_until_a_later_rollout_was_to_run_the_same_flow(
    store: Store, met: Sequence[Event], *, stays: bool
) -> None:
    async with store.open() as journal:
        flows = crowd(2, steps=RUNS)
        await past(journal, 1, *flows, kind="run", met=met, outcome="partial")
        await past(journal, 2, flows[0], kind="run")
        await seal(journal)
        before = await going(journal)
        await past(journal, 3, flows[1], kind="run", ended=LATE)
        afterwards = await going(journal)

    assert ("order-sync-1" not in before) is stays
    assert afterwards == ["order-sync-1", "order-sync-2"]


async def test_a_run_that_another_template_owes_to_the_integration_is_another_one(store: Store) -> None:
    async with store.open() as journal:
        owed = planned(steps=RUNS)
        await past(journal, 1, owed, kind="run", met=(Event.REFUSE,), outcome="failed")
        await journal.begin(rollout("other", number=2, kind="run"), plan(replace(owed, template="another")))
        await seal(journal)

        assert await going(journal) == []


async def test_a_write_that_failed_is_owed_nothing_once_a_later_rollout_is_there(store: Store) -> None:
    async with store.open() as journal:
        await past(journal, 1, planned(steps=WRITES), met=(Event.REFUSE,), outcome="failed")
        await past(journal, 2)
        await seal(journal)

        assert await going(journal) == ["order-sync-1", "order-sync-2"]


async def test_where_nothing_ever_happened_all_but_the_newest_may_go(store: Store) -> None:
    async with store.open() as journal:
        for number in (1, 2, 3):
            await past(journal, number, planned(steps=()), met=())

        assert await going(journal) == ["order-sync-1", "order-sync-2"]


async def test_a_job_that_was_followed_in_vain_is_owed_too(store: Store) -> None:
    async with store.open() as journal:
        one = rollout(kind="run")
        await journal.begin(one, plan(planned(steps=RUNS)))
        [deployment] = await journal.deployments(one.id, after=-1, limit=1)
        await moved(journal, await moved(journal, deployment, *DONE), Event.INTEND, Event.REFUSE, index=1)
        await journal.conclude(one.id, outcome="failed", reason="", ended_at=EARLY)
        await seal(journal)
        assert await going(journal) == []


async def test_who_holds_the_last_event_or_sample_stays_so_that_no_number_is_given_twice(store: Store) -> None:
    async with store.open() as journal:
        await past(journal, 1)
        await past(journal, 2)
        await past(journal, 3, planned(steps=RUNS), kind="run")
        await journal.begin(rollout(number=4), plan(planned(steps=WRITES)))
        assert await going(journal) == ["order-sync-1"]  # a rollback undoes the second

        await past(journal, 5)
        journal.sample("order-sync-1", LONE)
        await journal.conclude("order-sync-5", outcome="succeeded", reason="", ended_at=LATE)
        assert await going(journal) == ["order-sync-2", "order-sync-3"]


async def rows(journal: Journal, of: str) -> Mapping[str, object]:
    """Return all that the journal tells of a rollout."""
    deployments = await journal.deployments(of, after=-1, limit=100)
    return {
        "rollout": [each for each in await journal.rollouts(begins=of, limit=9) if each.id == of],
        "deployments": deployments,
        "met": await journal.met(of, after=-1, upto=100),
        "gates": await journal.gates(of),
        "instructions": await journal.instructions(of),
        "samples": await journal.samples(of),
    }


async def whole(journal: Journal, number: int) -> None:
    """Write a rollout that has something in every table."""
    one = rollout(number=number)
    await journal.begin(one, plan(*(replace(each, wave=1) for each in crowd(2, steps=WRITES))))
    first, second = await journal.deployments(one.id, after=-1, limit=9)
    await journal.set_gate(one.id, Gate(1, GateState.RELEASED, AT, "jo"))
    await journal.instruct(Instruction(f"i{number}", one.id, Verb.PAUSE, "", "jo", AT))
    journal.sample(one.id, LONE)
    assert (await journal.admit(first, WAVE, strict=False)).granted  # one at a time
    await moved(journal, first, *DONE)
    assert (await journal.admit(second, WAVE, strict=False)).granted
    await journal.conclude(one.id, outcome="aborted", reason="by jo", ended_at=EARLY)


async def test_a_rollout_goes_with_all_that_is_its_own_and_nothing_of_others(store: Store) -> None:
    async with store.open() as journal:
        for number in (1, 2, 3):
            await whole(journal, number)
        await journal.remember([instance()])
        kept = [await rows(journal, f"order-sync-{number}") for number in (2, 3)]

        gone = (await journal.prunable("order-sync", before=BEFORE))[0]
        told = await rows(journal, gone.id)
        assert await journal.prune(gone, before=BEFORE)

        assert all(told.values())
        assert not any((await rows(journal, gone.id)).values())
        assert [await rows(journal, f"order-sync-{number}") for number in (2, 3)] == kept
        assert [one.tenant for one in await journal.instances(after=None, limit=9)] == [instance().tenant]
        await whole(journal, 1)  # nothing is in the way of another one of its id
        assert await rows(journal, gone.id) == told


async def test_who_has_come_to_be_needed_meanwhile_stays(store: Store) -> None:
    async with store.open() as journal:
        await past(journal, 1)
        await past(journal, 2)
        await seal(journal)
        [first, _] = await journal.prunable("order-sync", before=BEFORE)
        await journal.conclude(first.id, outcome="running", reason="", ended_at=None)

        assert not await journal.prune(first, before=BEFORE)
        assert (await journal.rollouts(begins=first.id, limit=1))[0].id == first.id


async def test_with_a_rollout_go_the_terms_on_which_it_was_left_to_workers(database: Server) -> None:
    async with PostgresJournal(database.new_database()) as journal:
        for number in (1, 2, 3):
            await past(journal, number)
            await journal.hand_over(f"order-sync-{number}", {"freeze": []})
            await journal.end_part(f"order-sync-{number}", 0, "main", "")
        [gone, _] = await journal.prunable("order-sync", before=LATE)

        assert await journal.prune(gone, before=LATE)

        assert await journal.terms(gone.id) == {}
        assert await journal.ended_parts(gone.id, 0) == {}
        assert await journal.terms("order-sync-2") == {"freeze": []}
        assert await journal.ended_parts("order-sync-2", 0) == {"main": ""}
