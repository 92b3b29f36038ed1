"""`deployer sweep`: name the copies that should not exist, and delete those that nobody can need."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import Manner
from deployer.cli.options import DESPITE, JOURNAL, JSON, MANIFEST, NO_INPUT, VERBOSE, YES, command, together

if TYPE_CHECKING:
    from deployer.report.sweep import Swept


@command(
    "deployer sweep rollout.yaml",
    "deployer sweep rollout.yaml --delete --yes",
)
@together(MANIFEST, JOURNAL, JSON, YES, NO_INPUT, VERBOSE)
@click.option("--delete", is_flag=True, help="Delete the copies that are provably ours and untouched.")
@DESPITE
def sweep(  # noqa: PLR0913 - one argument per option
    *,
    manifest: Path,
    journal: str | None,
    as_json: bool,
    yes: bool,
    no_input: bool,
    verbose: int,
    delete: bool,
    despite: str | None,
) -> int:
    """Name every flow beside a tenant's own, and the parts of clones that broke, of the template in MANIFEST.

    Only reads are sent, unless --delete says otherwise; it asks first, and reads each copy afresh before it goes. Exit
    3 says that something is left, or that an account could not be asked.
    """
    manner = Manner(manifest, verbose=verbose, despite=despite)
    ask = None if yes else partial(_ask, manifest, no_input=no_input)
    swept = anyio.run(partial(_clean, manner, journal, ask, delete=delete))
    _print(swept, manifest, as_json=as_json)
    return 0 if swept.is_clean else 3


async def _clean(
    manner: Manner, journal: str | None, ask: "Callable[[Swept], None] | None", *, delete: bool
) -> "Swept":
    """Look for copies, and delete those that may go if that is wanted and `ask` does not object."""
    from deployer.api.freezing import demand_thawed
    from deployer.api.loading import load
    from deployer.api.repair import delete_copies, look_for_copies
    from deployer.cli.wiring import opened
    from deployer.report.sweep import Swept

    async with opened(load(manner.manifest), journal=journal, manner=manner, read_only=not delete) as place:
        if delete:
            demand_thawed(place, manner.despite)
        found = await look_for_copies(place)
        swept = Swept(found.copies, found.strays, found.unread)
        if not (delete and found.copies):
            return swept
        if ask:
            ask(swept)
        return replace(swept, removals=await delete_copies(place, found))


def _ask(manifest: Path, swept: "Swept", *, no_input: bool) -> None:
    from deployer.cli.asking import confirm, may_ask
    from deployer.cli.showing import columns

    click.echo(swept.text(width=columns(), manifest=str(manifest)), err=True)
    confirm("Delete what of these flows nobody has touched?", about="it", ask=may_ask(no_input=no_input))


def _print(swept: "Swept", manifest: Path, *, as_json: bool) -> None:
    from deployer.cli.showing import columns
    from deployer.report.streamed import write_document

    if as_json:
        document = swept.document
        write_document(sys.stdout, document, document.pop("strays"), key="strays")
    else:
        click.echo(swept.text(width=columns(), manifest=str(manifest)))
