"""What a worker is made of: its log, its signals, and the work."""

import json
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TextIO

import anyio
import click

from deployer.api.places import journal_home
from deployer.api.rolling import Stop
from deployer.api.workplace import Office
from deployer.cli.wiring import log_to
from deployer.errors import DeployerError
from deployer.telemetry.log import Redactor
from deployer.workers.queue import address_of, opened_queue
from deployer.workers.tasks import Shift
from deployer.workers.worker import work

_AGAIN = 2.0  # seconds after which a database that did not answer is tried again


async def serve(
    journal: str | None, concurrency: int, folder: Path, verbose: int, env: Mapping[str, str], stderr: TextIO
) -> int:
    """Work until a signal comes, and return the exit code."""
    home, stop, redactor = journal_home(folder / "rollout.yaml", journal), Stop(), Redactor()
    log = log_to(stderr, verbose + 1, redactor)
    address = address_of(home)

    async def heed() -> None:
        with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
            async for _ in signals:
                if stop.asked:
                    scope.cancel()
                click.echo("stopping: nothing new is begun; what is in flight ends, the rest goes back", err=True)
                stop.ask()

    def failed(about: str, error: Exception) -> None:
        cause = error.what if isinstance(error, DeployerError) else f"{type(error).__name__}: {error}"
        click.echo(redactor.clean(json.dumps({"failed": about, "cause": cause})), err=True)

    async def serve_once(left: list[int]) -> list[int]:
        async with opened_queue(address) as queue:
            await queue.part_with(left)
            click.echo(f"working for {home}, {concurrency} accounts at a time", err=True)
            shift = Shift(home, address, str(folder), Office(env, log, redactor), queue, stop)
            return await work(shift, concurrency=concurrency, failed=failed)

    with anyio.CancelScope() as scope:
        async with home.open(alone=False):  # makes the tables; a database that does not answer at all is told at once
            pass
        async with anyio.create_task_group() as group:
            group.start_soon(heed)
            left: list[int] = []
            while not stop.asked:
                try:
                    left = await serve_once(left)
                except DeployerError as error:
                    failed("the worker", error)
                with anyio.move_on_after(_AGAIN):
                    await stop.wait()
            group.cancel_scope.cancel()
    return 0
