"""Kill `deployer apply` or `delete` at every boundary of a recorded run; the simulated API's ledger is the judge."""

import argparse
import gc
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import click

from tests.crash.harness.cases import FATES, Case, chosen
from tests.crash.harness.journals import KINDS, Files, journals
from tests.crash.harness.planted import BUGS, KNOWN
from tests.crash.harness.play import Result, Start, play, prepare
from tests.crash.harness.scenarios import SCENARIOS
from tests.crash.harness.simulated import FORK
from tests.crash.harness.telling import show, tell


def main() -> int:
    """Run what the command line asks for; 1 if any promise was broken."""
    options = _options()
    root = Path(tempfile.mkdtemp(prefix="deployer-crash-"))
    began = time.monotonic()
    with journals(options.journal) as made:
        return _judged(options, root, made, began)


def _judged(options: argparse.Namespace, root: Path, made: Files, began: float) -> int:
    wanted = options.only.partition(":")[0]
    names = {case.partition(":")[0] for _, case, _ in KNOWN[options.journal]} if options.planted else SCENARIOS
    starts = {name: prepare(SCENARIOS[name], root, made) for name in names if wanted in {"", name}}
    if options.planted:
        return _noticed(starts, root, options)
    cases = _asked(starts, options)
    if not cases:
        click.echo(f"error: no case is called {options.only!r}", err=True)
        return 2
    results = _played(starts, [(case, options.without) for case in cases], root, options)
    show(starts, results, time.monotonic() - began)
    if any(result.findings for result in results):
        return 1
    shutil.rmtree(root)
    return 0


def _noticed(starts: Mapping[str, Start], root: Path, options: argparse.Namespace) -> int:
    """Plant every bug in a case that it is known to fail; 1 if any was not noticed."""
    named = {
        case.name: case
        for name, start in starts.items()
        for case in (*start.record.cases(name), *start.record.repaired(name))
    }
    known = KNOWN[options.journal]
    results = _played(starts, [(named[case], bug) for bug, case, _ in known], root, options)
    broken = {(result.without, result.case.name, finding.kind) for result in results for finding in result.findings}
    for bug, case, kind in sorted({*known} - broken):
        click.echo(f"NOT NOTICED {bug}: no {kind} in {case}")
    shutil.rmtree(root)
    return int(not broken.issuperset(known))


def _asked(starts: Mapping[str, Start], options: argparse.Namespace) -> list[Case]:
    return chosen(
        (
            replace(case, round=number) if number else case
            for name, start in starts.items()
            for case in (start.record.repaired(name) if options.repair else start.record.cases(name))
            for number in range(_rounds(options) if case.fate in FATES else 1)
        ),
        only=options.only,
        one_in=options.one_in,
    )


def _rounds(options: argparse.Namespace) -> int:
    """Return how many rounds there are: a case of a later one that is named is among them."""
    named = re.search(r"round (\d+)$", options.only)
    return max(int(options.rounds), int(named[1]) + 1 if named else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash", description=__doc__)
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="one case in so many, always the same")
    parser.add_argument("--rounds", type=int, default=1, help="the resume is killed again, elsewhere in each")
    parser.add_argument("--journal", default=KINDS[0], choices=KINDS, help="where it lies; repair is of files alone")
    parser.add_argument("--repair", action="store_true", help="lose or restore the journal after the kill, and rebuild")
    parser.add_argument("--only", default="", metavar="NAME", help="the cases whose name begins so")
    parser.add_argument("--without", default="", choices=[*BUGS], help="plant a bug: the harness has to find it")
    parser.add_argument("--planted", action="store_true", help="plant each bug where it is known to show, and find it")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="cases side by side")
    return parser.parse_args()


def _played(
    starts: Mapping[str, Start], cases: Sequence[tuple[Case, str]], root: Path, options: argparse.Namespace
) -> list[Result]:
    """Play the cases side by side, and tell of each as it ends."""
    results: list[Result] = []
    gc.freeze()  # what is here by now stays, and what is forked need not look at it again
    with ProcessPoolExecutor(options.jobs, mp_context=FORK) as pool:
        futures = [
            pool.submit(play, starts[case.scenario], case, place=root / f"{number:04}", without=bug)
            for number, (case, bug) in enumerate(cases)
        ]
        for future in as_completed(futures):
            results.append(future.result())
            tell(results, of=len(cases), journal=options.journal)
    return results


if __name__ == "__main__":
    sys.exit(main())
