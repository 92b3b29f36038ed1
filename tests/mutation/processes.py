"""Work that is done in a process of its own, forked, silent and bounded: what it breaks or never ends stays there."""

import multiprocessing
import os
import resource
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final

FORKED: Final = multiprocessing.get_context("fork")
_BROKEN: Final = 70  # no exit code of pytest
_MEMORY: Final = 4 << 30  # bytes of addresses, lest a loop that collects takes the machine with it


def ends_well(work: Callable[[], int], limit: float) -> bool:
    """Tell whether work answers 0 within the limit; then it is ended with all that it started."""
    process = FORKED.Process(target=_alone, args=(work,))
    process.start()
    process.join(limit)
    assert process.pid is not None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    if process.exitcode == _BROKEN:
        raise RuntimeError("a trial broke, which says nothing of the tests: the reason is above")
    return process.exitcode == 0


def _alone(work: Callable[[], int]) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    told = os.dup(2)
    be_silent()
    code = _BROKEN
    try:
        code = work()
    finally:
        if code == _BROKEN:
            os.write(told, traceback.format_exc().encode())
        os._exit(code)


def be_silent() -> None:
    """Say nothing from here on, and hear nothing."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
