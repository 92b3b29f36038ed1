"""Processes of ours at work on one rollout, each with the real engine: one after the other, or workers at a time."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import cast

from aiohttp import ClientSession

from deployer.domain.instructions import Standing
from deployer.domain.manifest import Manifest
from deployer.engine.accounts import Accounts, OpenAccount, new_limiter
from deployer.engine.carrying import Part, carry_out, carry_part
from deployer.engine.execute import Stop
from deployer.engine.keeping import Leases, begin_work, held
from deployer.engine.narration import Narrator
from deployer.engine.premises import planned_settings
from deployer.engine.rollouts import Crew, begin
from deployer.engine.vault import Vault
from deployer.errors import DeployerError
from deployer.integrator.client import Client, Timeouts
from deployer.integrator.token import Token
from deployer.journal.lock import Lease
from deployer.journal.protocol import Rollout
from deployer.journal.tables import TableJournal
from deployer.simulator import token_of
from tests.simulation.journal import Tables, embedded, shared
from tests.simulation.network import Line, Network
from tests.simulation.process import Process, Trace
from tests.simulation.scenario import Scenario

_RETRY = (1.0, 40.0)  # seconds until somebody whose work failed is at it again
_OPEN = """
    SELECT 1 FROM step s WHERE state IN ('ready', 'intended') AND NOT EXISTS (
        SELECT 1 FROM step f WHERE f.rollout = s.rollout AND f.place = s.place AND f.position < s.position
        AND f.state IN ('unknown', 'failed', 'cancelled')
    ) LIMIT 1
"""

process_here: ContextVar[Process] = ContextVar("process")
"""The process that the code which runs is of."""


@dataclass(frozen=True, slots=True)
class _Crew(Crew):
    """A crew that holds accounts in the journal alone: the locks of files are none of a simulation's."""

    dead: frozenset[str] = frozenset()
    leases: list[Lease] = field(default_factory=list)

    @asynccontextmanager
    async def holding(self, accounts: Collection[OpenAccount]) -> AsyncIterator[Leases]:
        leases = {account.identity: Lease(self.dead) for account in accounts}
        self.leases.extend(leases.values())
        async with held(self.journal, accounts, self.clock.moment().boot):
            await begin_work(self.journal, self.name, leases)
            yield leases


@dataclass(slots=True)
class Company:
    """Everybody of ours. `alone` says that one process at a time works, as with a file."""

    scenario: Scenario
    tables: Tables
    network: Network
    chance: Random
    trace: Trace
    alone: bool
    dead: frozenset[str] = frozenset()  # journals that were lost while calls may have been on their way
    settings: Manifest = field(init=False)
    rollout: Rollout = field(init=False)

    def __post_init__(self) -> None:
        self.settings = planned_settings(self.scenario.plan)

    async def work(self, process: Process) -> None:
        """Do what a process does, until there is nothing left to do; it may fail, as processes do."""
        process_here.set(process)
        if self.alone:
            leases: list[Lease] = []
            async with embedded(self.tables, process) as journal:
                crew = self._crew(process, journal, leases)
                await carry_out(crew, self.rollout, self._accounts(process))
            if all(lease.settled for lease in leases):
                self.dead = frozenset()
            return
        accounts = self._accounts(process)
        async with asyncio.TaskGroup() as group:
            for name, account in accounts.opened.items():
                group.create_task(self._serve(process, name, replace(accounts, opened={name: account})))

    async def _serve(self, process: Process, name: str, accounts: Accounts) -> None:
        """Work for an account whenever nobody else does, as the queue has it."""
        while self.is_open:
            try:
                async with shared(self.tables, process) as journal:
                    crew = self._crew(process, journal)
                    ending = await carry_part(crew, self.rollout, accounts, part=Part(0, name))
                    if ending.halted and process.weather.calm:  # a person looks at the cause first
                        return
            except* DeployerError as errors:
                process.trace.note(process.name, f"{name}: {errors.exceptions[0]}")
            await asyncio.sleep(process.chance.uniform(*_RETRY))
            await process.run()

    @property
    def may_be_lost(self) -> bool:
        """Tell whether the journal may be lost: what ran already is known to nobody then."""
        return self.alone and not self.scenario.runs

    @property
    def is_open(self) -> bool:
        """Tell whether anything is left to do."""
        return self.tables.raw.execute(_OPEN).fetchone() is not None

    async def begin(self) -> None:
        """Write the rollout down in the tables as they are, in good weather."""
        weather = self.network.weather
        before, weather.calm = weather.calm, True
        async with self.clerk() as (clerk, journal):
            self.rollout = await begin(journal, clerk, self.scenario.saved, kind="apply", id_="rollout-1")
        weather.calm = before

    def close(self) -> None:
        """Forget the journal."""
        self.tables.close()

    async def lose(self) -> None:
        """Lose the journal, and begin anew with what the plan says."""
        self.tables.close()
        self.tables, self.dead = Tables(), frozenset({"lost"})
        await self.begin()

    @asynccontextmanager
    async def clerk(self) -> AsyncIterator[tuple[Process, TableJournal]]:
        """Have somebody look into the journal, or write what a person says."""
        clerk = Process("clerk", self.network.weather, self.chance, self.trace, boot=0)
        async with embedded(self.tables, clerk) as journal:
            yield clerk, journal

    def _crew(self, process: Process, journal: TableJournal, leases: list[Lease] | None = None) -> Crew:
        narrator = Narrator(process, lambda _: None)

        def rescue(tenant: str, flow: str) -> None:
            process.trace.note(process.name, f"tells that {tenant} has {flow}")

        safety = self.settings.safety
        crew = _Crew(journal, process, narrator, Stop(), rescue, Path(), safety, Standing, "journal", "rollout.yaml")
        return replace(crew, dead=self.dead, leases=leases if leases is not None else [])

    def _accounts(self, process: Process) -> Accounts:
        opened = {name: self._opened(process, name) for name in self.scenario.plan.accounts}
        return Accounts(opened, {})

    def _opened(self, process: Process, name: str) -> OpenAccount:
        planned, safety = self.scenario.plan.accounts[name], self.settings.safety
        limiter = new_limiter(self.settings.accounts[name])
        client = Client(
            planned.base_url,
            Token(token_of(name)),
            session=cast("ClientSession", Line(process, self.network)),
            limiter=limiter,
            timeouts=Timeouts(safety.clone_timeout, safety.timeout, chance=process.chance),
        )
        return OpenAccount(name, planned.base_url, planned.user, client, limiter, Vault(None, {}, Path()))
