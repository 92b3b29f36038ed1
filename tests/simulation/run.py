"""One simulated run: under faults until they end, then without, and then judged by what the API holds."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from random import Random
from typing import Any, Final
from unittest.mock import patch

from deployer.domain.deployment import Deployment
from deployer.engine import rebuilding
from deployer.engine.rollouts import retry_failed
from deployer.errors import DeployerError
from deployer.integrator import client
from deployer.journal import claims
from deployer.journal.paging import every_deployment
from deployer.simulator import Knobs, Simulator, World, seed, token_of
from tests.clockwork import run_sealed
from tests.engine.stage import EU, US
from tests.simulation.company import Company, process_here
from tests.simulation.journal import Tables
from tests.simulation.judge import LONGEST, judged, surplus, unswept
from tests.simulation.mending import unlocked
from tests.simulation.network import Misfortune, Network, send
from tests.simulation.process import EPOCH, Process, Trace
from tests.simulation.scenario import KINDS, SECRET, SIZES, Scenario, scenario
from tests.simulation.weather import Bent, Weather, drawn

STORM: Final = 4 * 3600.0  # seconds of faults at most
LIVES: Final = 25  # processes that begin in a storm, at most
PATIENCE: Final = 48 * 3600.0  # seconds in which everything has to come to an end
TRIES: Final = 4  # of what failed
_DOWN: Final = (0.0, 1.0, 30.0, 600.0)  # seconds until somebody begins a process anew
_HALF: Final = 0.5
_PLAIN: Final = Bent()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a run: what is not as was promised, and what befell.

    `surplus` are flows that are more than one of a tenant's, `unswept` those of them that a sweep would not name;
    `bodies` the requests that were looked through for what is another tenant's.
    """

    seed: int
    broken: tuple[str, ...]
    surplus: int
    unswept: int
    bodies: int
    struck: Counter[str]
    hours: float
    trace: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return what tells one trace from any other."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


def simulate(number: int, bent: Bent = _PLAIN) -> Verdict:
    """Run the seed of a number, bent or as it is."""
    chance = Random(number)
    what = scenario(bent.kind or chance.choice(sorted(KINDS)), chance.choice(SIZES))
    return run_sealed(_simulated(number, what, chance, bent))


async def _simulated(number: int, what: Scenario, chance: Random, bent: Bent) -> Verdict:
    added = Random(f"added {number}")
    weather = _weather(chance, added, bent)
    alone = chance.random() < _HALF if bent.alone is None else bent.alone
    rebuilds = added.random() < _HALF if bent.rebuilt is None else bent.rebuilt
    trace = Trace()
    with ExitStack() as stack:
        stack.enter_context(patch.object(client, "send", send))
        stack.enter_context(patch.object(claims, "now", lambda: asyncio.get_running_loop().time()))
        stack.enter_context(patch.object(claims, "this_process", _holder))
        stack.enter_context(patch.object(rebuilding, "locked", unlocked))
        network = Network(_simulator(what, weather, chance), weather, Random(chance.random()), what.canaries)
        companies = [
            Company(what, Tables(), network, chance, trace, alone or what.name == "waves", rebuilds, added)
            for _ in range(2 if bent.rivals else 1)
        ]
        for company in companies:
            stack.callback(company.close)
            await company.begin()
        broken = sum(await asyncio.gather(*map(_worked, companies)), list[str]())
        company = companies[0]
        broken += [*dict.fromkeys(network.misplaced), *_leaked(trace, company)]
        broken += judged(what, network.simulator.world, await _deployments(company), company.begun)
        hours = asyncio.get_running_loop().time() / 3600
    world = network.simulator.world
    copies = (surplus(what, world), unswept(what, world))
    return Verdict(number, tuple(broken), *copies, network.bodies, weather.struck, hours, tuple(trace.lines))


def _leaked(trace: Trace, company: Company) -> list[str]:
    """Return what was told of a token or a secret, or kept of one."""
    marks = [SECRET, *map(token_of, (US, EU))]
    kept = company.tables.raw.serialize()
    told = [line for line in trace.lines if any(mark in line for mark in marks)]
    return [*told, *(f"the journal holds {mark}" for mark in marks if mark.encode() in kept)]


def _weather(chance: Random, added: Random, bent: Bent) -> Weather:
    timeout = float(chance.choice((30.0, 360.0)))
    weather = drawn(chance, added, intent=10.0, timeout=timeout, settle=120.0, lag=30.0, stall=claims.STALL)
    weather.odds |= bent.odds
    weather.beyond = bent.beyond
    return weather


def _simulator(what: Scenario, weather: Weather, chance: Random) -> Simulator:
    lag = chance.choice((0.0, weather.lag * 0.9)) * weather.beyond
    knobs = Knobs(list_lag=lag, job_duration=chance.choice((0.0, 5.0, 600.0)))
    world = World.load(_state())
    simulator = Simulator(world, knobs, clock=lambda: EPOCH + asyncio.get_running_loop().time())
    homes = {who.id("integrations") for who in what.tenants.values()}
    simulator.faults = Misfortune(weather, Random(chance.random()), homes)
    return simulator


@cache
def _state() -> Any:  # noqa: ANN401 - JSON
    return seed([US, EU], max(SIZES)).dump()


def _holder(boot: str) -> claims.Holder:
    """Return who claims: each process is on a machine of its own."""
    process = process_here.get()
    return claims.Holder(process.name, f"{boot} {process.name}", 1)


async def _worked(company: Company) -> list[str]:
    """Let everybody work through the storm and the calm after it, trying what failed again once it is over."""
    weather, names = company.network.weather, count(1)
    storm = asyncio.get_running_loop().call_later(STORM, setattr, weather, "calm", True)
    for tried in range(TRIES):
        try:
            async with asyncio.timeout(PATIENCE):
                slots = 1 if company.alone else 2
                await asyncio.gather(*(_employ(company, names) for _ in range(slots)))
        except TimeoutError:
            return ["something is never finished"]
        weather.calm = True
        await asyncio.sleep((LONGEST + weather.settle) * weather.beyond)  # what is late has landed
        if tried == TRIES - 1 or not (await _retried(company) or company.is_open):
            break
    storm.cancel()
    return []


async def _employ(company: Company, names: Iterator[int]) -> None:
    """Have a process at work as long as there is work; whoever dies or fails is followed by another."""
    weather, chance, trace = company.network.weather, company.chance, company.trace
    ended = False
    while company.is_open and not ended:
        number = next(names)
        weather.calm |= number > LIVES
        process = Process(f"process-{number}", weather, Random(chance.random()), trace, boot=chance.randrange(3))
        trace.note(process.name, "begins")
        try:
            await process.live(partial(company.work, process))
            ended = weather.calm and not process.is_dead  # by itself: a person looks at what is left
        except* DeployerError as errors:
            trace.note(process.name, f"fails: {errors.exceptions[0]}")
        trace.note(process.name, "ends")
        if company.may_be_lost and weather.strikes(chance, "lost"):
            weather.count("lost")
            trace.note("everybody", "loses the journal")
            await company.lose()
        elif company.rebuilds and weather.strikes(company.added, "copied"):
            weather.count("copied")
            company.keep_copy()
        await asyncio.sleep(chance.choice(_DOWN))


async def _retried(company: Company) -> int:
    """Do what `resume --failed` does."""
    async with company.clerk() as (clerk, journal):
        return await retry_failed(journal, clerk, company.current)


async def _deployments(company: Company) -> list[Deployment]:
    if company.rollout is None:  # which is said already
        return []
    async with company.clerk() as (_, journal):
        return [each async for each in every_deployment(journal, company.rollout.id)]
