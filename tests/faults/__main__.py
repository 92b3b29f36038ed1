"""Let faults befall many workers on one rollout; what the simulated API holds at the end is the judge."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random

import click
import psycopg
from anyio.from_thread import start_blocking_portal

from deployer.simulator import Knobs, serving
from tests import postgres
from tests.canaries.abroad import ForeignHost
from tests.faults.chaos import WEIGHTS, Chaos
from tests.faults.crew import ROOT, Crew, Watch
from tests.faults.judging import broken, written
from tests.faults.planted import BUGS
from tests.faults.proxy import passing
from tests.faults.world import WatchedSimulator, names, tokens, write

TOLD = 20  # of what is broken: the rest is like it
JOBS = """
    SELECT j.task_name, j.args::text, j.status::text, j.attempts, j.worker_id, j.scheduled_at, now() - w.last_heartbeat
    FROM deployer.procrastinate_jobs j LEFT JOIN deployer.procrastinate_workers w ON w.id = j.worker_id
    WHERE j.status IN ('todo', 'doing') ORDER BY j.id
"""
STANDING = "SELECT outcome FROM deployer.rollout ORDER BY number DESC LIMIT 1"


def main() -> int:
    """Run what the command line asks for; 1 if any promise was broken."""
    options = _options()
    root = Path(tempfile.mkdtemp(prefix="deployer-faults-"))
    names_, abroad = names(options.accounts), ForeignHost()
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
        crew = Crew(
            root / "work", address, names_, Random(options.seed), _surroundings(root, abroad), bug=options.without
        )
        watch = Watch(direct)
        try:
            began = time.monotonic()
            befell = _rolled_out(
                options,
                crew,
                Chaos(crew, server, proxy, simulator, crew.chance, Counter(), abroad.url, options.only),
                direct,
            )
        finally:
            crew.dismiss()
            watch.close()
        unkept = [*broken(simulator, crew, watch)]
        found, visits = written(root, server, direct), abroad.visits()
    took = time.monotonic() - began
    requests, faults = len(simulator.ledger.arrivals), sum(befell.values())
    size = f"{options.tenants} tenants, {options.accounts} accounts, {options.workers} workers"
    click.echo(f"{size}, seed {options.seed}")
    click.echo(f"{faults} faults in {took:.0f} s ({', '.join(f'{n} {kind}' for kind, n in sorted(befell.items()))})")
    click.echo(f"{requests} requests, {crew.hired} workers hired, {len(watch.seen)} claims")
    seen = simulator.inspection
    leaks = [*seen.misplaced, *found.hits, *(["somebody came to a host that nobody named"] * visits)]
    click.echo(f"{seen.bodies} bodies and {found.searched / 1e6:.0f} MB of what was written looked through")
    ill = [*unkept, *leaks]
    for text in ill[:TOLD]:
        click.echo(f"  broken: {text}")
    well = "0 doubled, 0 lost, 0 calls of a fenced worker, 0 throttled, 0 out of place, 0 requests to another host"
    click.echo(f"{len(ill)} promises broken: {root}" if ill else well)
    return int(bool(ill))


def _surroundings(root: Path, abroad: ForeignHost) -> Mapping[str, str]:
    """Return an environment whose files are looked through, and whose proxies nobody may take."""
    (root / "tmp").mkdir()
    return {**abroad.proxies, "PYTHONPATH": ROOT, "TMPDIR": str(root / "tmp"), "XDG_STATE_HOME": str(root / "state")}


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
    _detach(crew, direct, "apply", "--yes")
    quiet = time.monotonic() + 60 * options.minutes
    late = quiet + 240
    due = time.monotonic()
    while (outcome := _outcome(direct)) in {"running", "halted"}:
        crew.tend(everybody=time.monotonic() > quiet)
        if outcome == "halted":  # by an answer that led elsewhere
            _detach(crew, direct, "resume")
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


def _detach(crew: Crew, direct: str, *words: str) -> None:
    """Leave something to the workers."""
    command = [sys.executable, "-m", "deployer", *words, "--detach", "-vv", "--journal", direct]
    environment = {**os.environ, **crew.surroundings, **tokens(crew.accounts, words[0])}
    with (crew.folder / f"{words[0]}.log").open("ab") as log:
        subprocess.run(command, cwd=crew.folder, env=environment, check=True, stdout=log, stderr=log)


def _outcome(direct: str) -> str:
    try:
        with psycopg.connect(direct) as connection:
            found = connection.execute(STANDING.encode()).fetchone()
    except psycopg.Error:
        return "running"  # the server is only coming up
    return str(found[0]) if found else "none"


if __name__ == "__main__":
    sys.exit(main())
