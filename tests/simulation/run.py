"""One simulated run: under faults until they end, then without, and then judged by what the API holds."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from random import Random
from typing import Any, Final
from unittest.mock import patch

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.engine.rollouts import begin, retry_failed
from deployer.errors import DeployerError
from deployer.integrator import client
from deployer.journal import claims
from deployer.journal.paging import every_deployment
from deployer.simulator import Knobs, Simulator, World, seed
from tests.engine.stage import EU, US
from tests.simulation.company import Company, process_here
from tests.simulation.journal import Tables, embedded
from tests.simulation.loop import run
from tests.simulation.network import Misfortune, Network, send
from tests.simulation.process import EPOCH, Process, Trace
from tests.simulation.scenario import KINDS, TENANTS, Scenario, scenario
from tests.simulation.weather import Weather, drawn

STORM = 4 * 3600.0  # seconds of faults at most
LIVES = 25  # processes that begin in a storm, at most
PATIENCE = 48 * 3600.0  # seconds of calm in which everything has to come to an end
TRIES = 4  # of what failed
LONGEST = 720.0  # seconds that a request is on its way at most, besides
MAY_ASK: Final = frozenset({"run_undecided"})  # what only a person can tell
_DOWN = (0.0, 1.0, 30.0, 600.0)  # seconds until somebody begins a process anew


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a run: what is not as was promised, and what befell."""

    seed: int
    broken: tuple[str, ...]
    surplus: int
    struck: Counter[str]
    hours: float
    digest: str
    trace: tuple[str, ...]


def simulate(number: int, *, beyond: float = 1.0) -> Verdict:
    """Run the seed of a number; `beyond` is how much later effects come than the manifest says they may."""
    chance = Random(number)
    return run(_simulated(number, scenario(chance.choice(sorted(KINDS))), chance, beyond))


async def _simulated(number: int, what: Scenario, chance: Random, beyond: float) -> Verdict:
    safety = what.plan.settings["safety"]
    assert isinstance(safety, dict)
    alone = what.name == "waves" or chance.random() < 0.5  # noqa: PLR2004 - one in two
    trace, tables = Trace(), Tables()
    weather = drawn(
        chance, intent=10.0, timeout=float(chance.choice((30.0, 360.0))), settle=120.0, lag=30.0, stall=claims.STALL
    )
    weather.beyond = beyond
    lag = chance.choice((0.0, weather.lag * 0.9)) * beyond
    knobs = Knobs(list_lag=lag, job_duration=chance.choice((0.0, 5.0, 600.0)))
    simulator = Simulator(_world(), knobs, clock=lambda: EPOCH + asyncio.get_running_loop().time())
    homes = {who.id("integrations") for who in what.tenants.values()}
    simulator.faults = Misfortune(weather, Random(chance.random()), homes)
    network = Network(simulator, weather, Random(chance.random()))
    with ExitStack() as stack:
        stack.callback(tables.close)
        stack.enter_context(patch.object(client, "send", send))
        stack.enter_context(patch.object(claims, "now", lambda: asyncio.get_running_loop().time()))
        stack.enter_context(patch.object(claims, "this_process", _holder))
        company = await _begun(what, tables, network, chance, weather, trace, alone=alone)
        broken = await _worked(company, weather, chance, trace)
        broken += [*_judged(what, simulator, await _deployments(company, weather, chance, trace))]
        hours = asyncio.get_running_loop().time() / 3600
    text = "\n".join(trace.lines)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Verdict(number, tuple(broken), _surplus(what, simulator), weather.struck, hours, digest, tuple(trace.lines))


@cache
def _state() -> Any:  # noqa: ANN401 - JSON
    return seed([US, EU], TENANTS).dump()


def _world() -> World:
    return World.load(_state())


def _holder(boot: str) -> claims.Holder:
    """Return who claims: each process is on a machine of its own."""
    process = process_here.get()
    return claims.Holder(process.name, f"{boot} {process.name}", 1)


