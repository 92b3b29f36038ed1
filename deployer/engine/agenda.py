"""Which deployment is next: those whose time has come, then those the journal still holds, until there are none."""

import heapq
from collections import deque
from functools import partial
from itertools import count
from math import inf

import anyio

from deployer.domain.deployment import Deployment
from deployer.domain.moves import rebased
from deployer.engine.admission import Admission
from deployer.engine.clock import Clock
from deployer.journal.protocol import Journal


class Agenda:
    """The work of one account in a wave, read from the journal `ahead` at a time. Whoever has to wait is put aside.

    Where the wave is bounded, those that had begun come first, and the others as they are admitted.

    Of the workers that find nothing one keeps watch over those put aside, and the others sleep until they are called:
    a crowd that wakes for every event would cost more than the work.
    """

    def __init__(  # noqa: PLR0913 - whose work it is, and how it is read
        self,
        journal: Journal,
        rollout: str,
        account: str,
        clock: Clock,
        *,
        ahead: int,
        wave: int = 0,
        admission: Admission | None = None,
    ) -> None:
        self._journal = journal
        self._rollout = rollout
        self._account = account
        self._clock = clock
        self._ahead = ahead
        self._wave = wave
        self._admission = admission or Admission()
        self._admission.watch(self._call_one)
        self._begun: deque[bool | None] = deque([True, False] if self._admission.is_bounded else [None])
        self._after = -1
        self._page: list[Deployment] = []
        self._aside: list[tuple[float, int, Deployment]] = []
        self._order = count()
        self._busy = 0
        self._reading = anyio.Lock()
        self._watch: anyio.Event | None = None
        self._asleep: deque[anyio.Event] = deque()
        self._ended = anyio.Event()

    async def next(self) -> Deployment | None:
        """Return the next deployment, waiting for one if need be; None when nothing is left or the agenda is closed."""
        while not self.is_closed:
            found = self._due() or await self._claimed()
            if found:
                self._busy += 1
                self._call_one()
                return found
            if not (self._aside or self._busy or self._page):
                break
            await self._idle()
        self.close()
        return None

    def put_aside(self, deployment: Deployment, seconds: float) -> None:
        """Give a deployment back until so many seconds have passed."""
        heapq.heappush(self._aside, (anyio.current_time() + seconds, next(self._order), deployment))
        self._busy -= 1
        if self._watch:
            self._watch.set()
        else:
            self._call_one()

    def rest(self) -> None:
        """Say that a deployment has come to rest."""
        self._busy -= 1
        if not (self._busy or self._aside):
            self._call_one()

    @property
    def idle(self) -> bool:
        """Tell whether a worker is waiting for work."""
        return bool(self._watch or self._asleep)

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing more is handed out."""
        return self._ended.is_set()

    async def ended(self) -> None:
        """Return when nothing more is handed out."""
        await self._ended.wait()

    def close(self) -> None:
        """Hand out nothing more."""
        if not self.is_closed:
            self._ended.set()
            for event in (*self._asleep, *([self._watch] if self._watch else ())):
                event.set()

    def _due(self) -> Deployment | None:
        if self._aside and self._aside[0][0] <= anyio.current_time():
            return heapq.heappop(self._aside)[2]
        return None

    async def _claimed(self) -> Deployment | None:
        async with self._reading:
            while not self._page and self._begun:
                await self._read()
            if not self._page or self.is_closed:
                return None
            if self._page[-1].is_begun or await self._admission.admits(self._page[-1]):
                return self._page.pop()
            if self._admission.is_over:
                self._page.clear()
                self._begun.clear()
            return None

    async def _read(self) -> None:
        """Read the next page: of those that had begun, then of the others."""
        claim = partial(self._journal.claim, self._rollout, self._account, wave=self._wave, begun=self._begun[0])
        found = await claim(after=self._after, limit=self._ahead)
        now = self._clock.moment()
        self._page = [rebased(deployment, now) for deployment in reversed(found)]
        self._after = found[-1].place if found else self._after
        if len(found) < self._ahead:
            self._begun.popleft()
            self._after = -1

    async def _idle(self) -> None:
        if self.is_closed:  # while the journal was read: nobody would be woken any more
            return
        called = anyio.Event()
        if self._watch:
            self._asleep.append(called)
            await called.wait()
            return
        self._watch = called
        try:
            pause = self._aside[0][0] - anyio.current_time() if self._aside else inf
            with anyio.move_on_after(max(0.0, min(pause, self._admission.patience if self._page else inf))):
                await called.wait()
        finally:
            self._watch = None

    def _call_one(self) -> None:
        if self._watch:
            self._watch.set()
        elif self._asleep:
            self._asleep.popleft().set()
