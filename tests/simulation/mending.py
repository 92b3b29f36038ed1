"""What is done where a journal was lost or restored, or nothing is planned yet: with reads alone, under faults."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deployer.domain.candidate import Choices
from deployer.domain.plan import Action, Planned
from deployer.domain.rebuilding import Sought
from deployer.engine.accounts import Accounts
from deployer.engine.load import Loaded
from deployer.engine.planning import Materials, make_plan
from deployer.engine.plans import SavedPlan
from deployer.engine.rebuilding import Rebuilding
from deployer.engine.rollouts import Crew
from deployer.errors import GuardError
from deployer.journal.lock import Lease
from deployer.journal.protocol import Rollout
from tests.simulation.process import Process

UNREADABLE = "unreadable"


class _Onlooker:
    """Who notes what is found, and whether anything could not be read."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.unread: list[str] = []

    def waits(self, seconds: float) -> None:
        self._process.trace.note(self._process.name, f"waits {seconds:.0f} s before it rebuilds")

    def left(self, rollout: Rollout) -> None:
        self._process.trace.note(self._process.name, f"leaves {rollout.id}")

    def sees(self, sought: Sought) -> None:
        self._process.trace.note(self._process.name, f"sees that the flow of {sought.tenant} is {sought.finding}")
        if sought.finding == UNREADABLE:
            self.unread.append(sought.tenant)


@contextmanager
def unlocked(_: Path, __: str, accounts: Any, **___: Any) -> Iterator[dict[tuple[str, str], Lease]]:  # noqa: ANN401
    """Hold nothing, in place of the locks of files: whoever works alone is kept apart by the simulation."""
    yield {account.identity: Lease(frozenset({"lost"})) for account in accounts}


async def rebuilt(crew: Crew, loaded: Loaded, accounts: Accounts, process: Process) -> None:
    """Rebuild the journal; who could not see every tenant's flow does it again, as the command says."""
    onlooker = _Onlooker(process)
    await Rebuilding(crew, loaded, accounts, onlooker).go()
    if onlooker.unread:
        raise GuardError(f"{len(onlooker.unread)} tenants could not be read", remedy="rebuild again")


async def unfinished(crew: Crew) -> Rollout | None:
    """Return the rollout that somebody began and did not live to tell of."""
    return next(iter(await crew.journal.unfinished()), None)


async def planned(
    crew: Crew, loaded: Loaded, accounts: Accounts, environment: Mapping[str, str], process: Process
) -> SavedPlan:
    """Plan, and again with what a person says of tenants that are blocked, as long as there is more to say.

    As long as faults may be why a tenant is blocked, whoever reads the plan makes another, later.
    """
    choices, blocked = Choices(), list[Planned]()

    def see(_: int, each: Planned) -> None:
        process.trace.note(process.name, f"plans {each.action.value} for {each.tenant} {each.reason}")
        if each.action is Action.BLOCKED:
            blocked.append(each)

    materials = Materials(loaded, accounts, crew.journal, environment, see)
    while True:
        blocked.clear()
        is_calm = process.weather.calm
        saved = await _saved(materials, choices, process)
        if blocked and not is_calm:
            raise GuardError(f"{blocked[0].tenant} is blocked: {blocked[0].reason}")
        if choices == (choices := _said(choices, blocked)):
            return saved


def _said(before: Choices, blocked: Iterable[Planned]) -> Choices:
    """Return what a person says, besides what was said before, who wants what the manifest says."""
    gone, fought = (
        frozenset(each.tenant for each in blocked if each.reason.startswith(why))
        for why in ("deleted outside", "conflict")
    )
    return Choices(recreate=before.recreate | gone, ours=before.ours | fought)


async def _saved(materials: Materials, choices: Choices, process: Process) -> SavedPlan:
    with TemporaryDirectory() as directory:
        saved = await make_plan(materials, choices, directory=Path(directory), observed_at=process.utc())
        plan = saved.plan
        tenants = tuple(plan.tenants)  # the file is gone with its directory
    return SavedPlan(replace(plan, tenants=tenants), saved.digest, Path())
