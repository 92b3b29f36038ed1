"""A process of ours that may die or stand still between any two of the things it does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from deployer.domain.deployment import Moment
from deployer.simulator.world import iso
from tests.simulation.weather import Weather

EPOCH = 1_800_000_000.0  # of the wall's clock as a run begins


@dataclass(slots=True)
class Trace:
    """What happened, in order: equal seeds have equal traces."""

    lines: list[str] = field(default_factory=list)

    def note(self, who: str, what: str) -> None:
        """Write one line."""
        self.lines.append(f"{asyncio.get_running_loop().time():.3f} {who} {what}")


class Process:
    """One process: its clocks, and the points at which something may befall it."""

    def __init__(self, name: str, weather: Weather, chance: Random, trace: Trace, *, boot: int) -> None:
        self.name = name
        self.weather = weather
        self.chance = chance
        self.trace = trace
        self.is_dead = False
        self._boot = f"boot-{boot}"
        self._booted = -1e5 * boot  # another boot's clock has nothing to do with ours
        self._wall = 0.0
        self._task: asyncio.Task[object] | None = None
        self._still_until = 0.0

    async def live(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do work until it is done, fails, or the process dies."""
        self._task = asyncio.ensure_future(_awaited(work))
        try:
            await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if not self.is_dead:
                self._task.cancel()
                raise
            await asyncio.wait([self._task])

    async def point(self, what: str) -> None:
        """Be at a point where the process may die or stand still, and go on, if it does, where it runs."""
        self.check()
        weather = self.weather
        if weather.strikes(self.chance, "kill"):
            self.die(what)
            raise asyncio.CancelledError
        if weather.strikes(self.chance, "still"):
            self.stand_still(weather.stillness(self.chance), what)
        if weather.strikes(self.chance, "jump"):
            self._wall += self.chance.choice((-86_400.0, -7.0, 3_600.0, 1e7))
        await self.run()

    async def run(self) -> None:
        """Wait until the process runs."""
        loop = asyncio.get_running_loop()
        while self._still_until > loop.time():  # noqa: ASYNC110 - it may be stopped again meanwhile
            await asyncio.sleep(self._still_until - loop.time())
        self.check()

    def check(self) -> None:
        """Let nobody do anything in a dead process."""
        if self.is_dead:
            raise asyncio.CancelledError

    def stand_still(self, seconds: float, what: str = "") -> None:
        """Do nothing for so long, as a stopped process or a machine asleep."""
        self._still_until = asyncio.get_running_loop().time() + seconds
        self.weather.count("still")
        self.trace.note(self.name, f"stands still for {seconds:.1f} s {what}")

    def die(self, what: str = "") -> None:
        """Die at once."""
        self.is_dead = True
        self.weather.count("kill")
        self.trace.note(self.name, f"dies {what}")
        if self._task:
            self._task.cancel()

    def moment(self) -> Moment:
        """Return the point on the boot clock, which goes on while a machine sleeps."""
        return Moment(self._boot, asyncio.get_running_loop().time() - self._booted)

    def utc(self) -> str:
        """Return the wall's time, which may jump."""
        return iso(EPOCH + asyncio.get_running_loop().time() + self._wall)


async def _awaited(work: Callable[[], Awaitable[object]]) -> object:
    return await work()
