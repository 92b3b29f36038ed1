"""What ails: accounts, tenants and journal examined, and nothing changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import anyio.to_thread

from deployer.api.notifying import examine_hooks
from deployer.api.places import journal_home
from deployer.api.workplace import Office, opening_of
from deployer.domain.checkup import Checkup, Finding, Verdict
from deployer.engine.accounts import Accounts, open_accounts
from deployer.engine.checkup import examine_accounts
from deployer.engine.clock import SystemClock
from deployer.engine.load import Loaded
from deployer.errors import JournalError
from deployer.journal.home import Home

__all__ = ["examine"]

_ROOM: Final = 1 << 30  # bytes below which a disk is nearly full


async def examine(loaded: Loaded, *, journal: str | None = None, office: Office | None = None) -> Checkup:
    """Examine what a rollout needs; only reads are sent, and no lock is held."""
    office, checkup = office or Office(), Checkup()
    opening = opening_of(loaded, office, SystemClock(), Random())
    async with open_accounts(loaded.manifest.accounts, opening) as (opened, refused):
        await examine_accounts(loaded, Accounts(opened, refused), office.env, checkup)
    home = journal_home(loaded.path, journal)
    found = await anyio.to_thread.run_sync(lambda: [*_journal(home)])
    checkup.damaged = any(each.verdict is Verdict.PROBLEM for each in found)
    checkup.take([*found, _disk(home.folder), *await examine_hooks(loaded, office)])
    return checkup


def _journal(home: Home) -> Iterator[Finding]:
    """Say whether the journal is sound, and who works on it."""
    try:
        if whom := home.holder():
            remedy = "wait until it has ended; status may be asked meanwhile"
            yield Finding("journal", Verdict.WARNING, f"{home} is in use by {whom}", remedy)
        if not home.exists():
            yield Finding("journal", Verdict.OK, f"there is none at {home} yet; the first apply makes it")
            return
        yield Finding("journal", Verdict.OK, f"{home}: {home.examine()}")
    except JournalError as error:
        yield Finding("journal", Verdict.PROBLEM, error.what, error.remedy or "")


def _disk(folder: Path) -> Finding:
    """Say whether there is room beside the journal."""
    place = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    what = f"{free / _ROOM:.1f} GiB are free beside the journal"
    if free < _ROOM:
        return Finding("disk", Verdict.WARNING, what, "make room: a rollout stops where its journal cannot be written")
    return Finding("disk", Verdict.OK, what)
