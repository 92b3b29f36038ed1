"""What was promised and is not so: to each tenant its flow, to each account one worker, to each secret its place."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deployer.simulator import Customer
from deployer.simulator.ledger import Arrival
from tests import postgres
from tests.canaries.marks import secret
from tests.canaries.search import Found, in_database, in_folder, searched
from tests.faults.crew import Crew, Watch, owner
from tests.faults.world import WatchedSimulator

THROTTLED = 429
REFILLED = 5.0  # seconds after which what a command asked for is forgotten
GRACE = 0.5  # seconds for which what had left before may still arrive


def written(root: Path, server: postgres.Server, journal: str) -> Found:
    """Look through everything that was written, here or by the database."""
    log = searched((server.home / "log").read_bytes(), "log of the database")
    return in_folder(root) + in_database(journal) + log


def broken(simulator: WatchedSimulator, crew: Crew, watch: Watch) -> Iterator[str]:
    """Yield what is not as it was promised."""
    for name, account in simulator.world.accounts.items():
        for number in range(len(account.documents["integrations"]) - 1):
            integration = Customer(name, number).id("integrations")
            flows, wanted = (
                account.flows(integration),
                {"batchSize": 200, "apiKey": secret({"integration": integration})},
            )
            if len(flows) != 1:
                yield f"{name}-{number} has {len(flows)} flows"
            elif not flows[0].get("settings", {}).items() >= wanted.items():
                yield f"{name}-{number} is not configured"
    asked = [one for one in simulator.ledger.arrivals if simulator.callers[one.n] not in crew.pids]
    for arrival in simulator.ledger.arrivals:
        if arrival.status == THROTTLED and not _joined(arrival, asked):
            yield f"account {arrival.account} was throttled"
        if arrival.method != "GET" and arrival.account is not None:
            yield from _fenced(arrival, simulator, crew, watch)


def _joined(arrival: Arrival, asked: Sequence[Arrival]) -> bool:
    """Tell whether a person's command had just asked the same account, by a rate of its own."""
    return any(one.account == arrival.account and 0 <= arrival.time - one.time < REFILLED for one in asked)


def _fenced(arrival: Arrival, simulator: WatchedSimulator, crew: Crew, watch: Watch) -> Iterator[str]:
    """Yield that a call came from a worker that had the account no more, or not yet."""
    caller, user = simulator.callers[arrival.n], simulator.world.accounts[str(arrival.account)].user
    had = {owner(watch.seen, user, arrival.time), owner(watch.seen, user, arrival.time - GRACE)}
    if crew.pids.get(caller) not in had:
        yield f"{arrival.method} {arrival.path} came from {caller}, while {had} had {arrival.account}"
