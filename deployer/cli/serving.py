"""What a worker is made of: its log, its signals, and the work."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TextIO

import anyio
import click

from deployer.api.rolling import Stop
from deployer.api.schedules import Firing
from deployer.api.workplace import Office
from deployer.cli.firing import call_hook
from deployer.cli.wiring import log_to
from deployer.errors import DeployerError
from deployer.telemetry.log import Redactor
from deployer.telemetry.observing import Signals
from deployer.workers.queue import Home, address_of, opened_queue, sharing
from deployer.workers.tasks import Shift
from deployer.workers.worker import work

_AGAIN = 2.0  # seconds after which a database that did not answer is tried again


@dataclass(slots=True)
class Serving:
    """A worker from its start to its end: it works until a signal comes, also where the database fails meanwhile."""

    home: Home
    concurrency: int
    folder: Path
    verbose: int
    hook: str | None
    env: Mapping[str, str]
    stderr: TextIO
    signals: Signals
    _stop: Stop = field(default_factory=Stop)
    _scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _redactor: Redactor = field(default_factory=Redactor)
    _left: list[int] = field(default_factory=list)

    async def go(self) -> int:
        """Work until a signal comes, and return the exit code."""
        async with self.home.open(alone=False):  # makes the tables; a database that does not answer is told at once
            pass
        with self._scope:
            async with anyio.create_task_group() as group:
                group.start_soon(self._heed)
                while not self._stop.asked:
                    await self._serve()
                    with anyio.move_on_after(_AGAIN):
                        await self._stop.wait()
                group.cancel_scope.cancel()
        return 0

    async def _serve(self) -> None:
        """Work until a signal comes, or the database does not answer."""
        address = address_of(self.home)
        log = log_to(self.stderr, self.verbose + 1, self._redactor, self.signals)
        office = Office(self.env, log, self._redactor, observers=self.signals.observers)
        try:
            async with opened_queue(address) as queue:
                await queue.part_with(self._left)
                click.echo(f"working for {self.home}, {self.concurrency} accounts at a time", err=True)
                shift = Shift(sharing(self.home), address, str(self.folder), office, queue, Stop(), self._hear)
                async with anyio.create_task_group() as group:
                    group.start_soon(self._pass_on, shift.stop)
                    self._left = await work(shift, concurrency=self.concurrency, failed=self._failed)
                    group.cancel_scope.cancel()
        except DeployerError as error:
            self._failed("the worker", error)

    async def _hear(self, firing: Firing) -> None:
        await call_hook(self.hook, firing, self._redactor.clean)

    async def _pass_on(self, stop: Stop) -> None:
        await self._stop.wait()
        stop.ask()

    async def _heed(self) -> None:
        with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
            async for _ in signals:
                if self._stop.asked:
                    self._scope.cancel()
                click.echo("stopping: nothing new is begun; what is in flight ends, the rest goes back", err=True)
                self._stop.ask()

    def _failed(self, about: str, error: Exception) -> None:
        cause = error.what if isinstance(error, DeployerError) else f"{type(error).__name__}: {error}"
        click.echo(self._redactor.clean(json.dumps({"failed": about, "cause": cause})), err=True)
