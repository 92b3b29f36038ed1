"""A worker: it takes jobs from the queue until it is told to stop, and brings back what dead workers left."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import anyio
import psycopg
from procrastinate import RetryStrategy
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from deployer.domain.gate import GateState
from deployer.domain.instructions import Standing
from deployer.engine.carrying import Part
from deployer.workers import firing
from deployer.workers.queue import CARRY, CARRYING, CONDUCT, CONDUCTING, FIRE, STALLED, Queue
from deployer.workers.tasks import Shift, UnfinishedError, shared

HEARTBEAT: Final = 10.0  # seconds
_POLL: Final = 1.0  # seconds between two looks for jobs
_MISSED: Final = 5.0  # seconds between two looks for jobs that are ours and that nothing here does
_RESCUE: Final = "* * * * * */5"  # every five seconds
_DRAINED: Final = 35.0  # seconds after which a job that was told to stop is cancelled
_ROLLOUTS: Final = 1000  # at a time: each only waits
_AGAIN: Final = RetryStrategy(wait=2, retry_exceptions=[UnfinishedError])

Failed = Callable[[str, Exception], None]


async def work(shift: Shift, *, concurrency: int, failed: Failed) -> list[int]:
    """Work off jobs, of so many accounts at a time, until the shift's stop is asked for; what is left goes back.

    Returns too where the database does not answer any more, with what it still knows us by.

    `failed` is told of jobs that ended by an error: they are queued again by whoever misses what they were to do.
    """
    _register(shift, failed)
    begun = _Begun()
    workers = [_worker(shift.queue, CARRYING, concurrency, begun), _worker(shift.queue, CONDUCTING, _ROLLOUTS, begun)]
    left: list[int] = []

    async def run(one: Worker) -> None:
        try:
            await one.run()  # type: ignore[no-untyped-call]
        except (ConnectorException, psycopg.Error) as error:
            failed("the queue", error)
            if one.worker_id is not None:
                left.append(one.worker_id)
        finally:
            shift.stop.ask()  # also where the queue let go of it: its jobs go back at once, and it begins anew

    async def heed() -> None:
        await shift.stop.wait()
        for one in workers:
            one.stop()  # type: ignore[no-untyped-call]

    async with anyio.create_task_group() as heeding:
        heeding.start_soon(heed)
        heeding.start_soon(begun.bring_back, shift.queue, workers)
        async with anyio.create_task_group() as running:
            for one in workers:
                running.start_soon(run, one)
        heeding.cancel_scope.cancel()
    return left


class _Begun:
    """The jobs that are under way in this process.

    A job is ours in the queue although nothing here does it where the answer was lost as it was fetched, or as it was
    given back: the queue waits for ever for a worker that is alive.
    """

    def __init__(self) -> None:
        self._jobs: set[int | None] = set()

    async def around(self, do: Callable[[], Awaitable[object]], context: JobContext, worker: Worker) -> object:  # noqa: ARG002 - the queue's signature
        """Do a job, which is under way so long."""
        self._jobs.add(context.job.id)
        try:
            return await do()
        finally:
            self._jobs.discard(context.job.id)

    async def bring_back(self, queue: Queue, workers: Sequence[Worker]) -> None:
        """Give back what is ours and not under way, at two looks one after the other, until cancelled."""
        before: set[int] = set()
        while True:
            await anyio.sleep(_MISSED)
            with suppress(ConnectorException, psycopg.Error):
                ours = await queue.had_by([one.worker_id for one in workers if one.worker_id is not None])
                idle = ours - self._jobs
                for job in idle & before:
                    await queue.bring_back(job)
                before = idle


def _worker(queue: Queue, name: str, concurrency: int, begun: _Begun) -> Worker:
    return Worker(
        queue.app,
        queues=[name],
        name=f"deployer {name}",
        concurrency=concurrency,
        fetch_job_polling_interval=_POLL,
        listen_notify=False,  # a connection more, whose loss would end the worker, for less than a second
        shutdown_graceful_timeout=_DRAINED,
        install_signal_handlers=False,
        update_heartbeat_interval=HEARTBEAT,
        stalled_worker_timeout=STALLED,
        delete_jobs="always",
        worker_middleware=[begun.around],
    )


def _register(shift: Shift, failed: Failed) -> None:
    app = shift.queue.app

    @app.task(name=CONDUCT, queue=CONDUCTING, retry=_AGAIN)
    async def conduct(rollout: str) -> None:
        await _told(f"rollout {rollout}", shift.conduct(rollout), failed)

    @app.task(name=CARRY, queue=CARRYING, retry=_AGAIN)
    async def carry(rollout: str, wave: int, account: str, *, is_over: bool) -> None:
        await _told(f"account {account}", shift.carry(rollout, Part(wave, account, is_over)), failed)

    @app.periodic(cron=_RESCUE)
    @app.task(name="deployer:rescue", queue=CONDUCTING, queueing_lock="rescue")
    async def rescue(timestamp: int) -> None:  # noqa: ARG001 - every periodic task is told the time
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
            if job.id is not None:
                await shift.queue.bring_back(job.id)
        await _miss(shift)
        await firing.look(shift)

    @app.task(name=FIRE, queue=CONDUCTING, retry=_AGAIN)
    async def fire(of: str, schedule: str, local: str) -> None:
        await _told(f"schedule {schedule} of {of}", firing.fire(shift, of, schedule, local), failed)


async def _told(about: str, job: Awaitable[None], failed: Failed) -> None:
    try:
        await job
    except UnfinishedError:
        raise
    except Exception as error:
        failed(about, error)
        raise


async def _miss(shift: Shift) -> None:
    """Queue the rollouts that are the workers', may go on, and that nobody goes through."""
    async with shift.home.open(alone=False) as book:
        for rollout in await shared(book).handed_over():
            if await shift.queue.is_conducted(rollout.id):
                continue
            if rollout.outcome == "running" or await _is_approved(shift, rollout.id):
                await shift.queue.conduct(rollout.id)


async def _is_approved(shift: Shift, rollout: str) -> bool:
    """Tell whether somebody approved what a rollout waits for."""
    async with shift.home.open(read_only=True) as book:
        said = Standing.of(await book.instructions(rollout))
        waves, gates = (await book.plan(rollout)).waves, await book.gates(rollout)
    waiting = [waves[number - 1].name for number, gate in gates.items() if gate.state is not GateState.RELEASED]
    return any(name in said.approved for name in waiting)
