"""Rehearse: the real plan, carried out by the real engine, on a simulated copy of the accounts."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deployer.api.places import journal_home
from deployer.api.rolling import carried_out
from deployer.api.rollouts import begin, heed_guards, new_plan
from deployer.api.standing import find_standing
from deployer.api.workplace import Office, Workplace, workplace
from deployer.domain.documents import Document, fingerprint
from deployer.domain.manifest import Manifest, Rate, Safety
from deployer.domain.resources import PARTS
from deployer.domain.wave_models import Bake, Verify, WaveEntry, Waves
from deployer.engine.accounts import OpenAccount
from deployer.engine.capture import Capture
from deployer.engine.load import Loaded
from deployer.engine.planning import aim_of
from deployer.report.rehearsal import Rehearsal
from deployer.simulator import Knobs, Rule, Simulator, World, serving

__all__ = ["Rehearsal", "Script", "rehearse"]

_QUICK = Safety.model_construct(settle=0.3, lag=0.1, intent=1.0, clone_timeout=2.0, timeout=2.0)
_UNPACED = Rate(per_second=100_000.0, burst=100_000)
_BIRTHS = frozenset({"clone", "create"})
_KNOBS = Knobs(bucket_size=1_000_000, bucket_refill=100_000.0, job_duration=0.05)


@dataclass(frozen=True, slots=True)
class Script:
    """What goes wrong in a rehearsal, by chance that a seed decides: parts of 1.

    `refused` are the tenants whose PUT the API refuses; `lost`, calls that take effect and whose answer is lost;
    `broken`, calls that are answered with 502.
    """

    seed: int = 0
    refused: float = 0.0
    lost: float = 0.0
    broken: float = 0.0

    @property
    def rules(self) -> list[Rule]:
        """Return the faults of the simulator."""
        rules = [
            Rule(action="refuse", route="flows.put", status=422, code="rehearsed", chance=self.refused),
            Rule(action="lose", route="flows.clone", applied=True, chance=self.lost),
            Rule(action="lose", route="flows.put", applied=True, chance=self.lost),
            Rule(action="refuse", route="*", status=502, code="rehearsed", chance=self.broken),
        ]
        return [rule for rule in rules if rule.chance > 0]


async def rehearse(
    loaded: Loaded,
    script: Script,
    *,
    allow: frozenset[str] = frozenset(),
    journal: str | None = None,
    office: Office | None = None,
) -> Rehearsal:
    """Capture what a plan touches, and carry the plan out on the copy. Only reads are sent to the accounts.

    Waves neither bake nor ask, a command of the user's is not run, and jobs end at once without errors. Raise
    GuardError where a guard refuses the plan.
    """
    office = office or Office()
    with TemporaryDirectory() as folder:
        here = Path(folder)
        journal_home(loaded.path, journal).copy(here / "journal.db")
        async with workplace(loaded, journal=journal, office=office, read_only=True) as place:
            place.accounts.demand_one()
            world = World.load({"minted": 0, "effects": [], "accounts": await _captured(place)})
            tokens = {name: _token(account) for name, account in place.accounts.opened.items()}
            refused = place.accounts.refused
        simulator = Simulator(world, _KNOBS, seed=script.seed)
        async with serving(simulator) as url:
            elsewhere = replace(loaded, manifest=_elsewhere(loaded.manifest, url))
            env = {**office.env, **{_variable(name): token for name, token in tokens.items()}, "XDG_STATE_HOME": folder}
            async with workplace(elsewhere, journal=str(here / "journal.db"), office=Office(env)) as place:
                accounts = replace(place.accounts, refused=refused)  # which are not copied, for the reasons they have
                found = await _carry_out(replace(place, accounts=accounts), simulator, script, allow)
        settings = loaded.manifest.model_dump(mode="json", exclude={"tenants"})  # with the rates of the accounts
        return replace(found, plan=replace(found.plan, settings=settings))


async def _carry_out(place: Workplace, simulator: Simulator, script: Script, allow: frozenset[str]) -> Rehearsal:
    saved = await new_plan(place)
    await heed_guards(place, saved.plan, allow)
    rollout = await begin(place, saved)
    before = len(simulator.ledger.arrivals)
    simulator.faults.install(script.rules)
    async with carried_out(place, rollout) as rolling:
        async for _ in rolling:
            pass
    standing = await find_standing(place.home, rollout=rollout.id)
    troubled = [tenant async for tenant in standing.tenants(troubled=True)]
    births = (effect for effect in simulator.world.effects if effect["kind"] in _BIRTHS and "integration" in effect)
    clones = Counter(effect["integration"] for effect in births)
    doubled = sum(count > 1 for count in clones.values())
    return Rehearsal(saved.plan, standing.head, troubled, len(simulator.ledger.arrivals) - before, doubled)


async def _captured(place: Workplace) -> list[Document]:
    """Return the accounts as the simulator loads them, entries of one account together."""
    captures: dict[tuple[str, str], Capture] = {}
    for name, account in place.accounts.opened.items():
        integrations = [tenant.integration for _, tenant in place.loaded.tenants.of(name)]
        capture, aim = captures.setdefault(account.identity, Capture()), aim_of(place.loaded, name)
        if len(await place.journal.by_revision([aim.template])) > 0:  # whose copies an upgrade may be about
            aim = replace(aim, kinds=aim.kinds | frozenset(PARTS))
        await capture.take(account, aim, integrations)
    first = {account.identity: account for account in reversed(tuple(place.accounts.opened.values()))}
    return [_simulated(first[identity], capture) for identity, capture in captures.items()]


def _simulated(account: OpenAccount, capture: Capture) -> Document:
    documents: dict[str, Any] = {kind: list(held.values()) for kind, held in capture.documents.items()}
    return {
        "name": account.name,
        "token": _token(account),
        "user": account.user,
        "documents": documents,
        "jobs": [],
    }


def _token(account: OpenAccount) -> str:
    """Return what opens the copy of an account: none of its secrets."""
    return f"rehearsal-{fingerprint(list(account.identity))}"


def _variable(account: str) -> str:
    return f"DEPLOYER_REHEARSAL_{fingerprint(account)[:16].upper()}"


def _elsewhere(manifest: Manifest, url: str) -> Manifest:
    """Return the manifest for the copies of its accounts, where nothing takes long and nobody is told."""
    accounts = {
        name: account.model_copy(
            update={"region": None, "url": url, "token": f"env:{_variable(name)}", "rate": _UNPACED}
        )
        for name, account in manifest.accounts.items()
    }
    waves = _without_waits(manifest.waves, runs=manifest.run.trigger) if manifest.waves else None
    return manifest.model_copy(update={"accounts": accounts, "safety": _QUICK, "waves": waves, "notify": ()})


def _without_waits(waves: Waves, *, runs: bool) -> Waves:
    """Return waves that neither bake nor ask, nor check what a rehearsal cannot know."""

    def checked(verify: Verify) -> Verify:
        return verify.model_copy(update={"errors": verify.errors if runs else None, "evidence": None, "command": None})

    def entered(entry: WaveEntry) -> WaveEntry:
        verify = entry.verify and checked(entry.verify)
        return entry.model_copy(update={"bake": Bake(), "approve": False, "verify": verify})

    each = tuple(map(entered, waves.each)) if waves.each else None
    update = {"each": each, "bake": Bake(), "approve": False, "verify": checked(waves.verify)}
    return waves.model_copy(update=update)
