"""A program that records an intent for one tenant after the other, and says each time that it is durable.

Arguments: the journal's path, how many tenants, and by how many bytes its files may grow once the rollout has begun.
"""

import asyncio
import os
import resource
import sys
from pathlib import Path

from deployer.domain.lifecycle import Event
from deployer.errors import JournalError
from deployer.journal.sqlite import SqliteJournal
from tests.factories import crowd, plan, rollout
from tests.journal.entries import entry


def leave_room(path: Path, room: int) -> None:
    """Make every write beyond so many more bytes fail, as on a full disk."""
    size = os.stat(f"{path}-wal").st_size  # noqa: PTH116 - beside the path, not in it
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))


async def main(path: Path, count: int, room: int) -> None:
    async with SqliteJournal(path) as journal:
        await journal.begin(rollout(), plan(*crowd(count)))
        found = await journal.deployments(rollout().id, after=-1, limit=count)
        leave_room(path, room)
        for deployment in found:
            await journal.record(entry(deployment, Event.INTEND))
            print(deployment.planned.tenant, flush=True)  # noqa: T201 - whoever started it reads along


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
    except JournalError as error:
        sys.exit("\n".join(error.lines()))
