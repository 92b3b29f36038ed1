"""Measure what performance has a budget: a table and JSON. Every figure is of two things measured in turns."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from tests.bench.contest import contest
from tests.bench.costs import durability, logs, saturated
from tests.bench.kills import kills
from tests.bench.makespans import crowded, paced
from tests.bench.pacer import pacer
from tests.bench.pages import pages
from tests.bench.polls import polls
from tests.bench.row import Measure, Mode, Row
from tests.bench.scale import memory, plan, resume
from tests.bench.start_up import start_up
from tests.bench.table import document, lines, summary
from tests.bench.unknown_limit import unknown_limit
from tests.bench.workers import workers

ROWS: Final[Mapping[int, Measure]] = {
    1: paced,
    2: crowded,
    3: durability,
    4: saturated,
    5: kills,
    6: resume,
    7: memory,
    8: plan,
    9: start_up,
    10: pacer,
    11: unknown_limit,
    12: logs,
    13: polls,
    14: contest,
    15: workers,
    16: pages,
}


def main(words: Sequence[str], measures: Mapping[int, Measure] = ROWS) -> int:
    """Measure what the command line asks for; 1 only if a row could not be measured to its end."""
    options = _options(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are ended on this way out too
    load, began, rows, broken = os.getloadavg()[0], time.monotonic(), [], []
    for number in options.rows:
        try:
            rows.append(_measured(measures[number], full=options.full))
        except Exception as error:  # noqa: BLE001 - one row that breaks hides no other
            broken.append(number)
            click.echo(f"{number:>2}  BROKEN   {type(error).__name__}: {error}\n")
    seconds = time.monotonic() - began
    click.echo(summary(rows, seconds, load))
    if options.json:
        text = json.dumps(document(rows, full=options.full, seconds=seconds, load=load), indent=1)
        options.json.write_text(f"{text}\n", "utf-8")
    return int(bool(broken))


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the sizes of the budget, with repeats")
    parser.add_argument("--rows", type=_numbers, default=[*ROWS], metavar="1,3,9", help="these rows alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every sample, for machines")
    return parser.parse_args(words)


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    unknown = [number for number in numbers if number not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"rows are 1 to {max(ROWS)}; there is no {unknown[0]}")
    return numbers


def _measured(measure: Measure, *, full: bool) -> Row:
    with tempfile.TemporaryDirectory(prefix="deployer-bench-") as place:
        began = time.monotonic()
        row = measure(Mode(full, Path(place)))
    click.echo("\n".join([*lines(row), f"    ({time.monotonic() - began:.0f} s)", ""]))
    return row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
