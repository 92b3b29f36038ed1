"""How far a report is: how many of very many tenants were read, or written, so that nobody takes it for dead."""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Self, TextIO, TypeVar

from deployer.report.progress import HEARTBEAT, REFRESH
from deployer.report.tally import boot_seconds
from deployer.report.text import plain

MANY: Final = 10_000  # tenants; fewer take a few seconds
_STRIDE: Final = 500  # tenants between two looks at the clock
T = TypeVar("T")


class Passing:
    """Tells how many tenants went by where they are very many: on a terminal in one line that is gone at the end.

    In a pipe it is a line every 30 seconds.
    """

    def __init__(self, tenants: int, stream: TextIO, *, live: bool, clock: Callable[[], float] = boot_seconds) -> None:
        self._tenants = tenants
        self._stream = stream
        self._clock = clock
        self._told_at = clock()
        self._said = ""
        self._live = None
        if live and self._is_told:
            from deployer.report import live_view  # noqa: PLC0415 - rich is loaded only where there is a terminal

            self._live = live_view.new_live(stream, lambda: live_view.line(self._said))

    @property
    def _is_told(self) -> bool:
        return self._tenants > MANY

    def see(self, what: str, count: int) -> None:
        """See that so many tenants went by."""
        now = self._clock()
        if not self._is_told or now - self._told_at < (REFRESH if self._live else HEARTBEAT):
            return
        self._told_at = now
        self._said = plain(f"{what}: {count:,} of {self._tenants:,} tenants")
        if self._live:
            self._live.refresh()
        else:
            self._stream.write(f"{self._said}\n")
            self._stream.flush()

    def each(self, what: str, tenants: Iterable[T]) -> Iterator[T]:
        """Yield tenants, and see them go by."""
        for count, tenant in enumerate(tenants):
            if count % _STRIDE == 0:
                self.see(what, count)
            yield tenant

    def __enter__(self) -> Self:
        """Begin."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the line away; in a pipe, leave what was written."""
        if self._live:
            self._live.stop()
