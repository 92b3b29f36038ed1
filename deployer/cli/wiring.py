"""Wire a command together: where its log goes, and what its options mean for the work."""

import io
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO, cast

from deployer.api.workplace import Office, Workplace, workplace
from deployer.engine.load import Loaded, load
from deployer.telemetry.log import Redactor, new_log

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Stderr(io.TextIOBase):
    """Standard error as it is at each write: a live view takes it over while it is drawn."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)


def loaded(manifest: Path, *, tenants: bool = True) -> Loaded:
    """Load what the command line names."""
    return load(manifest, env=os.environ, stdin=sys.stdin, tenants=tenants)


@asynccontextmanager
async def opened(
    manifest: Loaded, *, journal: str | None, verbose: int, read_only: bool = False
) -> AsyncIterator[Workplace]:
    """Open the workplace of a command, whose log is written to standard error."""
    redactor = Redactor()
    log = new_log(
        cast("TextIO", _Stderr()), level=_LEVELS[min(verbose, 2)], console=sys.stderr.isatty(), redactor=redactor
    )
    async with workplace(
        manifest, journal=journal, office=Office(os.environ, log, redactor), read_only=read_only
    ) as place:
        yield place
