"""Run seeds of the simulation, in several processes; say what befell, and which seeds are not as was promised."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import click

from tests.simulation.planted import ASSUMPTIONS, BUGS
from tests.simulation.run import Verdict, simulate
from tests.simulation.scenario import KINDS, SIZES, scenario
from tests.simulation.weather import Bent

_BLOCK = 50  # seeds that a process takes at a time
_TOLD = 20  # seeds that are shown: the rest is like them
_TELLING = 100  # blocks after which it is said how far it is


def main() -> int:
    """Run what the command line asks for; 1 if any promise was broken."""
    options = _options()
    bug = BUGS.get(options.without)
    bent = bug.bent if bug else ASSUMPTIONS.get(options.assume, Bent())
    if options.show is not None:
        return _show(options.show, options.without, bent)
    for name, size in product(KINDS, SIZES):
        scenario(name, size)  # once, before the processes part
    begun = time.monotonic()
    blocks = [range(at, min(at + _BLOCK, options.seeds)) for at in range(options.begin, options.seeds, _BLOCK)]
    struck, broken, hours, surplus, bodies = Counter[str](), list[Verdict](), 0.0, 0, 0
    with ProcessPoolExecutor(options.jobs) as pool:
        found = pool.map(partial(_block, options.without, bent), blocks)
        for done, verdicts in enumerate(found, 1):
            if done % _TELLING == 0:  # a release's run takes hours
                click.echo(f"{done * _BLOCK:,} seeds, {len(broken)} broke a promise", err=True)
            struck += sum((verdict.struck for verdict in verdicts), Counter[str]())
            hours += sum(verdict.hours for verdict in verdicts)
            surplus += sum(verdict.surplus for verdict in verdicts)
            bodies += sum(verdict.bodies for verdict in verdicts)
            broken += [verdict for verdict in verdicts if verdict.broken]
    _tell(options.seeds - options.begin, struck, hours, (surplus, bodies), time.monotonic() - begun)
    for verdict in broken[:_TOLD]:
        click.echo(f"  seed {verdict.seed}: {'; '.join(verdict.broken)}")
    if broken:
        click.echo(f"{len(broken)} seeds broke a promise; see one: --show {broken[0].seed}")
    return int(bool(broken))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate-faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="up to this number")
    parser.add_argument("--begin", type=int, default=0, help="with this number")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--show", type=int, help="print the trace of one seed")
    parser.add_argument("--without", default="", choices=["", *BUGS], help="leave a rule out: this has to find it")
    parser.add_argument("--assume", default="", choices=["", *ASSUMPTIONS], help="break an assumption")
    options = parser.parse_args()
    if options.begin >= options.seeds:
        parser.error(f"--begin {options.begin} is not below --seeds {options.seeds}: there is no seed to run")
    return options


def _show(seed: int, without: str, bent: Bent) -> int:
    [verdict] = _block(without, bent, [seed])
    click.echo("\n".join([*verdict.trace, *verdict.broken, f"trace {verdict.digest}"]))
    return int(bool(verdict.broken))


def _block(without: str, bent: Bent, seeds: Iterable[int]) -> list[Verdict]:
    if not without:
        return [simulate(seed, bent) for seed in seeds]
    with BUGS[without].without():
        return [simulate(seed, bent) for seed in seeds]


def _tell(seeds: int, struck: Counter[str], hours: float, found: tuple[int, int], took: float) -> None:
    surplus, bodies = found
    kills = struck["kill"]
    click.echo(
        f"{seeds:,} seeds in {took:.0f} s: {hours:,.0f} hours, {struck.total() - kills:,} faults, {kills:,} kills"
    )
    click.echo(", ".join(f"{count:,} {kind}" for kind, count in struck.most_common()))
    click.echo(f"{surplus} flows too many; {bodies:,} bodies looked through for another tenant's values")


if __name__ == "__main__":
    sys.exit(main())
