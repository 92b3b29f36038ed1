"""Judge a run that is over by the world of the simulated API; what the journal says is only compared with it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.sweeping import surplus as surplus_of
from deployer.simulator.world import Document, World
from tests.simulation.scenario import Scenario

MAY_ASK: Final = frozenset({"run_undecided"})  # what only a person can tell
_WANTED: Final = 200  # of settings.batchSize


def judged(what: Scenario, world: World, deployments: Iterable[Deployment]) -> Iterator[str]:
    """Yield what is not as was promised."""
    runs = Counter(effect["id"] for effect in world.effects if effect["kind"] == "run" and effect["n"])
    for deployment in deployments:
        flows = _flows(what, world, deployment.planned.tenant)
        problem = _problem(deployment, flows, runs)
        if problem:
            yield f"{deployment.planned.tenant} {problem}"


def _problem(deployment: Deployment, flows: list[Document], runs: Counter[str]) -> str:
    """Return what is wrong with a tenant, if anything is."""
    status, error = deployment.status, deployment.error or {}
    if len(flows) > 1:
        return f"has {len(flows)} flows"
    if status in OPEN:
        return f"is {status.value} at the end"
    if status is Status.UNKNOWN and error.get("code") not in MAY_ASK:
        return f"waits for a person: {error}"
    if not flows:
        return f"is {status.value} and has no flow"
    if runs[flows[0]["_id"]] > 1:
        return f"ran {runs[flows[0]['_id']]} times"
    if status not in {Status.DONE, Status.UNKNOWN, Status.STALE}:  # stale: somebody changed what was to be set
        return f"is {status.value}: {error}"
    if status is Status.DONE and not _is_as_wanted(flows[0]):
        return "is done, and its flow is not as it was wanted"
    return ""


def _is_as_wanted(flow: Document) -> bool:
    return not flow.get("disabled") and flow.get("settings", {}).get("batchSize") == _WANTED


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