async def _begun(  # noqa: PLR0913 - all that a company is made of
    what: Scenario,
    tables: Tables,
    network: Network,
    chance: Random,
    weather: Weather,
    trace: Trace,
    *,
    alone: bool,
) -> Company:
    """Write the rollout down, in good weather."""
    weather.calm = True
    clerk = Process("clerk", weather, chance, trace, boot=0)
    async with embedded(tables, clerk) as journal:
        rollout = await begin(journal, clerk, what.saved, kind="apply", id_="rollout-1")
    weather.calm = False
    return Company(what, tables, network, chance, rollout, alone)


async def _worked(company: Company, weather: Weather, chance: Random, trace: Trace) -> list[str]:
    """Let everybody work through the storm and the calm after it, trying what failed again once it is over."""
    names = count(1)
    storm = asyncio.get_running_loop().call_later(STORM, setattr, weather, "calm", True)
    for tried in range(TRIES):
        try:
            async with asyncio.timeout(PATIENCE):
                slots = 1 if company.alone else 2
                await asyncio.gather(*(_employ(company, weather, chance, trace, names) for _ in range(slots)))
        except TimeoutError:
            return ["something is never finished"]
        weather.calm = True
        await asyncio.sleep(company.network.weather.settle * weather.beyond + LONGEST)  # what is late has landed
        last = tried == TRIES - 1
        if last or not (await _retried(company, weather, chance, trace) or company.is_open):
            break
    storm.cancel()
    return []


async def _employ(company: Company, weather: Weather, chance: Random, trace: Trace, names: Iterator[int]) -> None:
    """Have a process at work as long as there is work; whoever dies or fails is followed by another."""
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
        await asyncio.sleep(chance.choice(_DOWN))


async def _retried(company: Company, weather: Weather, chance: Random, trace: Trace) -> int:
    """Do what `resume --failed` does."""
    clerk = Process("clerk", weather, chance, trace, boot=0)
    async with embedded(company.tables, clerk) as journal:
        return await retry_failed(journal, clerk, company.rollout)


async def _deployments(company: Company, weather: Weather, chance: Random, trace: Trace) -> list[Deployment]:
    clerk = Process("clerk", weather, chance, trace, boot=0)
    async with embedded(company.tables, clerk) as journal:
        return [each async for each in every_deployment(journal, company.rollout.id)]


def _judged(what: Scenario, simulator: Simulator, deployments: Iterable[Deployment]) -> Iterator[str]:
    """Yield what is not as was promised: the API's world is the judge, and not the journal."""
    runs = Counter(effect["id"] for effect in simulator.world.effects if effect["kind"] == "run" and effect["n"])
    for deployment in deployments:
        tenant = deployment.planned.tenant
        who, status = what.tenants[tenant], deployment.status
        flows = simulator.world.accounts[who.account].flows(who.id("integrations"))
        if len(flows) > 1:
            yield f"{tenant} has {len(flows)} flows"
        if status in OPEN:
            yield f"{tenant} is {status.value} at the end"
        elif status is Status.UNKNOWN and len(flows) > 0:
            error = deployment.error or {}
            if error.get("code") not in MAY_ASK:
                yield f"{tenant} waits for a person: {error}"
        elif status is Status.STALE and len(flows) == 1:
            continue  # somebody changed what was to be set
        elif len(flows) != 1:
            yield f"{tenant} is {status.value} and has no flow"
        elif flows[0].get("disabled") or flows[0]["settings"].get("batchSize") != 200:
            yield f"{tenant} is {status.value} and its flow is not as it was wanted"
        yield from (f"{tenant} ran {runs[flow['_id']]} times" for flow in flows if runs[flow["_id"]] > 1)


def _surplus(what: Scenario, simulator: Simulator) -> int:
    """Return how many flows are more than one of a tenant's."""
    places = [simulator.world.accounts[who.account].flows(who.id("integrations")) for who in what.tenants.values()]
    return sum(max(0, len(flows) - 1) for flows in places)
