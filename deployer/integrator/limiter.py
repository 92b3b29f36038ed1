"""One account's share of the API: its rate and its requests in flight, both first come, first served."""

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager

import anyio

from deployer.domain.pacing import Bucket, closed_until, give_back, take, wait_for


class Limiter:
    """A bucket that can be waited for, and a cap on what is in flight.

    A queue of its own with one timer, because the ready-made limiters reach half the rate or twice it. It reads the
    event loop's clock, which is also the one that wakes it.
    """

    def __init__(self, bucket: Bucket, in_flight: int) -> None:
        self.sent = 0
        self.throttled = 0
        self._bucket = bucket
        self.cap = in_flight
        self._slots = anyio.Semaphore(in_flight, fast_acquire=True)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rate(self) -> float:
        """Return the tokens a second that are aimed at."""
        return self._bucket.rate

    @property
    def in_flight(self) -> int:
        """Return how many slots are taken."""
        return self.cap - self._slots.value

    @property
    def paused_for(self) -> float:
        """Return the seconds left of a pause."""
        return max(0.0, self._bucket.at - asyncio.get_running_loop().time())

    def slot(self) -> AbstractAsyncContextManager[object]:
        """Hold one of the slots for requests in flight."""
        return self._slots

    async def token(self) -> None:
        """Wait for the turn of one request."""
        now = asyncio.get_running_loop().time()
        if not self._waiting and wait_for(self._bucket, now) <= 0:
            self._bucket = take(self._bucket, now)
        else:
            await self._queue()
        self.sent += 1

    def pause(self, seconds: float) -> None:
        """Let nothing start for so long: what a 429 asks of the whole account."""
        self.throttled += 1
        self._bucket = closed_until(self._bucket, asyncio.get_running_loop().time() + seconds)

    async def _queue(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._timer is None:
            self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn had come, and nobody will use it
                self._bucket = give_back(self._bucket)
                self._serve()
            raise

    def _serve(self) -> None:
        """Give each waiter its turn while there are tokens, then set the timer for the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting:
            if self._waiting[0].done():  # cancelled while it waited
                self._waiting.popleft()
            elif (wait := wait_for(self._bucket, now)) > 0:
                self._timer = loop.call_at(now + wait, self._serve)
                return
            else:
                self._bucket = take(self._bucket, now)
                self._waiting.popleft().set_result(None)
