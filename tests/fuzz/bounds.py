"""How long work may take, and how much memory: a fixed part, and so much for each byte that is given."""

import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SECONDS: Final = 2.0  # of CPU, many times what a small input takes where every byte is traced
_SECONDS_A_BYTE: Final = 5e-5
_BYTES: Final = 4 << 20
# A list of single digits, 60 levels deep, is the worst: each item has a place, which is told by all steps to it.
_BYTES_A_BYTE: Final = 600


class HangError(AssertionError):
    """What was given takes too long."""


@contextmanager
def bounded(size: int) -> Iterator[None]:
    """Fail where what is done with so many bytes takes more time or memory than a multiple of them allows."""
    before = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS + _SECONDS_A_BYTE * size)
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert peak <= _BYTES + _BYTES_A_BYTE * size, f"{peak} bytes of memory for {size} bytes"


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise HangError("takes too long")
