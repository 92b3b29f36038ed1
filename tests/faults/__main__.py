"""Let faults befall many workers on one rollout; what the simulated API holds at the end is the judge."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click
import psycopg
from anyio.from_thread import start_blocking_portal

from deployer.simulator import Customer, Knobs, Rule, serving
from deployer.simulator.ledger import Arrival
from tests import postgres
from tests.faults.crew import Crew, Watch, owner
from tests.faults.planted import BUGS
from tests.faults.proxy import Proxy, passing
from tests.faults.world import WatchedSimulator, names, tokens, write

WEIGHTS = {"cut": 40, "commit": 25, "http": 20, "stop": 8, "kill": 6, "crash": 1}
RULES = (
    Rule(action="lose", route="flows.*", times=1),
    Rule(action="lose", route="flows.*", times=1, applied=True),
    Rule(action="late", route="flows.*", times=1, seconds=0.3),
    Rule(action="reset", route="flows.*", times=1, applied=True),
    Rule(action="refuse", route="flows.*", times=1, status=500, applied=True),
    Rule(action="html", route="flows.*", times=1, status=502),
)
LONGEST_STOP = 45.0
THROTTLED = 429
GRACE = 0.5  # seconds for which what had left before may still arrive
TOLD = 20  # of what is broken: the rest is like it
JOBS = """
    SELECT j.task_name, j.args::text, j.status::text, j.attempts, j.worker_id, j.scheduled_at, now() - w.last_heartbeat
    FROM deployer.procrastinate_jobs j LEFT JOIN deployer.procrastinate_workers w ON w.id = j.worker_id
    WHERE j.status IN ('todo', 'doing') ORDER BY j.id
