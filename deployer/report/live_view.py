"""The picture of a rollout on a terminal."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TextIO

from rich.console import Console, ConsoleOptions, ConsoleRenderable, Group, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.text import Text

from deployer.report.causes import Causes
from deployer.report.forecast import Reached
from deployer.report.tally import Tally
from deployer.report.text import columns, counted, cut, duration, numbered, padded, plain

_SHOWN: Final = 5  # waiting tenants, and causes, in the picture
_BAR_COLUMNS: Final = 60
_WAVE_COLUMNS: Final = 24
_BEFORE, _AFTER = 1, 1  # waves with a bar beside the one that is carried out
_UP: Final = Control((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
_GOOD, _BAD = "green", "bold red"  # of bars and marks, as the terminal has them: words have its own colour


class Picture(Live):
    """A live view that goes away whole, also where its lines are folded since the terminal became narrower."""

    def refresh(self) -> None:
        """Draw the picture as things stand, as wide as the terminal is now."""
        drawn = self.get_renderable()
        if isinstance(drawn, _Measured):
            self.console.control(*[_UP] * drawn.folds(self.console.width))
        super().refresh()


class _Measured:
    """Something to draw that remembers how wide its lines were."""

    def __init__(self, drawn: Callable[[], ConsoleRenderable]) -> None:
        self._drawn = drawn
        self._widths: list[int] = []

    def folds(self, width: int) -> int:
        """Return how many lines more than were drawn there are once the terminal has so many columns."""
        return sum(max(0, each - 1) // width for each in self._widths)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._drawn(), options, pad=False)
        self._widths = [Segment.get_line_length(line) for line in lines]
        for line in lines:
            yield from line
            yield Segment.line()


def new_live(stream: TextIO, picture: Callable[[], ConsoleRenderable]) -> Picture:
    """Return a live view on a terminal, redrawn on request and gone at its end; what else is printed stands above it.

    It is drawn by whoever owns the rollout's event loop, since the rate budgets can be read only there.
    """
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    measured = _Measured(picture)
    return Picture(
        console=console, get_renderable=lambda: measured, auto_refresh=False, transient=True, redirect_stdout=False
    )


def draw(tally: Tally, causes: Causes, halted: Mapping[str, str]) -> ConsoleRenderable:
    """Draw a rollout: how far it is, wave by wave, how fast, what fails, and who waits for what."""
    waiting = tally.waiters()
    more = len(waiting) - _SHOWN
    return Group(
        _Bar(tally.rested, tally.total),
        line(f"{tally.rested:,} of {tally.total:,}: {counted(tally.counts)}"),
        *_waves(tally.reached),
        *([line(tally.wave)] if tally.wave else []),
        *([line(f"  … baking, {duration(tally.bakes)} more")] if tally.bakes else []),
        line(" · ".join(tally.pace())),
        *_causes(causes),
        *(_bad(f"{plain(account)} halted: {plain(cause)}") for account, cause in halted.items()),
        *(line(f"… {tally.waits(tenant)}") for tenant in waiting[:_SHOWN]),
        *([line(f"… and {more:,} more waiting")] if more > 0 else []),
    )


class _Bar:
    """How much of all is behind: heavy, and what is ahead light, so that no colour has to tell them apart."""

    def __init__(self, done: int, of: int, *, start: str = "", end: str = "") -> None:
        self._part = done / of if of else 1.0
        self._start, self._end = start, end

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = min(_BAR_COLUMNS, options.max_width) - columns(self._start) - columns(self._end)
        behind = int(self._part * max(0, room))
        bar = (self._start, ("━" * behind, _GOOD), "─" * (room - behind), self._end)
        yield Text.assemble(*bar, no_wrap=True, overflow="ellipsis")


def _waves(reached: list[Reached]) -> Iterator[ConsoleRenderable]:
    """Yield a bar for the wave that is carried out and those beside it; the others are counted."""
    here = next((place for place, wave in enumerate(reached) if wave.rested < wave.tenants), len(reached) - 1)
    begin, end = max(0, here - _BEFORE), here + _AFTER + 1
    shown = reached[begin:end]
    names = max((columns(wave.name) for wave in shown), default=0)
    most = max((len(_far(wave)) for wave in shown), default=0)
    if begin:
        yield line(f"  {numbered(begin, 'wave')} behind: {sum(wave.tenants for wave in reached[:begin]):,}")
    for wave in shown:
        name = padded(cut(plain(wave.name), _WAVE_COLUMNS), min(names, _WAVE_COLUMNS))
        yield _Bar(wave.rested, wave.tenants, start=f"  {name}  ", end=f"  {_far(wave):>{most}}")
    if later := reached[end:]:
        yield line(f"  {numbered(len(later), 'wave')} to come: {sum(wave.tenants for wave in later):,}")


def _far(wave: Reached) -> str:
    return f"{wave.rested:,} of {wave.tenants:,}"


def _causes(causes: Causes) -> Iterator[ConsoleRenderable]:
    """Yield each cause of trouble once, that of most tenants first, with the first of them."""
    ordered = causes.ordered()
    for cause in ordered[:_SHOWN]:
        yield _bad(f"{cause.count:,} {cause.outcome}: {plain(cause.said)} · {cause.who(1)}")
    if (more := len(ordered) - _SHOWN) > 0 or causes.others:
        yield _bad(f"… and {max(more, 0)} more causes")


def _bad(text: str) -> Text:
    """Return a line of what went wrong: its mark is coloured, and no word, so that each can be read on any ground."""
    return Text.assemble(("x", _BAD), f" {text}", no_wrap=True, overflow="ellipsis")


def line(text: str) -> Text:
    """Return one line, cut where the terminal ends."""
    return Text(text, no_wrap=True, overflow="ellipsis")
