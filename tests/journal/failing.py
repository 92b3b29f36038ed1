"""A program that lets the disk fail at each of its calls, each time in a process of its own, and tells what came of it.

It runs with `failing_disk.c` before every other library. Arguments: a folder, and how many tenants; it prints JSON, a
line a process: the folder's name, exit code, the tenants told to be durable, what was said, and the
tenants whose intents are found when the journal is opened again.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from errno import EIO, ENOSPC, EROFS
from io import StringIO
from pathlib import Path

from deployer.domain.lifecycle import State
from deployer.errors import JournalError
from deployer.journal.sqlite import SqliteJournal
from tests.factories import rollout
from tests.journal.recording import main

WAYS: Mapping[str, Mapping[str, str]] = {
    "error": {"FAIL_WITH": str(EIO)},
    "full": {"FAIL_WITH": str(ENOSPC)},
    "torn": {"FAIL_WITH": str(EIO), "TORN": "1"},
    "read-only": {"FAIL_WITH": str(EROFS)},
}
PLENTY = 2**30


def tried(folder: Path, tenants: int, at: int, way: Mapping[str, str]) -> int:
    """Record intents in a process of its own, in which a call fails; return how many calls there were."""
    folder.mkdir()
    counted = folder / "calls"
    child = os.fork()
    if not child:
        os.environ |= {"FAIL_AT": str(at), "CALLS": str(counted), **way}
        _record(folder, tenants)
        os._exit(0)
    os.waitpid(child, 0)
    reader = os.fork()
    if not reader:
        _read_back(folder, tenants)
        os._exit(0)
    os.waitpid(reader, 0)
    return int(counted.read_text("utf-8"))


def _record(folder: Path, tenants: int) -> None:
    told, code, said = StringIO(), 0, ""
    try:
        with redirect_stdout(told):
            asyncio.run(main(folder / "journal.db", tenants, PLENTY))
    except JournalError as error:
        code, said = 1, "\n".join(error.lines())
    except BaseException as error:  # noqa: BLE001 - whatever comes out is told to who judges
        code, said = 2, repr(error)
    (folder / "told").write_text(json.dumps([code, told.getvalue().split(), said]), "utf-8")


def _read_back(folder: Path, tenants: int) -> None:
    """Open the journal on a disk that is well again, and tell whom it holds intents of besides what was said before."""

    async def intended() -> list[str]:
        async with SqliteJournal(folder / "journal.db") as journal:
            found = await journal.deployments(rollout().id, after=-1, limit=tenants)
            return [each.planned.tenant for each in found if each.steps[0].state is State.INTENDED]

    told = json.loads((folder / "told").read_text("utf-8"))
    os.write(1, f"{json.dumps([folder.name, *told, asyncio.run(intended())])}\n".encode())


if __name__ == "__main__":
    place, count = Path(sys.argv[1]), int(sys.argv[2])
    calls = tried(place / "well", count, 0, WAYS["error"])
    for name, how in WAYS.items():
        for number in range(1, calls + 1):
            tried(place / f"{name}-{number}", count, number, how)