"""
STANDING = "SELECT outcome FROM deployer.rollout ORDER BY number DESC LIMIT 1"


@dataclass(slots=True)
class Chaos:
    """What befalls, and how often it did."""

    crew: Crew
    server: postgres.Server
    proxy: Proxy
    simulator: WatchedSimulator
    chance: Random
    befell: Counter[str]
    only: str = ""

    def strike(self) -> None:
        kind = self.only or self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self.befell[kind] += 1
        match kind:
            case "cut":
                self._cut()
            case "commit":
                self.proxy.swallow += 1
            case "http":
                self.simulator.faults.install([self.chance.choice(RULES)])
            case "stop":
                self.crew.stop(self.chance.uniform(0.5, LONGEST_STOP))
            case "kill":
                self.crew.kill()
            case _:
                self.server.crash()
                self.server.restart()

    def _cut(self) -> None:
        """End one connection to the database, of whoever has it."""
        try:
            with psycopg.connect(self.crew.address, autocommit=True) as connection:
                found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
                pids = sorted(pid for (pid,) in found)
                connection.execute("SELECT pg_terminate_backend(%s)", (self.chance.choice(pids),))
        except psycopg.Error:
            pass  # it was our own, or the server is only coming up


def main() -> int:
    """Run what the command line asks for; 1 if any promise was broken."""
    options = _options()
    root = Path(tempfile.mkdtemp(prefix="deployer-faults-"))
    names_ = names(options.accounts)
    simulator = WatchedSimulator(
        names_, options.tenants // options.accounts, Knobs(latency={"*": 0.02}, bucket_size=20, bucket_refill=20.0)
    )
    with (
        postgres.serving() as server,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(simulator)) as url,
        portal.wrap_async_context_manager(passing(server.port)) as (proxy, port),
    ):
        direct = server.new_database()
        address = direct.replace(f":{server.port}/", f":{port}/")
        write(root / "work", url, names_, options.tenants // options.accounts, [options.tenants // 10, "50%"])
        crew = Crew(root / "work", address, names_, Random(options.seed), bug=options.without)
        watch = Watch(direct)
        try:
            began = time.monotonic()
            befell = _rolled_out(
                options, crew, Chaos(crew, server, proxy, simulator, crew.chance, Counter(), options.only), direct
            )
        finally:
            crew.dismiss()
            watch.close()
        broken = [*_broken(simulator, crew, watch)]
    took = time.monotonic() - began
    requests, faults = len(simulator.ledger.arrivals), sum(befell.values())
    size = f"{options.tenants} tenants, {options.accounts} accounts, {options.workers} workers"
    click.echo(f"{size}, seed {options.seed}")
    click.echo(f"{faults} faults in {took:.0f} s ({', '.join(f'{n} {kind}' for kind, n in sorted(befell.items()))})")
    click.echo(f"{requests} requests, {crew.hired} workers hired, {len(watch.seen)} claims")
    for text in broken[:TOLD]:
        click.echo(f"  broken: {text}")
    well = "0 doubled, 0 lost, 0 calls of a fenced worker, 0 throttled"
    click.echo(f"{len(broken)} promises broken: {root}" if broken else well)
    return int(bool(broken))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--tenants", type=int, default=2000)
    parser.add_argument("--accounts", type=int, default=40)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--per-minute", type=float, default=200.0)
    parser.add_argument("--minutes", type=float, default=5.0, help="of faults at most; then the work has to end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", choices=["", *WEIGHTS], help="faults of this kind alone")
    parser.add_argument("--without", default="", choices=["", *BUGS], help="plant a bug: this has to find it")
    return parser.parse_args()


def _rolled_out(options: argparse.Namespace, crew: Crew, chaos: Chaos, direct: str) -> Counter[str]:
    """Let the rollout go on under faults, then without; return what befell."""
    for _ in range(options.workers):
        crew.hire()
    command = [sys.executable, "-m", "deployer", "apply", "--yes", "--detach", "--journal", direct]
    environment = {**os.environ, **tokens(crew.accounts, "apply")}
    subprocess.run(command, cwd=crew.folder, env=environment, check=True, capture_output=True)
    quiet = time.monotonic() + 60 * options.minutes
    late = quiet + 240
    due = time.monotonic()
    while (outcome := _outcome(direct)) == "running":
        crew.tend(everybody=time.monotonic() > quiet)
        if time.monotonic() < quiet:
            chaos.strike()
        elif time.monotonic() > late:
            _tell_jobs(direct)
            break
        due += 60 / options.per_minute  # whatever it takes to strike
        time.sleep(max(0.0, due - time.monotonic()))
    click.echo(f"the rollout {outcome}")
    return chaos.befell


def _tell_jobs(direct: str) -> None:
    """Print what the queue has left, and since when nobody heard of who has it."""
    with psycopg.connect(direct) as connection:
        for row in connection.execute(JOBS.encode()).fetchall():
            click.echo(f"  in the queue: {' '.join(map(str, row))}")


def _outcome(direct: str) -> str:
    try:
        with psycopg.connect(direct) as connection:
            found = connection.execute(STANDING.encode()).fetchone()
    except psycopg.Error:
        return "running"  # the server is only coming up
    return str(found[0]) if found else "none"


def _broken(simulator: WatchedSimulator, crew: Crew, watch: Watch) -> Iterator[str]:
    """Yield what is not as it was promised."""
    for name, account in simulator.world.accounts.items():
        for number in range(len(account.documents["integrations"]) - 1):
            flows = account.flows(Customer(name, number).id("integrations"))
            if len(flows) != 1:
                yield f"{name}-{number} has {len(flows)} flows"
            elif flows[0].get("settings", {}).get("batchSize") != 200:
                yield f"{name}-{number} is not configured"
    for arrival in simulator.ledger.arrivals:
        if arrival.status == THROTTLED:
            yield f"account {arrival.account} was throttled"
        if arrival.method != "GET" and arrival.account is not None:
            yield from _fenced(arrival, simulator, crew, watch)


def _fenced(arrival: Arrival, simulator: WatchedSimulator, crew: Crew, watch: Watch) -> Iterator[str]:
    """Yield that a call came from a worker that had the account no more, or not yet."""
    caller, user = simulator.callers[arrival.n], simulator.world.accounts[str(arrival.account)].user
    had = {owner(watch.seen, user, arrival.time), owner(watch.seen, user, arrival.time - GRACE)}
    if crew.pids.get(caller) not in had:
        yield f"{arrival.method} {arrival.path} came from {caller}, while {had} had {arrival.account}"


if __name__ == "__main__":
    sys.exit(main())
