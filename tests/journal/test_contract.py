"""What every journal promises, whatever it is made of."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path as Folder
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.domain.deployment import TROUBLED, Deployment, Instance, Status, Step, count
from deployer.domain.documents import MISSING, Document, Path
from deployer.domain.gate import Gate, GateState
from deployer.domain.identity import InstanceKey
from deployer.domain.instructions import Instruction, Verb
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.merge3 import Change, Memory, Verdict
from deployer.domain.plan import Action, Planned
from deployer.domain.rebuilding import Work
from deployer.domain.resources import ResourceKind
from deployer.domain.samples import Call, Sample
from deployer.domain.template import Part, flow_template
from deployer.domain.waves import Wave
from deployer.errors import JournalError
from deployer.journal.protocol import Entry, Happening, Journal, Met
from tests.factories import INTEGRATION, TEMPLATE, UPDATE, crowd, instance, plan, planned, rollout
from tests.journal.entries import AT, after, entry
from tests.journal.stores import PostgresStore, SqliteStore, Store, new_store

pytestmark = pytest.mark.anyio

FIRST = rollout()
EVERYTHING = 10_000


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Folder) -> Store:
    return new_store(request, request.param, tmp_path)


async def begun(journal: Journal, *tenants: Planned) -> Sequence[Deployment]:
    """Begin the first rollout with these tenants and return their deployments."""
    await journal.begin(FIRST, plan(*tenants))
    return await journal.deployments(FIRST.id, after=-1, limit=EVERYTHING)


async def remembered(journal: Journal) -> list[Instance]:
    """Return what is remembered of every flow, read two at a time."""
    found: list[Instance] = []
    while page := await journal.instances(after=key_of(found[-1]) if found else None, limit=2):
        found += page
    return found


def key_of(one: Instance) -> InstanceKey:
    return InstanceKey(one.template, one.integration)


def unchanged() -> Planned:
    """Return a tenant that has nothing to do, and whose flow was found as it should be."""
    return planned("unchanged", action=Action.ADOPT, integration="integr0a", flow="flow0001", steps=())


async def state_of(journal: Journal, tenant: str = "acme", index: int = 0) -> State:
    found = await journal.deployment(FIRST.id, tenant)
    assert found is not None
    return found.steps[index].state


async def test_a_rollout_that_began_is_there_with_its_plan_and_every_step_ready(store: Store) -> None:
    tenants = crowd(3)
    async with store.open() as journal:
        await journal.begin(FIRST, plan(*tenants))
    async with store.open() as journal:
        assert await journal.rollouts(limit=1) == [FIRST]
        assert await journal.plan(FIRST.id) == replace(plan(*tenants), tenants=())
        assert await journal.deployments(FIRST.id, after=-1, limit=9) == [
            Deployment(FIRST.id, place, one, (Step(StepKind.CLONE), Step(StepKind.CONFIGURE)))
            for place, one in enumerate(tenants)
        ]


async def test_a_rollout_begins_whole_or_not_at_all(store: Store) -> None:
    async with store.open() as journal:
        with pytest.raises(JournalError):
            await journal.begin(FIRST, plan(unchanged(), *crowd(3), planned("tenant-1")))
    async with store.open() as journal:
        assert await journal.rollouts(limit=1) == []
        assert await journal.deployments(FIRST.id, after=-1, limit=9) == []
        assert await remembered(journal) == []


async def test_several_at_a_time_write_in_a_database_and_in_no_file(store: Store) -> None:
    assert store.open().is_shared is isinstance(store, PostgresStore)


async def test_whoever_holds_an_account_that_nobody_had_may_send_for_it_at_once(store: Store) -> None:
    async with store.open() as journal, journal.holding({"user1": ["main"]}, "boot") as hold:
        hold.demand("user1")
        assert hold.idle("user1") == inf


async def test_one_id_begins_one_rollout(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal)
        with pytest.raises(JournalError):
            await journal.begin(FIRST, plan())


async def test_rollouts_come_newest_first_all_or_those_of_a_name_or_plan(store: Store) -> None:
    applied, other = rollout(number=1), rollout("another")
    run = replace(rollout(number=2, kind="run"), plan="b" * 64)
    async with store.open() as journal:
        assert await journal.rollouts(limit=9) == []
        for one in (applied, run, other):
            await journal.begin(one, plan())
        assert await journal.rollouts(limit=9) == [other, run, applied]
        assert await journal.rollouts(limit=1) == [other]
        assert await journal.rollouts("order-sync", limit=9) == [run, applied]
        assert await journal.rollouts(plan="b" * 64, limit=9) == [run]
        assert await journal.rollouts("another", "b" * 64, limit=9) == []
        assert await journal.rollouts(begins=run.id, limit=9) == [run]
        assert await journal.rollouts(begins="order-sync-", limit=9) == [run, applied]
        assert await journal.rollouts(begins=run.id + "0", limit=9) == []
        assert await journal.rollouts("another", begins=run.id, limit=9) == []


async def test_a_rollout_stands_as_it_was_last_concluded(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal)
        await journal.conclude(FIRST.id, outcome="paused", reason="asked to", ended_at=None)
        assert await journal.rollouts(limit=1) == [replace(FIRST, outcome="paused", reason="asked to")]
        await journal.conclude(FIRST.id, outcome="succeeded", reason="", ended_at=AT)
        assert await journal.rollouts(limit=1) == [replace(FIRST, outcome="succeeded", reason="", ended_at=AT)]


async def test_a_rollout_that_is_not_there_cannot_be_concluded(store: Store) -> None:
    async with store.open() as journal:
        with pytest.raises(JournalError, match="the journal holds no rollout nowhere"):
            await journal.conclude("nowhere", outcome="failed", reason="", ended_at=None)


async def test_the_plan_of_a_rollout_that_is_not_there_is_an_error_of_the_journal(store: Store) -> None:
    async with store.open() as journal:
        with pytest.raises(JournalError, match="the journal holds no rollout nowhere"):
            await journal.plan("nowhere")


async def claimed(
    journal: Journal, account: str, limit: int, *, wave: int = 0, begun: bool | None = None
) -> list[list[str]]:
    """Claim page after page, and return the tenants of each."""
    pages: list[list[str]] = []
    place = -1
    while page := await journal.claim(FIRST.id, account, wave=wave, begun=begun, after=place, limit=limit):
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


@settings(deadline=None, max_examples=60)
@given(tenants=st.lists(st.lists(st.sampled_from([*State, "stale"]), max_size=3), min_size=1, max_size=12))
def test_counts_are_those_of_the_tenants_one_by_one(tenants: list[list[State | str]]) -> None:
    async def check(folder: Folder) -> None:
        async with SqliteStore(folder).open() as journal:
            steps = [StepKind.CLONE, StepKind.CONFIGURE, StepKind.RUN]
            actions = [Action.BLOCKED if number % 2 else Action.NO_CHANGE for number in range(len(tenants))]
            made = [
                planned(f"t{number}", action=action, integration=f"integr{number:02}", steps=steps[: len(states)])
                for number, (states, action) in enumerate(zip(tenants, actions, strict=True))
            ]
            found = await begun(journal, *made)
            for one, states in zip(found, tenants, strict=True):
                for index, state in enumerate(states):
                    twice = state is State.INTENDED and State.INTENDED in states[:index]  # which no tenant ever has
                    await journal.record(forced(one, index, State.READY if twice else state))
            every = await journal.deployments(FIRST.id, after=-1, limit=EVERYTHING)
            troubled = await journal.deployments(FIRST.id, after=-1, limit=EVERYTHING, troubled=True)
            assert await journal.counts(FIRST.id) == count(one.status for one in every)
            assert [one for one in every if one.status in TROUBLED - {Status.STALE}] == [
                one for one in troubled if one.status in TROUBLED - {Status.STALE}
            ]

    with TemporaryDirectory() as folder:
        anyio.run(check, Folder(folder))


def forced(one: Deployment, index: int, state: State | str) -> Entry:
    """Return an entry that brings a step into a state, whatever way leads there."""
    stale = state == "stale"
    reached = State.FAILED if stale else State(state)
    step = replace(one.steps[index], state=reached, facts={"stale": True} if stale else {"stale": False})
    return Entry(one, index, Event.SKIP, step, AT)


WAVE = Wave("w", 6, 3, 1)


async def admitted(journal: Journal, some: Sequence[Deployment], *, strict: bool = False) -> list[bool]:
    """Ask for each whether it may begin."""
    return [(await journal.admit(one, WAVE, strict=strict)).granted for one in some]


async def in_a_wave(journal: Journal) -> Sequence[Deployment]:
    return await begun(journal, *(replace(one, wave=1) for one in crowd(6)))


async def test_no_more_of_a_wave_begin_than_may_be_in_flight(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        assert await admitted(journal, some) == [True, True, True, False, False, False]
        assert await admitted(journal, some[:3]) == [True] * 3  # who was let in needs not ask twice, and may
        await journal.record(forced(some[0], 0, State.SKIPPED))
        assert await admitted(journal, some[3:]) == [True, False, False]


async def test_who_is_still_at_work_makes_no_room_for_the_next(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        await admitted(journal, some[:3])
        intended = entry(some[0], Event.INTEND)
        await journal.record(intended)
        await journal.record(entry(after(intended), Event.SUCCEED))  # its second step is to come
        assert await admitted(journal, some[3:]) == [False, False, False]


async def test_who_was_let_in_still_is_after_a_crash(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        await admitted(journal, some[:3])
        async with store.after_a_crash() as again:
            assert await admitted(again, some) == [True, True, True, False, False, False]


async def test_nobody_of_a_wave_begins_once_more_failed_than_it_tolerates(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        for one in some[:2]:
            await journal.record(forced(one, 0, "stale"))  # which is no failure
        for one in some[2:4]:
            assert await admitted(journal, [one]) == [True]
            await journal.record(forced(one, 0, State.FAILED if one is some[2] else State.UNKNOWN))
        last = await journal.admit(some[4], WAVE, strict=False)
        assert (last.granted, last.failed) == (False, 2)


async def test_who_was_let_in_does_not_begin_after_all_once_more_failed_than_the_wave_tolerates(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        assert await admitted(journal, some[:3]) == [True, True, True]
        for one in some[:2]:
            await journal.record(forced(one, 0, State.FAILED))
        assert await admitted(journal, [some[2]]) == [False]


async def test_strictly_no_more_are_in_flight_than_may_still_fail(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        assert await admitted(journal, some, strict=True) == [True, True, False, False, False, False]


async def test_who_began_without_being_let_in_is_counted_once_seated(store: Store) -> None:
    async with store.open() as journal:
        some = await in_a_wave(journal)
        await journal.record(entry(some[0], Event.INTEND))
        await journal.record(entry(some[1], Event.SKIP))
        for _ in range(2):
            await journal.seat(FIRST.id, 1)
        assert await admitted(journal, some[2:]) == [True, True, False, False]


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
            Happening(StepKind.CONFIGURE, Event.INTEND, AT, {}, 1),
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
            assert await remembered(survivor) == [instance()]


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


async def test_two_entries_of_a_tenant_among_those_of_others_are_written_in_their_order(store: Store) -> None:
    async with store.open() as journal:
        first, second = await begun(journal, *crowd(2))
        intended = entry(first, Event.INTEND)
        journal.note(intended)
        journal.note(entry(second, Event.INTEND))
        await journal.record(entry(after(intended), Event.SUCCEED))
        states = [await state_of(journal, f"tenant-{number}") for number in range(2)]
    assert states == [State.DONE, State.INTENDED]


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
            await journal.rollouts(limit=1)
    async with store.open() as journal:
        assert await state_of(journal, "tenant-0") is State.INTENDED
        assert await state_of(journal, "tenant-1") is State.READY
        assert await remembered(journal) == []
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
            await journal.rollouts(limit=1)


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
        (found,) = await begun(journal)
        await journal.remember([old, elsewhere, other])
        await journal.record(entry(found, Event.FOUND, instance=new))
    async with store.open() as journal:
        assert await remembered(journal) == [new, elsewhere, other]


async def test_what_is_forgotten_is_remembered_no_more_and_nothing_else_is_lost(store: Store) -> None:
    ours, other = instance(), instance(integration="integr02")
    async with store.open() as journal:
        (found,) = await begun(journal)
        await journal.remember([ours, other])
        await journal.record(replace(entry(found, Event.FOUND), forgets=True))
    async with store.open() as journal:
        assert await remembered(journal) == [other]


FLOW: Document = {"_id": TEMPLATE, "name": "Orders", "_exportId": "export01"}
PART = Part(ResourceKind.EXPORT, "export01", {"_id": "export01", "name": "Get orders", "http": {"uri": "/"}})


async def test_what_a_revision_holds_is_kept_once_and_comes_back(store: Store) -> None:
    revision = flow_template(FLOW, [PART])
    on_it = replace(instance(), revision=revision.revision)
    async with store.open() as journal:
        await journal.begin(FIRST, plan(), [revision])
        await journal.begin(rollout(number=2), plan(), [revision])
        await journal.remember([on_it, instance(integration="integr02")])
    async with store.open() as journal:
        assert await journal.revisions(TEMPLATE, [revision.revision, "other"]) == {revision.revision: revision}
        assert await journal.revisions("template2", [revision.revision]) == {}
        assert (await journal.recall(TEMPLATE, {INTEGRATION: "acme"})).revisions == {revision.revision: revision}
        assert await journal.by_revision([TEMPLATE]) == {revision.revision: 1, instance().revision: 1}


async def test_what_bears_on_a_plan_is_recalled_by_integration(store: Store) -> None:
    moved, elsewhere = instance("mover", integration="integr01"), instance("stranger", integration="integr09")
    ran, unran = (planned(name, integration=f"integr0{n}", steps=[StepKind.RUN]) for n, name in ((2, "a"), (3, "b")))
    async with store.open() as journal:
        await journal.remember([moved, elsewhere, instance("other", template="template2", integration="integr01")])
        found, _ = await begun(journal, ran, unran)
        intent = entry(found, Event.INTEND)
        await journal.record(intent)
        await journal.record(entry(after(intent), Event.UNDECIDABLE))
        recalled = await journal.recall(TEMPLATE, {"integr01": "x", "integr02": "a", "integr03": "b", "new": "mover"})
        assert recalled.instances == {"integr01": moved}
        assert recalled.homes == {"mover": "integr01"}
        assert list(recalled.unsettled) == ["integr02"]
        assert recalled.owed == {"integr03": State.READY}


async def test_only_the_newest_rollout_that_was_to_run_a_flow_owes_a_run(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, planned(steps=[StepKind.RUN]))
        await journal.begin(rollout(number=2), plan(planned(steps=[StepKind.RUN])))
        (found,) = await journal.deployments("order-sync-2", after=-1, limit=1)
        intent = entry(found, Event.INTEND)
        await journal.record(intent)
        await journal.record(entry(after(intent), Event.SUCCEED))
        assert (await journal.recall(TEMPLATE, {INTEGRATION: "acme"})).owed == {}


async def test_who_has_a_flow_and_is_not_in_the_lists_is_absent(store: Store) -> None:
    kept, gone = instance("kept", integration="integr01"), instance("gone", integration="integr02")
    closed = replace(instance("closed", integration="integr03"), account="closed account")
    other = instance("other", integration="integr04", template="template2")
    present = {"main": ["integr01", "integr09"]}
    async with store.open() as journal:
        await journal.remember([kept, gone, closed, other])
        assert await journal.absent([TEMPLATE], lambda account: present.get(account, [])) == ["closed", "gone"]
        assert await journal.absent([], lambda _: []) == []


async def test_a_journal_is_the_same_at_each_work_and_counts_them(store: Store) -> None:
    async with store.open() as journal:
        assert await journal.work() == Work()
        first = await journal.begin_work()
        second = await journal.begin_work()
        assert (second.journal, first.number, second.number) == (first.journal, 1, 2)
        async with store.after_a_crash() as copy:
            assert await copy.work() == second
            anew, again = [await copy.begin_work(anew=True) for _ in range(2)]
        assert (len({first.journal, anew.journal, again.journal}), anew.number) == (3, 3)


async def test_two_journals_are_never_the_same(store: Store, tmp_path: Folder) -> None:
    async with store.open() as journal, SqliteStore(tmp_path / "other").open() as other:
        assert (await journal.begin_work()).journal != (await other.begin_work()).journal


async def test_rollouts_of_which_something_is_left_to_do_are_unfinished(store: Store) -> None:
    outcomes = {1: "succeeded", 2: "failed", 3: "superseded", 4: "superseded", 5: "running"}
    owing = planned("owing", integration="integr02", steps=[StepKind.RUN])
    async with store.open() as journal:
        for number, outcome in outcomes.items():
            await journal.begin(rollout(number=number), plan(owing if number == 4 else unchanged()))
            await journal.conclude(f"order-sync-{number}", outcome=outcome, reason="", ended_at=None)
        assert [one.id for one in await journal.unfinished()] == ["order-sync-2", "order-sync-4", "order-sync-5"]


async def test_a_step_that_anybody_of_an_account_has_done_is_known(store: Store) -> None:
    async with store.open() as journal:
        found, _ = await begun(journal, planned("a"), planned("b", account="other", integration="integr02"))
        intent = entry(found, Event.INTEND)
        await journal.record(intent)
        assert not await journal.has_done(FIRST.id, "main", StepKind.CLONE)
        await journal.record(entry(after(intent), Event.SUCCEED))
        assert await journal.has_done(FIRST.id, "main", StepKind.CLONE)
        assert not await journal.has_done(FIRST.id, "other", StepKind.CLONE)
        assert not await journal.has_done(FIRST.id, "main", StepKind.CONFIGURE)


async def test_claims_are_of_one_wave_those_that_had_begun_or_the_others(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, *(replace(one, wave=1 + number % 2) for number, one in enumerate(crowd(6))))
        found = await journal.deployments(FIRST.id, after=-1, limit=9)
        await journal.record(entry(found[2], Event.INTEND))
        assert await claimed(journal, "main", 9, wave=1) == [["tenant-0", "tenant-2", "tenant-4"]]
        assert await claimed(journal, "main", 9, wave=1, begun=True) == [["tenant-2"]]
        assert await claimed(journal, "main", 1, wave=1, begun=False) == [["tenant-0"], ["tenant-4"]]
        assert await claimed(journal, "main", 9, wave=2, begun=True) == []
        by_wave = await journal.counts_by_wave(FIRST.id)
        assert {wave: {status: n for status, n in counts.items() if n} for wave, counts in by_wave.items()} == {
            1: {Status.PENDING: 2, Status.RUNNING: 1},
            2: {Status.PENDING: 3},
        }


async def test_tenants_that_do_not_rest_are_counted_by_wave_and_account(store: Store) -> None:
    tenants = [
        replace(one, wave=number % 2, account="us" if number < 3 else "eu") for number, one in enumerate(crowd(6))
    ]
    async with store.open() as journal:
        first, second, *_ = await begun(journal, *tenants)
        assert await journal.open_by_account(FIRST.id) == {0: {"us": 2, "eu": 1}, 1: {"us": 1, "eu": 2}}
        await journal.record(entry(first, Event.INTEND))
        await journal.record(entry(second, Event.CANCEL))
        assert await journal.open_by_account(FIRST.id) == {0: {"us": 2, "eu": 1}, 1: {"eu": 2}}


async def test_without_waves_nothing_is_counted_by_wave(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, *crowd(2))
        assert await journal.counts_by_wave(FIRST.id) == {}


async def test_deployments_are_of_all_waves_or_of_one(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, *(replace(one, wave=1 + number % 2) for number, one in enumerate(crowd(4))))
        found = [await journal.deployments(FIRST.id, after=-1, limit=9, wave=wave) for wave in (None, 2)]
        assert [[one.place for one in page] for page in found] == [[0, 1, 2, 3], [1, 3]]


async def test_gates_are_kept_by_rollout_and_wave_as_they_were_set_last(store: Store) -> None:
    baking, open_ = Gate(1, GateState.BAKING, AT), Gate(1, GateState.RELEASED, AT, "jo@laptop")
    async with store.open() as journal:
        await begun(journal)
        assert await journal.gates(FIRST.id) == {}
        await journal.set_gate(FIRST.id, baking)
        await journal.set_gate(FIRST.id, replace(baking, wave=2))
        await journal.set_gate(FIRST.id, open_)
        async with store.after_a_crash() as later:
            assert await later.gates(FIRST.id) == {1: open_, 2: replace(baking, wave=2)}
            assert await later.gates("another") == {}


async def test_what_people_said_to_a_rollout_is_kept_once_each_in_its_order(store: Store) -> None:
    pause = Instruction("said-2", FIRST.id, Verb.PAUSE, "", "jo@laptop", AT)
    thaw = Instruction("said-1", FIRST.id, Verb.THAW, "sale", "jo@laptop", AT)
    async with store.open() as journal:
        await begun(journal)
        await journal.begin(rollout(number=2), plan())
        for said in (pause, thaw, pause, replace(pause, id="said-3", rollout="order-sync-2")):
            await journal.instruct(said)
        async with store.after_a_crash() as later:
            assert await later.instructions(FIRST.id) == [pause, thaw]


async def test_a_claim_brings_what_is_remembered_of_the_flow(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, planned("a"), planned("b", integration="integr02"))
        await journal.remember([instance("a"), instance("a", template="template2")])
        claimed = await journal.claim(FIRST.id, "main", wave=0, begun=None, after=-1, limit=9)
        assert [one.known for one in claimed] == [instance("a"), None]


async def test_a_tenant_without_a_step_leaves_what_was_found_to_be_remembered(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, unchanged())
        assert [(one.tenant, one.flow) for one in await remembered(journal)] == [("unchanged", "flow0001")]


async def test_a_tenant_without_a_step_loses_nothing_that_was_remembered(store: Store) -> None:
    async with store.open() as journal:
        await journal.remember([instance("unchanged", integration="integr0a", flow="flow0001")])
        [before] = await remembered(journal)
        await begun(journal, unchanged())
        [after] = await remembered(journal)
    assert after.revision == before.revision != ""


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


async def test_what_is_not_settled_of_another_template_keeps_nobody(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal, replace(planned(), template="template2"))
        await journal.record(entry(found, Event.INTEND))
        assert list((await journal.recall("template2", {INTEGRATION: "acme"})).unsettled) == [INTEGRATION]
        assert (await journal.recall(TEMPLATE, {INTEGRATION: "acme"})).unsettled == {}


async def test_following_leaves_nothing_unsettled(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal, planned(steps=[StepKind.FOLLOW]))
        await journal.record(entry(found, Event.INTEND))
        assert await journal.unsettled() == {}


async def test_what_is_not_settled_is_told_of_every_rollout(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        await journal.record(entry(found, Event.INTEND))
        await journal.begin(rollout(number=2), plan())
        assert list(await journal.unsettled()) == [InstanceKey(TEMPLATE, INTEGRATION)]


async def test_who_awaits_a_person_is_found_in_the_newest_rollout_where_he_does(store: Store) -> None:
    async with store.open() as journal:
        assert await journal.awaiting("order-sync", "acme") is None
        for number, event in ((1, Event.REFUSE), (2, Event.UNDECIDABLE), (3, Event.SKIP)):
            await journal.begin(rollout(number=number), plan())
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
    memory = instance(fields={path: Memory(text, MISSING, None)})
    async with store.open() as journal:
        (found,) = await begun(journal, hostile)
        await journal.record(entry(found, Event.SKIP, {text: text}, instance=memory))
    async with store.open() as journal:
        stored = await journal.deployment(FIRST.id, "acme")
        assert stored is not None
        assert stored.planned == hostile
        assert stored.steps[0].facts == {text: text}
        assert [one.facts for one in await journal.happenings(stored)] == [{text: text}]
        assert await remembered(journal) == [memory]


async def test_a_number_that_json_does_not_know_is_refused(store: Store) -> None:
    async with store.open() as journal:
        (found,) = await begun(journal)
        with pytest.raises(JournalError):
            await journal.record(entry(found, Event.INTEND, {"size": float("nan")}))
    async with store.open() as journal:
        assert await state_of(journal) is State.READY


def sample(requests: int, account: str = "main") -> Sample:
    return Sample(account, AT, 10.0, requests, 2, 1.5, 7, 147.75, {Call.CLONE: {3: 1, 40: requests}, Call.POLL: {0: 9}})


async def test_samples_are_read_in_the_order_they_were_taken(store: Store) -> None:
    taken = [sample(1), sample(2, "other"), sample(3)]
    async with store.open() as journal:
        await begun(journal, planned())
        await journal.begin(rollout(number=2), plan(planned()))
        for each in taken:
            journal.sample(FIRST.id, each)
        journal.sample("order-sync-2", sample(4))
        await journal.conclude(FIRST.id, outcome="succeeded", reason="", ended_at=AT)
        assert await journal.samples(FIRST.id) == taken
        assert await journal.samples("order-sync-2") == [sample(4)]
        assert await journal.samples("order-sync-3") == []


async def test_a_sample_is_durable_with_the_next_entry(store: Store) -> None:
    async with store.open() as journal:
        [found] = await begun(journal, planned())
        journal.sample(FIRST.id, sample(1))
        assert await journal.samples(FIRST.id) == []  # it is worth no commit of its own
        await journal.record(entry(found, Event.INTEND))
        async with store.after_a_crash() as left:
            assert await left.samples(FIRST.id) == [sample(1)]


async def test_a_sample_after_everything_else_is_written_when_the_journal_closes(store: Store) -> None:
    async with store.open() as journal:
        await begun(journal, planned())
        journal.sample(FIRST.id, sample(1))
    async with store.open() as journal:
        assert await journal.samples(FIRST.id) == [sample(1)]


async def test_what_many_deployments_met_is_read_at_once(store: Store) -> None:
    async with store.open() as journal:
        first, second, third, _ = await begun(journal, *crowd(4))
        for one in (first, second, third):
            intent = entry(one, Event.INTEND)
            journal.note(intent)
            journal.note(entry(after(intent), Event.SUCCEED, {"flow": "flow0001"}))
        journal.note(entry(second.moved(0, Step(StepKind.CLONE, State.DONE)), Event.SKIP, index=1))
        met = [Met(0, Event.INTEND, AT), Met(0, Event.SUCCEED, AT)]
        assert await journal.met(FIRST.id, after=-1, upto=0) == {0: met}
        assert await journal.met(FIRST.id, after=0, upto=3) == {1: [*met, Met(1, Event.SKIP, AT)], 2: met}
        assert await journal.met("another", after=-1, upto=3) == {}


async def test_rollouts_are_told_by_kind_and_by_what_came_after_one(store: Store) -> None:
    async with store.open() as journal:
        kinds = ("apply", "run", "apply", "run", "delete")
        for number, kind in enumerate(kinds, 1):
            await journal.begin(rollout("other" if number == 3 else "order-sync", number=number, kind=kind), plan())
        await journal.conclude("order-sync-2", outcome="succeeded", reason="", ended_at=AT)

        assert [one.id for one in await journal.rollouts("order-sync", kind="apply", limit=9)] == ["order-sync-1"]
        assert [one.id for one in await journal.rollouts(kind="run", limit=1)] == ["order-sync-4"]
        assert [one.id for one in await journal.later("order-sync-1")] == ["order-sync-5", "order-sync-4", "other-3"]
        assert await journal.later("order-sync-5") == []
