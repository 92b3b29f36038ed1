"""`deployer sweep`: name the copies that should not exist, and delete those that nobody can need."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.options import JOURNAL, JSON, MANIFEST, NO_INPUT, VERBOSE, YES, together
from deployer.domain.command import typed

if TYPE_CHECKING:
    from deployer.report.sweep import Swept


@click.command()
@together(MANIFEST, JOURNAL, JSON, YES, NO_INPUT, VERBOSE)
@click.option("--delete", is_flag=True, help="Delete the copies that are provably ours and untouched.")
def sweep(  # noqa: PLR0913 - one argument per option
    *, manifest: Path, journal: str | None, as_json: bool, yes: bool, no_input: bool, verbose: int, delete: bool
) -> int:
    """Name every flow beside a tenant's own, and the parts of clones that broke, of the template in MANIFEST.

    Only reads are sent, unless --delete says otherwise; it asks first, and reads each copy afresh before it goes. Exit
    3 says that something is left, or that an account could not be asked.
    """
    from deployer.api.loading import load
    from deployer.api.repair import delete_copies, look_for_copies
    from deployer.cli.manner import Manner
    from deployer.cli.showing import columns
    from deployer.cli.wiring import opened
    from deployer.report.sweep import Swept

    def agreed(swept: "Swept") -> None:
        if not yes:
            from deployer.cli.asking import confirm, may_ask

            click.echo(swept.text(width=columns(), manifest=str(manifest)), err=True)
            ask, command = may_ask(no_input=no_input), typed("sweep", manifest, "--delete", "--yes")
            confirm("Delete what of these flows nobody has touched?", about="it", command=command, ask=ask)

    async def clean() -> Swept:
        manner = Manner(manifest, verbose=verbose)
        async with opened(load(manifest), journal=journal, manner=manner, read_only=not delete) as place:
            found = await look_for_copies(place)
            swept = Swept(found.copies, found.strays, found.unread)
            if not (delete and found.copies):
                return swept
            agreed(swept)
            return replace(swept, removals=await delete_copies(place, found))

    swept = anyio.run(clean)
    _print(swept, manifest, as_json=as_json)
    return 0 if swept.is_clean else 3


def _print(swept: "Swept", manifest: Path, *, as_json: bool) -> None:
    from deployer.cli.showing import columns
    from deployer.report.streamed import write_document

    if as_json:
        document = swept.document
        write_document(sys.stdout, document, document.pop("strays"), key="strays")
    else:
        click.echo(swept.text(width=columns(), manifest=str(manifest)))
