"""Wire a command together: where its log goes, and what its options mean for the work."""

import io
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TextIO, cast

import click
from structlog.typing import FilteringBoundLogger

from deployer.api.loading import Loaded
from deployer.api.workplace import Exchange, Office, Workplace, workplace
from deployer.cli.manner import Manner
from deployer.cli.meanwhile import say
from deployer.cli.signalling import signals
from deployer.domain.manifest import Account
from deployer.report.curl import curl_line
from deployer.telemetry.log import Redactor, new_log
from deployer.telemetry.observing import Signals

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Stderr(io.TextIOBase):
    """Standard error as it is at each write: a live view takes it over while it is drawn."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)


@asynccontextmanager
async def opened(
    manifest: Loaded, *, journal: str | None, manner: Manner, read_only: bool = False
) -> AsyncIterator[Workplace]:
    """Open the workplace of a command, whose log is written to standard error."""
    say("asking the accounts")
    redactor = Redactor()
    trace = partial(_print_request, redactor) if manner.print_requests else None
    with signals(manner.metrics) as found:
        log = log_to(cast("TextIO", _Stderr()), manner.verbose, redactor, found)
        office = Office(os.environ, log, redactor, trace, observers=found.observers)
        async with workplace(manifest, journal=journal, office=office, read_only=read_only) as place:
            yield place


def log_to(stream: TextIO, verbose: int, redactor: Redactor, found: Signals) -> FilteringBoundLogger:
    """Return a log that says more the more `verbose` it is: text for a terminal, else JSON lines."""
    level, added = _LEVELS[min(verbose, 2)], found.processors
    return new_log(stream, level=level, console=sys.stderr.isatty(), redactor=redactor, added=added)


def _print_request(redactor: Redactor, account: Account, exchange: Exchange) -> None:
    line = curl_line(exchange.method, str(exchange.url), exchange.body, account.token)
    click.echo(redactor.clean(line), file=sys.stderr)
