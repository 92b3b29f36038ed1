"""`deployer status`: how the last rollout stands, also while another process carries it out."""

from pathlib import Path

import anyio
import click

from deployer.cli.options import JOURNAL, JSON, MANIFEST, together


@click.command()
@together(MANIFEST, JOURNAL, JSON)
@click.option("--rollout", metavar="NAME", help="Of this name, instead of the manifest's.")
@click.option("--tenant", metavar="TENANT", help="Show one tenant, with everything that happened to it.")
def status(*, manifest: Path, journal: str | None, as_json: bool, rollout: str | None, tenant: str | None) -> int:
    """Show how the last rollout stands. Nothing is sent, and a running apply is not disturbed."""
    from deployer.api.places import journal_path
    from deployer.api.standing import standing, tenant_history
    from deployer.cli.carrying import Manner, show
    from deployer.engine.load import name_in
    from deployer.report.summary import tenant_text

    async def shown() -> int:
        now = await standing(journal_path(manifest, journal), name=rollout or name_in(manifest))
        if tenant is None:
            return await show(now, Manner(as_json, quiet=False, timeout=None, manifest=manifest), at_work=now.at_work)
        click.echo(tenant_text(*await tenant_history(now, tenant)))
        return 0

    return anyio.run(shown)
