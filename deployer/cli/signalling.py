"""What watches a command: spans and metrics, where the environment or an option asks for them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from deployer.report.text import plain
from deployer.telemetry.observing import Signals

if TYPE_CHECKING:
    from deployer.telemetry.asked import Scrape


@contextmanager
def signals(metrics: "Scrape | None") -> Iterator[Signals]:
    """Have what was asked for until the block ends; what cannot be had is said on standard error."""
    if metrics is None and not any(name.startswith("OTEL_") for name in os.environ):
        yield Signals()
        return
    from deployer.telemetry.signals import signalling

    with signalling(os.environ, metrics, warn=_warn) as found:
        yield found


def _warn(sentence: str) -> None:
    click.echo(f"warning: {plain(sentence)}", file=sys.stderr)
