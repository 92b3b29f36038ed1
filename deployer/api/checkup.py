"""What ails: accounts, tenants and journal examined, and nothing changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import anyio.to_thread

from deployer.api.places import journal_path, lock_path
from deployer.api.workplace import Office, opening_of
from deployer.domain.checkup import Checkup, Finding, Verdict
from deployer.engine.accounts import Accounts, open_accounts
from deployer.engine.checkup import examine_accounts
from deployer.engine.clock import SystemClock
from deployer.engine.load import Loaded
from deployer.errors import JournalError
from deployer.journal.checkup import read_whole
from deployer.journal.lock import holder

__all__ = ["examine"]

_ROOM: Final = 1 << 30  # bytes below which a disk is nearly full


async def examine(loaded: Loaded, *, journal: str | None = None, office: Office | None = None) -> Checkup:
    """Examine what a rollout needs; only reads are sent, and no lock is held."""
    office, checkup = office or Office(), Checkup()
    opening = opening_of(loaded, office, SystemClock(), Random())
    async with open_accounts(loaded.manifest.accounts, opening) as (opened, refused):
        await examine_accounts(loaded, Accounts(opened, refused), office.env, checkup)
    path = journal_path(loaded.path, journal)
    found = await anyio.to_thread.run_sync(lambda: [*_journal(path)])
    checkup.damaged = any(each.verdict is Verdict.PROBLEM for each in found)
    checkup.take([*found, _disk(path)])
    return checkup


def _journal(path: Path) -> Iterator[Finding]:
    """Say whether the journal is sound, and who works on it."""
    if whom := holder(lock_path(path)):
        remedy = "wait until it has ended; status may be asked meanwhile"
        yield Finding("journal", Verdict.WARNING, f"{path} is in use by {whom}", remedy)
    if not path.exists():
        yield Finding("journal", Verdict.OK, f"there is none at {path} yet; the first apply makes it")
        return
    try:
        yield Finding("journal", Verdict.OK, f"{path}: {read_whole(path)}")
    except JournalError as error:
        yield Finding("journal", Verdict.PROBLEM, error.what, error.remedy or "")


def _disk(path: Path) -> Finding:
    """Say whether there is room beside the journal."""
    place = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(place).free
    what = f"{free / _ROOM:.1f} GiB are free beside the journal"
    if free < _ROOM:
        return Finding("disk", Verdict.WARNING, what, "make room: a rollout stops where its journal cannot be written")
    return Finding("disk", Verdict.OK, what)
