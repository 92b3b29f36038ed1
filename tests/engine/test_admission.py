"""Who may begin in a wave: over thousands of schedules, never more fail than the plan says can."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.resources import files
from random import Random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.domain.deployment import Deployment, Status
from deployer.domain.lifecycle import Event, State, StepKind
from deployer.domain.waves import Wave, blast_radius
from deployer.engine.admission import Admission
from deployer.journal.protocol import Entry, Journal
from deployer.journal.tables import TableJournal
from tests.factories import crowd, plan, rollout
from tests.journal.entries import AT, after, entry

WAVES = st.lists(
    st.builds(Wave, st.just("w"), st.integers(1, 12), st.integers(1, 8), st.integers(0, 4)), min_size=1, max_size=4
)
FIRST = rollout()
ENDS = (State.DONE, State.FAILED, State.UNKNOWN, State.CANCELLED)


def in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(files("deployer.journal").joinpath("sqlite.sql").read_text("utf-8"))
    return connection


async def begun(journal: Journal, waves: Sequence[Wave]) -> list[list[Deployment]]:
    """Begin a rollout whose tenants have one step each; return the deployments of each wave."""
    numbers = [number for number, wave in enumerate(waves, 1) for _ in range(wave.size)]
    tenants = zip(crowd(len(numbers), steps=[StepKind.CLONE]), numbers, strict=True)
    await journal.begin(FIRST, plan(*(replace(tenant, wave=number) for tenant, number in tenants)))
    every = await journal.deployments(FIRST.id, after=-1, limit=1000)
    return [[one for one in every if one.planned.wave == number] for number in range(1, len(waves) + 1)]


class Life:
    """One process's share of a wave: it begins and ends tenants, and may die between."""

    def __init__(
        self, journal: Journal, wave: Wave, waiting: list[Deployment], chance: Random, *, strict: bool
    ) -> None:
        self.journal, self.wave, self.waiting, self.chance, self.strict = journal, wave, waiting, chance, strict
        self.flying: list[Deployment] = []
        self.failed = 0

    async def started(self) -> None:
        """Start, knowing what the journal knows."""
        number = self.waiting[0].planned.wave if self.waiting else self.flying[0].planned.wave
        counts = (await self.journal.counts_by_wave(FIRST.id))[number]
        await self.journal.seat(FIRST.id, number)
        ask = partial(self.journal.admit, wave=self.wave, strict=self.strict)
        self.admission = Admission(self.wave, ask, failed=counts[Status.FAILED] + counts[Status.UNKNOWN])

    async def go(self) -> None:
        """Go on until nobody flies and nobody may begin."""
        await self.started()
        while self.waiting or self.flying:
            if self.chance.random() < 0.1:
                await self.started()  # killed, and started again
            if self.waiting and (not self.flying or self.chance.random() < 0.7) and await self._admitted():
                if self.chance.random() < 0.1:
                    await self.started()  # killed before what was admitted had begun
                    continue
                await self._begin(self.waiting.pop(0))
            elif self.flying:
                await self._end(self.flying.pop(0))
            else:
                return

    async def _admitted(self) -> bool:
        return await self.admission.admits(self.waiting[0])

    async def _begin(self, deployment: Deployment) -> None:
        intent = entry(deployment, Event.INTEND)
        await self.journal.record(intent)
        self.flying.append(after(intent))

    async def _end(self, deployment: Deployment) -> None:
        state = self.chance.choice(ENDS)
        ended = Entry(deployment, 0, Event.SUCCEED, replace(deployment.steps[0], state=state), AT)
        self.journal.note(ended)
        self.failed += state in {State.FAILED, State.UNKNOWN}
        self.admission.rested(after(ended), anew=True)


async def failures(waves: list[Wave], chance: Random, *, strict: bool) -> int:
    everywhere = 0
    async with TableJournal(in_memory) as journal:
        for wave, waiting in zip(waves, await begun(journal, waves), strict=True):
            life = Life(journal, wave, waiting, chance, strict=strict)
            await life.go()
            everywhere += life.failed
            if life.admission.is_broken:
                break
            assert not life.waiting  # whoever may begin does, in the end
    return everywhere


@settings(max_examples=60)
@given(WAVES, st.booleans(), st.integers(0, 2**32))
def test_never_more_fail_than_the_plan_says_whatever_fails_and_whenever_the_process_dies(
    waves: list[Wave], strict: bool, seed: int
) -> None:
    chance = Random(seed)
    worst = max(anyio.run(partial(failures, waves, chance, strict=strict)) for _ in range(3))
    assert worst <= blast_radius(waves, strict=strict)


@pytest.mark.anyio
@pytest.mark.parametrize(("strict", "most"), [(True, 2), (False, 5)])
async def test_all_that_may_fail_can_fail(strict: bool, most: int) -> None:
    wave = Wave("w", 20, 4, 1)
    async with TableJournal(in_memory) as journal:
        [waiting] = await begun(journal, [wave])
        life = Life(journal, wave, waiting, Random(), strict=strict)
        await life.started()
        while True:
            while life.waiting and await life.admission.admits(life.waiting[0]):
                await life._begin(life.waiting.pop(0))  # noqa: SLF001 - a life without chance
            if not life.flying:
                break
            flying = life.flying.pop()
            ended = Entry(flying, 0, Event.REFUSE, replace(flying.steps[0], state=State.FAILED), AT)
            journal.note(ended)
            life.failed += 1
            life.admission.rested(after(ended), anew=True)
    assert life.failed == most == blast_radius([wave], strict=strict)


@pytest.mark.anyio
async def test_without_a_wave_everybody_may_begin() -> None:
    admission = Admission()
    async with TableJournal(in_memory) as journal:
        [waiting] = await begun(journal, [Wave("w", 1, 1, 0)])
        for _ in range(1000):
            assert await admission.admits(waiting[0])
    assert not admission.is_over
