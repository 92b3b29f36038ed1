"""The judge's evidence: every request that arrived, what became of it, and what the world holds now."""

from dataclasses import asdict, dataclass, field

from deployer.simulator.world import Account, Document, World

SHOWN = ("_id", "_sourceId", "name", "description", "schedule", "timezone", "disabled", "settings", "createdAt")


@dataclass(slots=True)
class Arrival:
    """Hold one request; a missing status is an answer that never left."""

    n: int
    time: float
    route: str
    method: str
    path: str
    account: str | None
    status: int | None = None
    applied: bool = False
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class Ledger:
    """Hold the requests in the order in which they arrived."""

    arrivals: list[Arrival] = field(default_factory=list)
    pending: int = 0
    """Delayed requests that are still going to be applied."""

    def arrive(self, *, time: float, route: str, method: str, path: str, account: str | None) -> Arrival:
        """Write down a request before anything is done about it."""
        n = len(self.arrivals) + 1
        arrival = Arrival(n=n, time=time, route=route, method=method, path=path, account=account)
        self.arrivals.append(arrival)
        return arrival


def evidence(ledger: Ledger, world: World) -> Document:
    """Return requests, effects, flows by integration, and everything ever PUT, as JSON values."""
    return {
        "pending": ledger.pending,
        "requests": [asdict(arrival) for arrival in ledger.arrivals],
        "effects": world.effects,
        "integrations": _integrations(world),
        "puts": [effect for effect in world.effects if effect["kind"] == "put"],
    }


def _integrations(world: World) -> Document:
    runs = _runs(world)
    return {
        integration: [_flow(account, key, runs) for key in account.flows_in.get(integration, ())]
        for account in world.accounts.values()
        for integration in account.documents["integrations"]
    }


def _flow(account: Account, key: str, runs: dict[str, int]) -> Document:
    flow = account.documents["flows"][key]
    return {**{name: flow.get(name) for name in SHOWN}, "runs": runs.get(key, 0)}


def _runs(world: World) -> dict[str, int]:
    runs: dict[str, int] = {}
    for effect in world.effects:
        if effect["kind"] == "run":
            runs[effect["id"]] = runs.get(effect["id"], 0) + 1
    return runs
