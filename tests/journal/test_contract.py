"""What every journal promises, whatever it is made of."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as Folder
from typing import Protocol

import anyio
import pytest

from deployer.domain.deployment import Deployment, Step
from deployer.domain.documents import MISSING, Path
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.merge3 import Change, Memory, Verdict
from deployer.domain.plan import Action, Planned
from deployer.errors import JournalError
from deployer.journal.protocol import Happening, Journal
from deployer.journal.sqlite import SqliteJournal
from tests.factories import INTEGRATION, TEMPLATE, UPDATE, crowd, instance, plan, planned, rollout
from tests.journal.entries import AT, after, entry

pytestmark = pytest.mark.anyio

FIRST = rollout()
EVERYTHING = 10_000


class Store(Protocol):
    """Where a journal lies."""

    def open(self) -> Journal:
        """Return a journal of this place."""

    def after_a_crash(self) -> Journal:
        """Return a journal of what there would be if every process died right now."""


@dataclass(frozen=True, slots=True)
class SqliteStore:
    folder: Folder

    def open(self) -> Journal:
        return SqliteJournal(self.folder / "journal.db")

    def after_a_crash(self) -> Journal:
        copy = self.folder / "copy"
        copy.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(self.folder / name, copy / name)
        return SqliteJournal(copy / "journal.db")


IMPLEMENTATIONS: dict[str, Callable[[Folder], Store]] = {"sqlite": SqliteStore}


@pytest.fixture(params=IMPLEMENTATIONS)
def store(request: pytest.FixtureRequest, tmp_path: Folder) -> Store:
    return IMPLEMENTATIONS[request.param](tmp_path)


async def begun(journal: Journal, *tenants: Planned) -> Sequence[Deployment]:
    """Begin the first rollout with these tenants and return their deployments."""
    await journal.begin(FIRST, plan(*tenants), [])
    return await journal.deployments(FIRST.id, after=-1, limit=EVERYTHING)


async def state_of(journal: Journal, tenant: str = "acme", index: int = 0) -> State:
    found = await journal.deployment(FIRST.id, tenant)
    assert found is not None
    return found.steps[index].state


async def test_a_rollout_that_began_is_there_with_its_plan_and_every_step_ready(store: Store) -> None:
    tenants = crowd(3)
    async with store.open() as journal:
        await journal.begin(FIRST, plan(*tenants), [])
    async with store.open() as journal:
        assert await journal.latest() == FIRST
        assert await journal.plan(FIRST.id) == replace(plan(), tenants=())
        assert await journal.deployments(FIRST.id, after=-1, limit=9) == [
            Deployment(FIRST.id, place, one, (Step(StepKind.CLONE), Step(StepKind.CONFIGURE)))
            for place, one in enumerate(tenants)
        ]


async def test_a_rollout_begins_whole_or_not_at_all(store: Store) -> None:
    async with store.open() as journal:
        with pytest.raises(JournalError):
            await journal.begin(FIRST, plan(*crowd(3), planned("tenant-1")), [instance()])
    async with store.open() as journal:
        assert await journal.latest() is None
        assert await journal.deployments(FIRST.id, after=-1, limit=9) == []
        assert await journal.instances([TEMPLATE]) == []


async def test_one_id_begins_one_rollout(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal)
        with pytest.raises(JournalError):
            await journal.begin(FIRST, plan(), [])


async def test_the_latest_rollout_is_the_last_that_began_of_its_name_or_plan(store: Store) -> None:
    applied, other = rollout(number=1), rollout("another")
    run = replace(rollout(number=2, kind="run"), plan="b" * 64)
    async with store.open() as journal:
        assert await journal.latest() is None
        for one in (applied, run, other):
            await journal.begin(one, plan(), [])
        assert await journal.latest() == other
        assert await journal.latest("order-sync") == run
        assert await journal.latest(plan="b" * 64) == run
        assert await journal.latest("another", "b" * 64) is None


async def test_a_rollout_stands_as_it_was_last_concluded(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal)
        await journal.conclude(FIRST.id, outcome="paused", reason="asked to", ended_at=None)
        assert await journal.latest() == replace(FIRST, outcome="paused", reason="asked to")
        await journal.conclude(FIRST.id, outcome="succeeded", reason="", ended_at=AT)
        assert await journal.latest() == replace(FIRST, outcome="succeeded", reason="", ended_at=AT)


async def test_a_rollout_that_is_not_there_cannot_be_concluded(store: Store) -> None:
    async with store.open() as journal:
        with pytest.raises(JournalError):
            await journal.conclude("nowhere", outcome="failed", reason="", ended_at=None)


async def test_the_plan_of_a_rollout_that_is_not_there_is_an_error_of_the_journal(store: Store) -> None:
    async with store.open() as journal:
        with pytest.raises(JournalError):
            await journal.plan("nowhere")


async def claimed(journal: Journal, account: str, limit: int) -> list[list[str]]:
    """Claim page after page, and return the tenants of each."""
    pages: list[list[str]] = []
    place = -1
    while page := await journal.claim(FIRST.id, account, after=place, limit=limit):
        pages.append([found.planned.tenant for found in page])
        place = page[-1].place
    return pages


async def test_claims_come_in_pages_by_place_and_for_one_account(store: Store) -> None:
    tenants = [planned(f"t{n}", account="even" if n % 2 == 0 else "odd", integration=f"integr0{n}") for n in range(7)]
    async with store.open() as journal:
        await begun(journal, *tenants)
        assert await claimed(journal, "even", 3) == [["t0", "t2", "t4"], ["t6"]]
        assert await claimed(journal, "odd", 1) == [["t1"], ["t3"], ["t5"]]
        assert await claimed(journal, "nobody", 3) == []


async def test_what_is_open_is_claimed_and_what_has_ended_is_not(store: Store) -> None:
    idle = planned("idle", action=Action.NO_CHANGE, integration="integr0a", steps=())
    async with store.open() as journal:
        _, intended, done, failed, *_ = await begun(journal, *crowd(4, steps=UPDATE), idle)
        for one in (intended, done, failed):
            await journal.record(entry(one, Event.INTEND))
        for place, event in ((2, Event.SUCCEED), (3, Event.REFUSE)):
            found = (await journal.deployments(FIRST.id, after=place - 1, limit=1))[0]
            await journal.record(entry(found, event))
        assert await claimed(journal, "main", 9) == [["tenant-0", "tenant-1"]]


async def test_deployments_come_in_pages_whatever_their_state(store: Store) -> None:
    async with store.open() as journal:
        first, *_ = await begun(journal, *crowd(5))
        await journal.record(entry(first, Event.SKIP))
        pages = [await journal.deployments(FIRST.id, after=after, limit=2) for after in (-1, 1, 3, 4)]
        assert [[found.place for found in page] for page in pages] == [[0, 1], [2, 3], [4], []]
        assert await journal.deployments("nowhere", after=-1, limit=2) == []


async def test_one_tenants_deployment_is_found_by_name(store: Store) -> None:
    async with store.open() as journal:
        _, second = await begun(journal, *crowd(2))
        assert await journal.deployment(FIRST.id, "tenant-1") == second
        assert await journal.deployment(FIRST.id, "nobody") is None
        assert await journal.deployment("nowhere", "tenant-1") is None


async def test_an_entry_moves_its_step_and_tells_what_happened(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        intent = entry(found, Event.INTEND, {"seen": ["a"]})
        await journal.record(intent)
        birth = entry(after(intent), Event.SUCCEED, {"flow": "flow0001"})
        await journal.record(birth)
        await journal.record(entry(after(birth), Event.INTEND, index=1))
    async with store.open() as journal:
        stored = await journal.deployment(FIRST.id, "acme")
        assert stored is not None
        assert stored.steps[0] == birth.step
        assert stored.steps[1].state is State.INTENDED
        assert await journal.happenings(stored) == [
            Happening(StepKind.CLONE, Event.INTEND, AT, {"seen": ["a"]}),
            Happening(StepKind.CLONE, Event.SUCCEED, AT, {"flow": "flow0001"}),
            Happening(StepKind.CONFIGURE, Event.INTEND, AT, {}),
        ]


async def test_what_happened_to_one_tenant_happened_to_no_other(store: Store) -> None:
    async with store.open() as journal:
        first, second = await begun(journal, *crowd(2))
        await journal.record(entry(first, Event.INTEND))
        assert await journal.happenings(second) == []
        assert await state_of(journal, "tenant-1") is State.READY


async def test_what_was_recorded_survives_a_crash_right_after(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        await journal.record(entry(found, Event.INTEND, instance=instance()))
        async with store.after_a_crash() as survivor:
            assert await state_of(survivor) is State.INTENDED
            assert await survivor.instances([TEMPLATE]) == [instance()]


async def test_what_was_noted_is_durable_before_what_is_recorded_later(store: Store) -> None:
    async with store.open() as journal:
        tenants = await begun(journal, *crowd(20))
        for found in tenants[1:]:
            journal.note(entry(found, Event.SKIP))
        await journal.record(entry(tenants[0], Event.INTEND))
        async with store.after_a_crash() as survivor:
            stored = await survivor.deployments(FIRST.id, after=0, limit=99)
            assert {found.steps[0].state for found in stored} == {State.SKIPPED}


async def test_what_was_noted_is_read_by_whoever_asks_later(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        journal.note(entry(found, Event.SKIP))
        assert await state_of(journal) is State.SKIPPED


async def test_what_was_noted_last_is_written_when_the_journal_closes(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        journal.note(entry(found, Event.SKIP))
    async with store.open() as journal:
        assert await state_of(journal) is State.SKIPPED


async def test_a_record_whose_caller_was_cancelled_is_still_written(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await journal.record(entry(found, Event.INTEND))
        assert scope.cancelled_caught
        assert await state_of(journal) is State.INTENDED


async def test_records_of_many_at_once_are_all_written(store: Store) -> None:
    async with store.open() as journal:
        tenants = await begun(journal, *crowd(200))
        async with anyio.create_task_group() as group:
            for found in tenants:
                group.start_soon(journal.record, entry(found, Event.INTEND))
        stored = await journal.deployments(FIRST.id, after=-1, limit=EVERYTHING)
        assert {found.steps[0].state for found in stored} == {State.INTENDED}


async def test_an_entry_against_another_state_fails_and_nothing_is_written_after_it(store: Store) -> None:
    async with store.open() as journal:
        first, second = await begun(journal, *crowd(2))
        await journal.record(entry(first, Event.INTEND))
        with pytest.raises(JournalError, match="changed by somebody else"):
            await journal.record(entry(first, Event.SKIP, instance=instance()))
        with pytest.raises(JournalError):
            await journal.record(entry(second, Event.INTEND))
        with pytest.raises(JournalError):
            journal.note(entry(second, Event.INTEND))
        with pytest.raises(JournalError):
            await journal.latest()
    async with store.open() as journal:
        assert await state_of(journal, "tenant-0") is State.INTENDED
        assert await state_of(journal, "tenant-1") is State.READY
        assert await journal.instances([TEMPLATE]) == []
        assert [one.event for one in await journal.happenings(first)] == [Event.INTEND]


async def test_an_entry_of_another_attempt_fails(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        intent = entry(found, Event.INTEND)
        await journal.record(intent)
        await journal.record(entry(after(intent), Event.ABSENT))
        with pytest.raises(JournalError, match="changed by somebody else"):
            await journal.record(intent)


async def test_an_entry_of_a_deployment_that_is_not_there_fails(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        with pytest.raises(JournalError):
            await journal.record(entry(replace(found, place=7), Event.INTEND))


async def test_a_tenant_never_has_two_intents_in_flight(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        intent = entry(found, Event.INTEND)
        await journal.record(intent)
        with pytest.raises(JournalError):
            await journal.record(entry(after(intent), Event.INTEND, index=1))
    async with store.open() as journal:
        assert [await state_of(journal, index=index) for index in (0, 1)] == [State.INTENDED, State.READY]


async def test_a_note_that_fails_fails_whatever_is_asked_later(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        journal.note(entry(found, Event.INTEND))
        journal.note(entry(found, Event.SKIP))
        with pytest.raises(JournalError, match="changed by somebody else"):
            await journal.latest()


async def test_a_note_that_fails_last_is_told_when_the_journal_closes(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        await journal.record(entry(found, Event.INTEND))
    with pytest.raises(JournalError, match="changed by somebody else"):
        async with store.open() as journal:
            journal.note(entry(found, Event.SKIP))


async def test_what_is_remembered_is_the_last_that_was_said_of_a_flow(store: Store) -> None:
    fields: dict[Path, Memory] = {("settings", "size"): Memory(1, None, MISSING)}
    old, new = instance(), instance(flow="flow0002", fields=fields)
    elsewhere, other = instance(integration="integr02"), instance(template="template2")
    async with store.open() as journal:
        await journal.begin(FIRST, plan(), [old, elsewhere, other])
        (found,) = await journal.deployments(FIRST.id, after=-1, limit=1)
        await journal.record(entry(found, Event.FOUND, instance=new))
    async with store.open() as journal:
        by_place = {one.integration: one for one in await journal.instances([TEMPLATE])}
        assert by_place == {INTEGRATION: new, "integr02": elsewhere}
        assert await journal.instances(["template2"]) == [other]
        assert len(await journal.instances([TEMPLATE, "template2"])) == 3
        assert await journal.instances([]) == []


async def test_what_is_not_settled_is_named_with_the_way_out(store: Store) -> None:
    async with store.open() as journal:
        lost, stuck, done, fresh = await begun(journal, *crowd(4))
        for found, event in ((lost, None), (stuck, Event.UNDECIDABLE), (done, Event.SUCCEED)):
            intent = entry(found, Event.INTEND)
            await journal.record(intent)
            if event:
                await journal.record(entry(after(intent), event))
        assert fresh.status == "pending"
        assert await journal.unsettled() == {
            lost.planned.key: "its clone in rollout order-sync is not settled: "
            "finish that rollout with deployer resume",
            stuck.planned.key: "its clone in rollout order-sync waits for a person: deployer resolve tenant-1",
        }


async def test_following_leaves_nothing_unsettled(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal, planned(steps=[StepKind.FOLLOW]))
        await journal.record(entry(found, Event.INTEND))
        assert await journal.unsettled() == {}


async def test_what_is_not_settled_is_told_of_every_rollout(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        await journal.record(entry(found, Event.INTEND))
        await journal.begin(rollout(number=2), plan(), [])
        assert list(await journal.unsettled()) == [InstanceKey(TEMPLATE, INTEGRATION)]


async def test_who_awaits_a_person_is_found_in_the_newest_rollout_where_he_does(store: Store) -> None:
    async with store.open() as journal:
        assert await journal.awaiting("order-sync", "acme") is None
        for number, event in ((1, Event.REFUSE), (2, Event.UNDECIDABLE), (3, Event.SKIP)):
            await journal.begin(rollout(number=number), plan(), [])
            (found,) = await journal.deployments(f"order-sync-{number}", after=-1, limit=1)
            await journal.record(entry(found, event))
        awaiting = await journal.awaiting("order-sync", "acme")
        assert awaiting is not None
        assert (awaiting.rollout, awaiting.status) == ("order-sync-2", "unknown")
        assert await journal.awaiting("order-sync", "nobody") is None
        assert await journal.awaiting("another", "acme") is None


HOSTILE = [
    "'; DROP TABLE step; --",
    "\0",
    "\u202e\u2066",
    "</script>",
    "{{x}}",
    "\x1b[2J",
    "=1+1",
    "a\r\nb",
    "🦊" * 300,
]


@pytest.mark.parametrize("text", [*HOSTILE, pytest.param("half \ud800", id="half a character")])
async def test_whatever_text_a_server_sends_comes_back_as_it_was(store: Store, text: str) -> None:
    path: Path = ("settings", text)
    change = Change(path, text, {text: [text, None, True, 1, 1.5]}, Verdict.UPDATE)
    hostile = planned(reason=text, fields={path: text}, changes=[change])
    remembered = instance(fields={path: Memory(text, MISSING, None)})
    async with store.open() as journal:
        (found,) = await begun(journal, hostile)
        await journal.record(entry(found, Event.SKIP, {text: text}, instance=remembered))
    async with store.open() as journal:
        stored = await journal.deployment(FIRST.id, "acme")
        assert stored is not None
        assert stored.planned == hostile
        assert stored.steps[0].facts == {text: text}
        assert [one.facts for one in await journal.happenings(stored)] == [{text: text}]
        assert await journal.instances([TEMPLATE]) == [remembered]


async def test_a_number_that_json_does_not_know_is_refused(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        with pytest.raises(JournalError):
            await journal.record(entry(found, Event.INTEND, {"size": float("nan")}))
    async with store.open() as journal:
        assert await state_of(journal) is State.READY
