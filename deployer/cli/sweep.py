"""`deployer sweep`: name the copies that should not exist."""

import shutil
import sys
from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, JSON, MANIFEST, VERBOSE, together


@click.command()
@together(MANIFEST, JOURNAL, JSON, VERBOSE)
def sweep(*, manifest: Path, journal: str | None, as_json: bool, verbose: int) -> int:
    """Name every flow beside a tenant's own, and the parts of clones that broke, of the template in MANIFEST.

    Nothing is sent but reads. Exit 3 says that something was found, or that an account could not be asked.
    """
    from deployer.api.loading import load
    from deployer.api.repair import look_for_copies
    from deployer.cli.manner import Manner
    from deployer.cli.wiring import opened
    from deployer.report.streamed import write_document
    from deployer.report.sweep import Swept

    async def look() -> Swept:
        async with opened(
            load(manifest), journal=journal, manner=Manner(manifest, verbose=verbose), read_only=True
        ) as place:
            found = await look_for_copies(place)
            refused = {name: error.what for name, error in place.accounts.refused.items()}
            return Swept(found.copies, found.strays, refused)

    swept = anyio.run(look)
    if as_json:
        document = swept.document
        write_document(sys.stdout, document, document.pop("strays"), key="strays")
    else:
        click.echo(swept.text(width=shutil.get_terminal_size().columns))
    return 3 if swept.copies or swept.strays or swept.refused else 0
