"""Judge a run that is over by the world of the simulated API; what the journal says is only compared with it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.sweeping import surplus as surplus_of
from deployer.simulator.world import Document, World, iso
from tests.simulation.process import EPOCH
from tests.simulation.scenario import Scenario, secret

LONGEST: Final = 720.0  # seconds that a request is on its way at most, besides what the API takes
MAY_ASK: Final = frozenset({"run_undecided"})  # what only a person can tell
_ENDED: Final = frozenset({Status.DONE, Status.NO_CHANGE})
_RESTS: Final = _ENDED | {Status.UNKNOWN, Status.FAILED, Status.STALE}  # stale: a person changed it
_HOLDS: Final = frozenset({Status.FAILED, Status.UNKNOWN})  # the waves behind it
_WANTED: Final = 200  # of settings.batchSize
_GONE: Final = 404


def judged(what: Scenario, world: World, deployments: Iterable[Deployment], begun: Sequence[float]) -> Iterator[str]:
    """Yield what is not as was promised; `begun` is when each rollout began, those that were lost too."""
    runs = [effect for effect in world.effects if effect["kind"] == "run" and effect["n"]]
    deployments = list(deployments)
    holding = [one.planned.wave for one in deployments if what.plan.waves and one.status in _HOLDS]
    for deployment in deployments:
        flows = _flows(what, world, deployment.planned.tenant)
        by_hand = _by_hand(world, deployment.planned.integration)
        problem = _repeated(flows, runs, begun if by_hand.edited else begun[:1])
        if not _is_held(deployment, holding):
            problem = problem or _problem(deployment, flows, by_hand, secret(what.tenants[deployment.planned.tenant]))
        if problem:
            yield f"{deployment.planned.tenant} {problem}"


@dataclass(frozen=True, slots=True)
class _ByHand:
    """What people did to a tenant's flows: which excuses what would else be a promise broken."""

    removed: bool = False
    renamed: bool = False
    disabled: bool = False
    left_disabled: bool = False  # by whoever switched it last, or before that: a PUT of ours came in between
    edited: bool = False

    @property
    def asks(self) -> frozenset[str]:
        """Return what only a person can tell after that."""
        gone = {"resource_not_found"} if self.removed else set()
        return MAY_ASK | gone | ({"doubtful_flow"} if self.renamed else set())


def _by_hand(world: World, integration: str) -> _ByHand:
    born = {effect["id"] for effect in world.effects if effect.get("integration") == integration}
    ours = [effect for effect in world.effects if effect.get("id") in born]
    edits = [effect for effect in ours if effect["kind"] == "edit"]
    switches = [effect for effect in edits if "disabled" in effect["fields"]]
    off = [effect["fields"]["disabled"] for effect in switches]
    return _ByHand(
        removed=any(effect["kind"] == "remove" for effect in ours),
        renamed=any("name" in effect["fields"] for effect in edits),
        disabled=any(off),
        left_disabled=off[-1:] == [True] or (any(off) and _is_overwritten(switches[-1], world)),
        edited=bool(edits),
    )


def _asks_before(by_hand: _ByHand) -> list[str]:
    """Return why a plan may leave a tenant to a person."""
    return ["waits for a person", *(["without our marker"] if by_hand.renamed else [])]


def _is_overwritten(edit: Document, world: World) -> bool:
    """Tell whether a PUT that may have been on its way undid what a person did, which is not promised against."""
    latest = iso(datetime.fromisoformat(edit["time"]).timestamp() + LONGEST)
    return any(
        effect["kind"] == "put" and effect["id"] == edit["id"] and effect["body"].get("disabled")
        for effect in world.effects
        if edit["time"] <= effect["time"] <= latest
    )


def _is_held(deployment: Deployment, holding: Iterable[int]) -> bool:
    """Tell whether a tenant has to wait for its wave, or one before, in which somebody's flow was removed.

    It may have a flow from before the journal was lost; and one that is tried again may have begun.
    """
    behind = any(wave <= deployment.planned.wave for wave in holding)
    return behind and deployment.status in OPEN and not deployment.in_doubt


def _repeated(flows: list[Document], runs: Iterable[Document], begun: Sequence[float]) -> str:
    """Return what was done twice, if anything was; each of some rollouts may run a flow, as somebody edited it."""
    if len(flows) > 1:
        return f"has {len(flows)} flows"
    ids, since = {flow["_id"] for flow in flows}, [iso(EPOCH + moment) for moment in begun[1:]]
    ran = Counter((run["id"], bisect_right(since, run["time"])) for run in runs if run["id"] in ids)
    most = max(ran.values(), default=0)
    return f"ran {most} times" if most > 1 else ""


def _problem(deployment: Deployment, flows: list[Document], by_hand: _ByHand, own: str) -> str:
    """Return what is wrong with a tenant, if anything is."""
    status, error = deployment.status, deployment.error or {}
    if status in OPEN:
        return f"is {status.value} at the end"
    if status is Status.BLOCKED and any(why in deployment.planned.reason for why in _asks_before(by_hand)):
        return "" if flows or by_hand.removed else "is blocked and has no flow"
    if status is Status.UNKNOWN and error.get("code") not in by_hand.asks:
        return f"waits for a person: {error}"
    if not flows and not by_hand.removed:
        return f"is {status.value} and has no flow"
    if status is Status.FAILED and not _may_fail(error, by_hand):
        return f"is failed: {error}"
    if status in _ENDED and flows and not _is_as_wanted(flows[0], by_hand, own):
        return "is done, and its flow is not as it was wanted"
    return "" if status in _RESTS else f"is {status.value}: {error}"


def _may_fail(error: Document, by_hand: _ByHand) -> bool:
    """Tell whether a failure is what people did: a flow that is gone, or switched off before it was run."""
    gone = by_hand.removed and error.get("status") == _GONE
    return gone or (by_hand.disabled and error.get("code") == "inactive_flow")


def _is_as_wanted(flow: Document, by_hand: _ByHand, own: str) -> bool:
    runs, settings = not flow.get("disabled") or by_hand.left_disabled, flow.get("settings", {})
    return runs and (settings.get("batchSize"), settings.get("auth")) == (_WANTED, own)


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
