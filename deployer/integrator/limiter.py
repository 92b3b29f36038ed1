"""One account's share of the API: its rate and its requests in flight, both first come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from math import ceil
from typing import Final, Generic, TypeVar

from deployer.domain.adaptive import Pace, Turn, refused, taken, used
from deployer.domain.pacing import give_back, refill, since_empty, wait_for
from deployer.integrator.meter import Meter

T = TypeVar("T")

FEWEST, EVERYWHERE = 8, 1024  # slots of an account at least, and requests of all accounts on the wire at most
_SPARE: Final = 1.5  # slots for each request that Little's law has on the wire: some wait for their turn meanwhile
_PASSED_BY: Final = 8  # requests that may go before a poll that waits
_WEIGHT: Final = 0.05  # of one answer in the mean latency


class Crowd:
    """The requests on the wire of all accounts together. An account that has to wait is called again in its turn.

    `members` are the accounts that hire workers meanwhile.
    """

    def __init__(self, most: int = EVERYWHERE) -> None:
        self._most = self._free = most
        self.members = 0
        self._waiting: dict[Callable[[], None], None] = {}

    @property
    def share(self) -> int:
        """Return how many places there are for each member: an account that hires workers."""
        return max(FEWEST, self._most // max(1, self.members))

    def enter(self, again: Callable[[], None]) -> bool:
        """Take a place, or have `again` called, once, when there is one."""
        if self._free:
            self._free -= 1
            return True
        self._waiting[again] = None
        return False

    def leave(self) -> None:
        """Give a place back, to who waits longest."""
        self._free += 1
        while self._free and self._waiting:
            again = next(iter(self._waiting))
            del self._waiting[again]
            again()


class _Line(Generic[T]):
    """Those who wait, first come, first served. It is true while somebody waits."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[T]] = deque()

    def __bool__(self) -> bool:
        while self._waiting and self._waiting[0].done():  # cancelled while it waited
            self._waiting.popleft()
        return bool(self._waiting)

    def join(self) -> asyncio.Future[T]:
        place: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        return place

    def call(self, given: T) -> None:
        self._waiting.popleft().set_result(given)


