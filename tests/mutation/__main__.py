"""Try the mutants of modules, and say which no test noticed."""

import argparse
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from tests.mutation.targets import PLANTED, TARGETS, Target
from tests.mutation.trial import NotGreenError, Verdict, read, try_all

LISTED: Final = Path(__file__).with_name("survivors.toml")


def listed_for(target: Target) -> Mapping[str, str]:
    """Return the survivors that a module is known to have, each with its reason."""
    return dict(tomllib.loads(LISTED.read_text("utf-8")).get(target.path, {}))


def faults_of(verdicts: Sequence[Verdict], listed: Mapping[str, str]) -> list[str]:
    """Return what is wrong: who survived without being listed, and who is listed though killed."""
    survived = {verdict.mutant.name: verdict.mutant.line for verdict in verdicts if not verdict.is_killed}
    killed = {verdict.mutant.name for verdict in verdicts if verdict.is_killed}
    return [
        *(f"line {line}: survived: {name}" for name, line in survived.items() if name not in listed),
        *(f"listed, but killed: {name}" for name in listed if name in killed),
    ]


def gone_from(target: Target, listed: Mapping[str, str]) -> list[str]:
    """Return the listed survivors that the module no longer has."""
    there = {mutant.name for mutant in read(target)[1]}
    return [f"listed, but gone: {name}" for name in listed if name not in there]


def score_of(verdicts: Sequence[Verdict], listed: Mapping[str, str]) -> str:
    """Say how many there were and how many of those that can be noticed were."""
    killed = sum(verdict.is_killed for verdict in verdicts)
    alike = sum(not verdict.is_killed and verdict.mutant.name in listed for verdict in verdicts)
    score = 100 * killed / max(1, len(verdicts) - alike)
    left = len(verdicts) - killed - alike
    return f"{len(verdicts)} mutants, {killed} killed, {left} survived, {alike} listed as alike: {score:.1f} %"


def try_out(target: Target, like: Sequence[str]) -> bool:
    """Try the mutants of one module and print what there is to say; true when none of it is a fault."""
    listed = listed_for(target)
    verdicts = []
    try:
        for verdict in try_all(target, like):
            verdicts.append(verdict)
            for fault in faults_of([verdict], listed):
                click.echo(f"{target.path}: {fault}")
    except NotGreenError as error:
        click.echo(f"error: {error}", err=True)
        return False
    gone = gone_from(target, listed)
    for fault in gone:
        click.echo(f"{target.path}: {fault}")
    click.echo(f"{target.path}: {score_of(verdicts, listed)}")
    return not gone and not faults_of(verdicts, listed)


def main() -> int:
    """Try the modules that the command line names, or each in turn; 0 when whoever survived is listed."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a path, or its end; without any, all")
    parser.add_argument(
        "--like", default=[], action="append", metavar="CODE", help="only the mutants whose names hold this"
    )
    options = parser.parse_args()
    known = [*TARGETS, PLANTED]
    chosen = [target for target in known if any(target.path.endswith(name) for name in options.modules)]
    if options.modules and not chosen:
        click.echo(f"error: none of {', '.join(target.path for target in TARGETS)}", err=True)
        return 2
    passed = [try_out(target, options.like) for target in chosen or TARGETS]  # all run: no failure hides the next
    return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main())
