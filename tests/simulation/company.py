"""Processes of ours at work on one rollout, each with the real engine: one after the other, or workers at a time."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import count
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
from tests.simulation.mending import planned, rebuilt, unfinished
from tests.simulation.network import Line, Network
from tests.simulation.process import Process, Trace
from tests.simulation.scenario import Scenario
from tests.simulation.weather import Weather

_HALF = 0.5  # of the rollouts are planned under faults where that may be
_RETRY = (1.0, 40.0)  # seconds until somebody whose work failed is at it again
_OPEN = """
    SELECT 1 FROM step s WHERE state IN ('ready', 'intended') AND NOT EXISTS (
        SELECT 1 FROM step f WHERE f.rollout = s.rollout AND f.place = s.place AND f.position < s.position
        AND f.state IN ('unknown', 'failed', 'cancelled')
    ) LIMIT 1
"""

process_here: ContextVar[Process] = ContextVar("process")
"""The process that the code which runs is of."""


class _Environment(dict[str, str]):
    """The environment, in which a variable may be missing when it is asked for."""

    def __init__(self, variables: Mapping[str, str], weather: Weather, chance: Random) -> None:
        super().__init__(variables)
        self._weather = weather
        self._chance = chance

    def __contains__(self, name: object) -> bool:
        if self._weather.strikes(self._chance, "unread"):
            self._weather.count("unread")
            return False
        return super().__contains__(name)


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
    rebuilds: bool  # a journal that is lost, and plans then; else the plan that was made is begun anew
    added: Random  # the chance of what older seeds do not know
    dead: frozenset[str] = frozenset()  # journals that were lost while calls may have been on their way
    settings: Manifest = field(init=False)
    rollout: Rollout | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))  # of rollouts
    begun: list[float] = field(default_factory=list)  # when rollouts began
    is_lost: bool = False  # and not rebuilt yet
    copy: bytes | None = None  # of the journal

    def __post_init__(self) -> None:
        self.settings = planned_settings(self.scenario.plan)

    async def work(self, process: Process) -> None:
        """Do what a process does, until there is nothing left to do; it may fail, as processes do."""
        process_here.set(process)
        if self.alone:
            leases: list[Lease] = []
            async with embedded(self.tables, process) as journal:
                accounts = self._accounts(process)
                await self._make_ready(self._crew(process, journal), accounts, process)
                await carry_out(self._crew(process, journal, leases), self.current, accounts)
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
                    ending = await carry_part(crew, self.current, accounts, part=Part(0, name))
                    if ending.halted and process.weather.calm:  # a person looks at the cause first
                        return
            except* DeployerError as errors:
                process.trace.note(process.name, f"{name}: {errors.exceptions[0]}")
            await asyncio.sleep(process.chance.uniform(*_RETRY))
            await process.run()

    async def _make_ready(self, crew: Crew, accounts: Accounts, process: Process) -> None:
        """Rebuild a journal that was lost, and plan and begin what is not begun."""
        if self.is_lost:
            await rebuilt(crew, self.scenario.loaded, accounts, process)
            self.is_lost, self.dead = False, frozenset()  # what was on its way has landed
        if self.rollout is None:
            self.rollout = await unfinished(crew) or await self._begun(crew, process, accounts)
            self.begun.append(asyncio.get_running_loop().time())

    async def _begun(self, crew: Crew, process: Process, accounts: Accounts) -> Rollout:
        saved = await planned(crew, self.scenario.loaded, accounts, self._environment, process)
        return await begin(crew.journal, process, saved, kind="apply", id_=f"rollout-{next(self.numbers)}")

    @property
    def current(self) -> Rollout:
        """Return the rollout that was begun last."""
        assert self.rollout is not None
        return self.rollout

    @property
    def may_be_lost(self) -> bool:
        """Tell whether the journal may be lost: what ran already is known to nobody who does not rebuild it."""
        return self.alone and (self.rebuilds or not self.scenario.runs)

    @property
    def is_open(self) -> bool:
        """Tell whether anything is left to do."""
        return self.rollout is None or self.tables.raw.execute(_OPEN).fetchone() is not None

    async def begin(self) -> None:
        """Write the rollout down in the tables as they are, in good weather; or leave it to whoever plans."""
        if self.alone and self.rebuilds and self.added.random() < _HALF:
            return
        weather, name = self.network.weather, f"rollout-{next(self.numbers)}"
        before, weather.calm = weather.calm, True
        async with self.clerk() as (clerk, journal):
            self.rollout = await begin(journal, clerk, self.scenario.saved, kind="apply", id_=name)
        self.begun.append(asyncio.get_running_loop().time())
        weather.calm = before

    def close(self) -> None:
        """Forget the journal."""
        self.tables.close()

    async def lose(self) -> None:
        """Lose the journal, but for a copy if there is one; without rebuilding, begin anew with what the plan says."""
        self.tables.close()
        self.tables, self.dead = Tables(self.copy), frozenset({"lost"})
        if self.rebuilds:
            self.rollout, self.is_lost = None, True
        else:
            await self.begin()

    def keep_copy(self) -> None:
        """Keep a copy of the journal as it is."""
        self.copy = self.tables.raw.serialize()

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

    @property
    def _environment(self) -> "_Environment":
        return _Environment(self.scenario.environment, self.network.weather, self.added)

    def _opened(self, process: Process, name: str) -> OpenAccount:
        planned, safety = self.scenario.plan.accounts[name], self.settings.safety
        vault = Vault(self.settings.secrets, self._environment, Path())
        limiter = new_limiter(self.settings.accounts[name])
        client = Client(
            planned.base_url,
            Token(token_of(name)),
            session=cast("ClientSession", Line(process, self.network)),
            limiter=limiter,
            timeouts=Timeouts(safety.clone_timeout, safety.timeout, chance=process.chance),
        )
        return OpenAccount(name, planned.base_url, planned.user, client, limiter, vault)
