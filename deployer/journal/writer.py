"""One thread that owns the one connection, and commits whatever waits as one group."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from deployer.errors import DeployerError, JournalError
from deployer.journal.connection import Connection, Row
from deployer.journal.samples import SampleQueue

LINGER = 0.01  # seconds that writes nobody waits for may be collected
SPACING = 0.005  # seconds between two commits that may be spaced: each costs more CPU than what is written in it
BATCH = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """Something to do on the connection, who waits for it to be durable, and whether it may be spaced for that."""

    work: Callable[[Connection], T]
    waiting: asyncio.Future[T] | None
    spaced: bool = False


class Writer:
    """The thread. Jobs run in the order they were given, so what was noted earlier is durable no later."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self.waiting: deque[Any] = deque()  # what those who share it have their jobs write, whoever's job comes first
        self.told: Callable[[float], None] | None = None  # how many seconds each commit took, on the thread
        self.samples = SampleQueue()
        self._connect = connect
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._failure: Exception | None = None
        self._told = False
        self._committed = 0.0
        self._thread = Thread(target=self._serve, name="journal", daemon=True)

    async def start(self) -> None:
        """Open the connection, on the thread that is to own it."""
        self.begin()
        await self.ask(lambda _: None)

    def begin(self) -> None:
        """Begin to open the connection; whatever is asked for waits for that."""
        self._thread.start()

    @property
    def is_broken(self) -> bool:
        """Tell whether nothing more can be written."""
        return self._failure is not None

    async def ask(self, work: Callable[[Connection], T], *, spaced: bool = False) -> T:
        """Do something and return its result once it is durable; a cancelled caller does not undo it.

        What is `spaced` waits a moment for others to share its commit, if there was one just before.
        """
        self._refuse_if_broken()
        waiting: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(Job(work, waiting, spaced))
        return await waiting

    def tell(self, work: Callable[[Connection], object]) -> None:
        """Do something without waiting; if it fails, every later call says so."""
        self._refuse_if_broken()
        self._jobs.put(Job(work, None))

    async def stop(self) -> None:
        """Do what was asked so far, and close the connection."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def own_up(self) -> None:
        """Raise JournalError where something could not be written and nobody was told yet."""
        if not self._told:
            self._refuse_if_broken()

    def _refuse_if_broken(self) -> None:
        if self._failure:
            raise self._error() from self._failure

    def _serve(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - as below
            self._failure = error
            connection = None
        while batch := self._collect():
            if connection and not self._failure:
                self._commit(connection, batch)
            else:
                self._fail(batch)
        if connection:
            connection.close()

    def _collect(self) -> list[Job[Any]]:
        """Return the jobs that wait, lingering a little where that keeps nobody waiting long; none means stop."""
        batch: list[Job[Any]] = []
        deadline = float("inf")
        while len(batch) < BATCH:
            try:
                job = self._jobs.get(timeout=max(0.0, deadline - time.monotonic()) if batch else None)
            except Empty:
                break
            if job is None:
                if batch:
                    self._jobs.put(None)  # stop after this batch
                break
            batch.append(job)
            deadline = min(deadline, self._latest(job))
        return batch

    def _latest(self, job: Job[Any]) -> float:
        """Return until when a job may wait for others."""
        if job.spaced:
            return self._committed + SPACING
        return 0.0 if job.waiting else time.monotonic() + LINGER

    def _commit(self, connection: Connection, batch: list[Job[Any]]) -> None:
        begun = time.monotonic()
        if any(job.spaced for job in batch):
            self._committed = begun
        try:
            connection.execute("BEGIN")
            results = [job.work(connection) for job in batch]
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a thread that ends in silence would leave every caller waiting
            self._failure = error
            with suppress(Exception):  # a failed disk may fail the rollback too; nothing was committed either way
                connection.rollback()
            self._fail(batch)
            return
        if self.told is not None:
            self.told(time.monotonic() - begun)
        _answer(batch, partial(_give, batch, results))

    def _fail(self, batch: list[Job[Any]]) -> None:
        if any(job.waiting for job in batch):
            error = self._error()
            _answer(batch, partial(_refuse, batch, error))

    def _error(self) -> DeployerError:
        self._told = True
        if isinstance(self._failure, DeployerError):
            return self._failure
        return JournalError(
            f"the journal cannot be used: {self._failure}",
            remedy="mend the cause and run the same command again: it goes on where the journal ends",
        )


class Book:
    """What lies in the tables that `connect` opens, on the thread that owns them from then on, while it is open."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._writer = Writer(connect)

    def tell_commits(self, told: Callable[[float], None]) -> None:
        """Tell from now on how many seconds each commit took, from the thread that commits."""
        self._writer.told = told

    async def __aenter__(self) -> Self:
        """Open the tables."""
        try:
            await self._writer.start()
        except DeployerError:
            await self._writer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit what waits, and close; raise JournalError if what nobody waited for could not be written."""
        if error is None and self._writer.samples and not self._writer.is_broken:
            self._writer.tell(self._writer.samples.write)
        await self._writer.stop()
        if error is None:
            self._writer.own_up()

    async def _select(self, query: str, wanted: Row) -> list[Row]:
        return await self._writer.ask(lambda connection: connection.execute(query, wanted).fetchall())


def _answer(batch: list[Job[Any]], tell: Callable[[], object]) -> None:
    """Wake the loop of those who wait once for all of them: a call for each would cost more than their writes."""
    waiting = next((job.waiting for job in batch if job.waiting), None)
    if waiting is not None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            waiting.get_loop().call_soon_threadsafe(tell)


def _give(batch: list[Job[Any]], results: list[Any]) -> None:
    """Answer those who wait; a caller that was cancelled has left, and what it asked for is done."""
    for job, result in zip(batch, results, strict=True):
        if job.waiting and not job.waiting.done():
            job.waiting.set_result(result)


def _refuse(batch: list[Job[Any]], error: DeployerError) -> None:
    for job in batch:
        if job.waiting and not job.waiting.done():
            job.waiting.set_exception(error)
