"""The picture of a rollout on a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deployer.report.tally import Tally
from deployer.report.text import counted, plain

_SHOWN = 5  # waiting tenants in the picture
_BAR_COLUMNS = 60


def new_live(stream: TextIO, picture: Callable[[], ConsoleRenderable]) -> Live:
    """Return a live view on a terminal, redrawn on request and gone at its end; what else is printed stands above it.

    It is drawn by whoever owns the rollout's event loop, since the rate budgets can be read only there.
    """
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    return Live(console=console, get_renderable=picture, auto_refresh=False, transient=True, redirect_stdout=False)


def draw(tally: Tally, failures: Sequence[str], halted: Mapping[str, str]) -> ConsoleRenderable:
    """Draw a rollout: how far it is, how fast, what fails, and who waits for what."""
    waiting = tally.waiters()
    more = len(waiting) - _SHOWN
    return Group(
        _bar(tally),
        line(f"{tally.rested} of {tally.total}: {counted(tally.counts)}"),
        *([line(tally.wave)] if tally.wave else []),
        line(" · ".join(tally.pace())),
        *(line(f"x {failure}", "red") for failure in failures),
        *(line(f"{plain(account)} halted: {plain(cause)}", "bold red") for account, cause in halted.items()),
        *(line(tally.waits(tenant), "yellow") for tenant in waiting[:_SHOWN]),
        *([line(f"… and {more} more waiting", "yellow")] if more > 0 else []),
    )


def _bar(tally: Tally) -> ConsoleRenderable:
    """Return the bar in a grid, which ends its line and makes it as narrow as the terminal."""
    grid = Table.grid()
    grid.add_row(ProgressBar(total=max(1, tally.total), completed=tally.rested, width=_BAR_COLUMNS))
    return grid


def line(text: str, style: str = "") -> Text:
    """Return one line, cut where the terminal ends."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
