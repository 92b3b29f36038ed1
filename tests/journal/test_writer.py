"""The writer's thread, and those who wait for it."""

import asyncio
import gc
import sqlite3
from threading import Event
from typing import Any

import pytest

from deployer.journal.connection import Connection
from deployer.journal.writer import Writer

pytestmark = pytest.mark.anyio


async def test_a_failure_that_nobody_waits_for_any_more_is_not_printed() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    writer = Writer(lambda: sqlite3.connect(":memory:"))
    await writer.start()
    entered, left = Event(), Event()

    def fail(_: Connection) -> None:
        entered.set()
        left.wait()
        raise sqlite3.OperationalError("disk I/O error")

    asking = asyncio.create_task(writer.ask(fail))
    await asyncio.to_thread(entered.wait)
    asking.cancel()
    await asyncio.wait([asking])
    del asking
    left.set()
    await writer.stop()
    await asyncio.sleep(0)  # the loop hears of the failure
    del writer
    gc.collect()

    assert complaints == []
