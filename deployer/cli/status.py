"""`deployer status`: how the last rollout stands, also while another process carries it out."""

import json
import shutil
from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, JSON, MANIFEST, journal_path, lock_path, together
from deployer.errors import UsageError


@click.command()
@together(MANIFEST, JOURNAL, JSON)
@click.option("--rollout", metavar="NAME", help="Of this name, instead of the manifest's.")
@click.option("--tenant", metavar="TENANT", help="Show one tenant, with everything that happened to it.")
def status(*, manifest: Path, journal: str | None, as_json: bool, rollout: str | None, tenant: str | None) -> int:
    """Show how the last rollout stands. Nothing is sent, and a running apply is not disturbed."""
    from deployer.domain.outcome import exit_code
    from deployer.engine.load import name_in
    from deployer.engine.rollouts import every_deployment
    from deployer.journal.lock import is_held
    from deployer.journal.sqlite import SqliteJournal
    from deployer.report.summary import summary, summary_text, tenant_text

    async def show() -> int:
        path, name = journal_path(manifest, journal), rollout or name_in(manifest)
        async with SqliteJournal(path, read_only=True) as book:
            last = await book.latest(name)
            if last is None:
                raise UsageError(f"the journal holds no rollout{f' of {name}' if name else ''}", where=str(path))
            if tenant is not None:
                found = await book.deployment(last.id, tenant)
                if found is None:
                    raise UsageError(f'rollout {last.id} has no tenant "{tenant}"')
                click.echo(tenant_text(found, await book.happenings(found)))
                return 0
            document = summary(last, [each async for each in every_deployment(book, last.id)], halted={})
        if as_json:
            click.echo(json.dumps(document, ensure_ascii=False))
        else:
            columns = shutil.get_terminal_size().columns
            click.echo(summary_text(document, width=columns, manifest=str(manifest), at_work=is_held(lock_path(path))))
        return exit_code(str(document["outcome"]))

    return anyio.run(show)
