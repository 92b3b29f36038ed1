"""`deployer status`: how the last rollout stands, also while another process carries it out."""

from dataclasses import replace

import anyio
import click

from deployer.cli.completing import complete_rollout, complete_tenant
from deployer.cli.manner import Manner, listing, reporting
from deployer.cli.options import JOURNAL, MANIFEST, command, together


@command(
    "deployer status rollout.yaml",
    "deployer status rollout.yaml --tenant acme",
    "deployer status rollout.yaml --report md=status.md",
)
@together(MANIFEST, JOURNAL)
@click.option(
    "--rollout", metavar="NAME", help="Of this name, instead of the manifest's.", shell_complete=complete_rollout
)
@click.option(
    "--tenant",
    metavar="TENANT",
    help="Show one tenant, with everything that happened to it.",
    shell_complete=complete_tenant,
)
@listing
@reporting("junit", "md")
def status(*, manner: Manner, journal: str | None, rollout: str | None, tenant: str | None) -> int:
    """Show how the last rollout stands. Nothing is sent, and a running apply is not disturbed."""
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.api.standing import find_standing, tenant_history
    from deployer.cli.meanwhile import say
    from deployer.cli.showing import show
    from deployer.report.history import tenant_text
    from deployer.report.workers import workers_text

    async def shown() -> int:
        say("reading the journal")
        name = rollout or name_in(manner.manifest)
        now = await find_standing(journal_home(manner.manifest, journal), name=name)
        if tenant is None:
            if now.home.is_shared:
                from deployer.workers.seeing import workers_of

                now = replace(now, workers=await workers_of(now.home, now.rollout.id))
            code = await show(now, manner, at_work=now.at_work)
            if now.workers and manner.form is None:
                click.echo(workers_text(now.workers), nl=False)
            return code
        click.echo(tenant_text(*await tenant_history(now, tenant)))
        return 0

    return anyio.run(shown)
