"""`deployer doctor`: what a rollout needs, examined, and how to mend what is not well."""

import shutil
from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, JSON, MANIFEST, command, together


@command(
    "deployer doctor rollout.yaml",
    "deployer doctor rollout.yaml --json",
)
@together(MANIFEST, JOURNAL, JSON)
def doctor(*, manifest: Path, journal: str | None, as_json: bool) -> int:
    """Check token, account, template, connections, journal and clock of MANIFEST, and say how to mend each.

    Only reads are sent, and nothing is changed. It ends with 4 where no account works, 1 where the journal is damaged,
    3 for any other problem, and 0 otherwise, whatever the warnings.
    """
    from deployer.api.checkup import examine
    from deployer.api.loading import load
    from deployer.api.workplace import Office
    from deployer.report.checkup import checkup_document, checkup_text
    from deployer.report.streamed import json_text

    async def examined() -> int:
        office = Office()
        checkup = await examine(load(manifest), journal=journal, office=office)
        if as_json:
            text = json_text(checkup_document(checkup.findings))
        else:
            text = checkup_text(checkup.findings, width=min(80, shutil.get_terminal_size().columns))
        click.echo(office.redactor.clean(text))
        return checkup.exit_code

    return anyio.run(examined)
