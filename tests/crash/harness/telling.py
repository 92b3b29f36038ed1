"""Tell a person how far the harness is, which case broke what, and the sums at the end."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

import click

from tests.crash.harness.judge import Kind
from tests.crash.harness.play import Result, Start

_STEP: Final = 25  # cases between two lines of progress
_KINDS: Final[Sequence[Kind]] = ("duplicate", "lost", "stuck", "double run", "wrong", "leak")
_HEADS: Final = (
    *("scenario", "boundaries", "cases", "missed", "kills", "stops"),
    *("duplicates", "lost", "stuck", "double runs", "wrong", "leaks"),
    *("bodies", "kB written", "UNKNOWN", "seconds"),
)


def tell(results: Sequence[Result], *, of: int, journal: str) -> None:
    """Tell of the newest result if it broke a promise, and now and then how many there are."""
    newest = results[-1]
    if newest.findings:
        planted = f" --without {newest.without}" if newest.without else ""
        click.echo(f"FAILED {newest.case.title}")
        click.echo("".join(f"  {finding.kind}: {finding.text}\n" for finding in newest.findings), nl=False)
        planted += "" if journal == "sqlite" else f" --journal {journal}"
        planted += "" if newest.case.journal == "kept" else " --repair"
        click.echo(f"  → scripts/crash{planted} --only {shlex.quote(newest.case.name)}   files: {newest.place}")
    if len(results) % _STEP == 0 or len(results) == of:
        broken = sum(bool(result.findings) for result in results)
        click.echo(f"{len(results)} of {of} cases, {broken} failed")


def show(starts: Mapping[str, Start], results: Sequence[Result], seconds: float) -> None:
    """Print the sums, by scenario and of all."""
    rows = [
        _row(name, [start], [result for result in results if result.case.scenario == name])
        for name, start in starts.items()
    ]
    rows.append([*_row("all", list(starts.values()), results)[:-1], f"{seconds:.0f}"])
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS))]
    for row in (_HEADS, *rows):
        click.echo("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def _row(name: str, starts: Sequence[Start], results: Sequence[Result]) -> list[str]:
    broken = [finding.kind for result in results for finding in result.findings]
    sums = (
        sum(start.record.boundaries for start in starts),
        len(results),
        sum(result.missed for result in results),
        sum(result.kills for result in results),
        sum(result.stops for result in results),
        *map(broken.count, _KINDS),
        sum(result.bodies for result in results),
        sum(result.searched for result in results) // 1000,
        sum(result.unknown for result in results),
    )
    return [name, *map(str, sums), f"{sum(result.seconds for result in results):.0f}"]