class Limiter:
    """A pace that can be waited for, and slots for what is in flight: `cap` of them at most.

    A queue of its own with one timer, because the ready-made limiters reach half the rate or twice it. It reads the
    event loop's clock, which is also the one that wakes it. Slots are as many as rate and latency ask for, and one
    more whenever every holder is on the wire: so calls that take minutes do not keep the rate from being used.
    """

    def __init__(self, pace: Pace, cap: int, crowd: Crowd | None = None) -> None:
        self.sent = 0
        self.throttled = 0
        self.paused = 0.0  # seconds in all
        self.in_flight = 0
        self.cap = cap
        self.meter = Meter()
        self._pace = pace
        self._crowd = crowd or Crowd()
        self.on_the_wire = 0
        self._latency = 0.0
        self._holders, self._requests, self._polls = _Line[None](), _Line[Turn](), _Line[Turn]()
        self._passed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._served = 0.0
        self._eager: list[Callable[[], None]] = []

    @property
    def rate(self) -> float:
        """Return the requests a second that are aimed at."""
        return self._pace.rate

    def taken_over(self, seconds: float) -> None:
        """Begin with what the bucket can hold if somebody else left it empty so many seconds ago."""
        now = asyncio.get_running_loop().time()
        self._pace = replace(self._pace, bucket=since_empty(self._pace.bucket, seconds, now))

    @property
    def found(self) -> float | None:
        """Return the server's rate as it was found, if it ever refused."""
        return self._pace.found

    @property
    def paused_for(self) -> float:
        """Return the seconds left of a pause."""
        return max(0.0, self._pace.bucket.at - asyncio.get_running_loop().time())

    @property
    def ready(self) -> float:
        """Return how many requests may be sent at once."""
        return refill(self._pace.bucket, asyncio.get_running_loop().time()).tokens

    @property
    def slots(self) -> int:
        """Return how many requests may be in flight, waiting for their turn or on the wire."""
        return min(self.cap, max(FEWEST, ceil(_SPARE * self.rate * self._latency)))

    @property
    def wants_more(self) -> bool:
        """Tell whether one more worker would help now: nobody waits for slot or turn, and a slot can be had."""
        return self.in_flight < self.cap and not (self._holders or self._requests or self._polls)

    def may_have_more(self, workers: int) -> bool:
        """Tell whether so many workers may be one more: in the account's share, or while half of them hold requests.

        Those that wait for the journal instead speed nothing up, and each holds a tenant in memory.
        """
        return workers < self.cap and (workers < self._crowd.share or workers <= 2 * self.in_flight)

    @contextmanager
    def telling(self, eager: Callable[[], None]) -> Iterator[None]:
        """Call `eager` whenever one more worker would help, until the block ends.

        Workers that all hold calls of minutes would never ask by themselves.
        """
        self._eager.append(eager)
        self._crowd.members += 1
        try:
            yield
        finally:
            self._crowd.members -= 1
            self._eager.remove(eager)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots for requests in flight."""
        place = self._holders.join()
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._free()
            raise
        try:
            yield
        finally:
            self._free()

    @asynccontextmanager
    async def turn(self, *, poll: bool = False) -> AsyncIterator[Turn]:
        """Wait for the turn of one request and hold it while that is on the wire; polls let requests go first."""
        turn = (self._polls if poll else self._requests).join()
        if self._timer is None:
            self._serve()
        try:
            given = await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn had come, and nobody will use it
                self._give_back()
            raise
        try:
            yield given
        finally:
            self._learn(asyncio.get_running_loop().time() - given.at)
            self._leave()

    def leaves(self) -> float:
        """Count a request that leaves now in its turn, and return when that is."""
        return self.meter.sent(self.on_the_wire, self._pace.bucket.rate)

    def pause(self, turn: Turn, seconds: float | None) -> None:
        """Let nothing start for so long: what the 429 to a turn asks of the whole account."""
        self.throttled += 1
        now = asyncio.get_running_loop().time()
        before = max(now, self._pace.bucket.at)
        self._pace = refused(self._pace, turn, now, seconds)
        self.paused += max(0.0, self._pace.bucket.at - before)
        self._served = self._pace.bucket.at
        self.meter.refused(self._served)

    def _admit(self) -> None:
        while self._holders and (self.in_flight < self.slots or self._is_starved()):
            self.in_flight += 1
            self._holders.call(None)

    def _is_starved(self) -> bool:
        return self.on_the_wire == self.in_flight < self.cap

    def _free(self) -> None:
        self.in_flight -= 1
        self._admit()

    def _learn(self, seconds: float) -> None:
        self._latency += (seconds - self._latency) * (_WEIGHT if self._latency else 1.0)

    def _leave(self) -> None:
        self.on_the_wire -= 1
        self._crowd.leave()

    def _give_back(self) -> None:
        self.sent -= 1
        self._pace = replace(self._pace, bucket=give_back(self._pace.bucket))
        self._leave()
        self._serve()

    def _serve(self) -> None:
        """Give each waiter its turn while there are tokens, then set the timer for the next one."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._grow(now)
        while self._requests or self._polls:
            if (wait := wait_for(self._pace.bucket, now)) > 0:
                self._timer = loop.call_at(now + wait, self._serve)
                return
            if not self._crowd.enter(self._serve):
                return
            self._give(now)
        self._admit()
        if self.wants_more:
            for eager in self._eager:
                eager()

    def _grow(self, now: float) -> None:
        """Take the timer off. If it was set, somebody waited ever since: the rate was used and may grow."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._pace = used(self._pace, max(0.0, now - self._served))
        self._served = max(self._served, now)

    def _give(self, now: float) -> None:
        self._pace = taken(self._pace, now)
        self.sent += 1
        self.on_the_wire += 1
        patient = bool(self._requests) and self._passed < _PASSED_BY
        self._passed = self._passed + 1 if patient and self._polls else 0
        line = self._requests if patient or not self._polls else self._polls
        line.call(Turn(self._pace.turns, now))
