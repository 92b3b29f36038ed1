"""Judge a run that is over by the world of the simulated API; what the journal says is only compared with it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.sweeping import surplus as surplus_of
from deployer.simulator.world import Document, World
from tests.simulation.scenario import Scenario

MAY_ASK: Final = frozenset({"run_undecided"})  # what only a person can tell
_RESTS: Final = frozenset({Status.DONE, Status.UNKNOWN, Status.FAILED, Status.STALE})  # stale: a person changed it
_HOLDS: Final = frozenset({Status.FAILED, Status.UNKNOWN})  # the waves behind it
_WANTED: Final = 200  # of settings.batchSize
_GONE: Final = 404


def judged(what: Scenario, world: World, deployments: Iterable[Deployment]) -> Iterator[str]:
    """Yield what is not as was promised."""
    runs = Counter(effect["id"] for effect in world.effects if effect["kind"] == "run" and effect["n"])
    deployments = list(deployments)
    holding = [one.planned.wave for one in deployments if what.plan.waves and one.status in _HOLDS]
    for deployment in deployments:
        flows = _flows(what, world, deployment.planned.tenant)
        problem = _repeated(flows, runs)
        if not _is_held(deployment, holding):
            problem = problem or _problem(deployment, flows, _by_hand(world, deployment.planned.integration))
        if problem:
            yield f"{deployment.planned.tenant} {problem}"


@dataclass(frozen=True, slots=True)
class _ByHand:
    """What people did to a tenant's flows: which excuses what would else be a promise broken."""

    removed: bool = False
    renamed: bool = False
    disabled: bool = False
    left_disabled: bool = False  # by whoever switched it last

    @property
    def asks(self) -> frozenset[str]:
        """Return what only a person can tell after that."""
        gone = {"resource_not_found"} if self.removed else set()
        return MAY_ASK | gone | ({"doubtful_flow"} if self.renamed else set())


def _by_hand(world: World, integration: str) -> _ByHand:
    born = {effect["id"] for effect in world.effects if effect.get("integration") == integration}
    ours = [effect for effect in world.effects if effect.get("id") in born]
    edits = [effect for effect in ours if effect["kind"] == "edit"]
    switches = [effect["fields"]["disabled"] for effect in edits if "disabled" in effect["fields"]]
    return _ByHand(
        removed=any(effect["kind"] == "remove" for effect in ours),
        renamed=any("name" in effect["fields"] for effect in edits),
        disabled=any(switches),
        left_disabled=switches[-1:] == [True],
    )


def _is_held(deployment: Deployment, holding: Iterable[int]) -> bool:
    """Tell whether a tenant has to wait for its wave, or one before, in which somebody's flow was removed.

    It may have a flow from before the journal was lost; and one that is tried again may have begun.
    """
    behind = any(wave <= deployment.planned.wave for wave in holding)
    return behind and deployment.status in OPEN and not deployment.in_doubt


def _repeated(flows: list[Document], runs: Counter[str]) -> str:
    """Return what was done twice, if anything was."""
    if len(flows) > 1:
        return f"has {len(flows)} flows"
    most = max((runs[flow["_id"]] for flow in flows), default=0)
    return f"ran {most} times" if most > 1 else ""


def _problem(deployment: Deployment, flows: list[Document], by_hand: _ByHand) -> str:
    """Return what is wrong with a tenant, if anything is."""
    status, error = deployment.status, deployment.error or {}
    if status in OPEN:
        return f"is {status.value} at the end"
    if status is Status.UNKNOWN and error.get("code") not in by_hand.asks:
        return f"waits for a person: {error}"
    if not flows and not by_hand.removed:
        return f"is {status.value} and has no flow"
    if status is Status.FAILED and not _may_fail(error, by_hand):
        return f"is failed: {error}"
    if status is Status.DONE and flows and not _is_as_wanted(flows[0], by_hand):
        return "is done, and its flow is not as it was wanted"
    return "" if status in _RESTS else f"is {status.value}: {error}"


def _may_fail(error: Document, by_hand: _ByHand) -> bool:
    """Tell whether a failure is what people did: a flow that is gone, or switched off before it was run."""
    gone = by_hand.removed and error.get("status") == _GONE
    return gone or (by_hand.disabled and error.get("code") == "inactive_flow")


def _is_as_wanted(flow: Document, by_hand: _ByHand) -> bool:
    runs = not flow.get("disabled") or by_hand.left_disabled
    return runs and flow.get("settings", {}).get("batchSize") == _WANTED


def surplus(what: Scenario, world: World) -> int:
    """Return how many flows are more than one of a tenant's."""
    return sum(max(0, len(_flows(what, world, tenant)) - 1) for tenant in what.tenants)


def unswept(what: Scenario, world: World) -> int:
    """Return how many of them a sweep would not name, whichever of them the journal knows."""
    named = 0
    for planned in what.plan.tenants:
        flows = _flows(what, world, planned.tenant)
        if len(flows) > 1:
            named += len(surplus_of(flows, planned.key, str(flows[0]["_id"]))[1])
    return surplus(what, world) - named


def _flows(what: Scenario, world: World, tenant: str) -> list[Document]:
    who = what.tenants[tenant]
    return world.accounts[who.account].flows(who.id("integrations"))
