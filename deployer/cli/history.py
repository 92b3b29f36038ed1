"""`deployer history`: the rollouts there were, newest first."""

import anyio
import click

from deployer.cli.completing import complete_rollout_id, complete_tenant
from deployer.cli.manner import Manner, listing
from deployer.cli.options import JOURNAL, MANIFEST, command, together
from deployer.errors import UsageError


@command(
    "deployer history rollout.yaml",
    "deployer history rollout.yaml --limit 5 -o csv",
    "deployer history --all-names --json",
)
@together(MANIFEST, JOURNAL)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="So many at most.")
@click.option("--all-names", is_flag=True, help="Rollouts of every name, not only of the manifest's.")
@click.option(
    "--rollout",
    shell_complete=complete_rollout_id,
    metavar="ID",
    help="Show this rollout's tenants; its id may be cut short.",
)
@click.option(
    "--tenant",
    metavar="TENANT",
    help="With --rollout: everything that happened to this tenant.",
    shell_complete=complete_tenant,
)
@listing
def history(
    *, manner: Manner, journal: str | None, limit: int, all_names: bool, rollout: str | None, tenant: str | None
) -> int:
    """Show the rollouts of MANIFEST's name: when, who, what, how they ended. Nothing is sent."""
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.api.standing import find_standing, past, tenant_history
    from deployer.cli.meanwhile import say
    from deployer.cli.showing import list_width, out, show
    from deployer.report.columns import ROLLOUTS, rollout_row, rollouts_head
    from deployer.report.history import rollout_text, tenant_document, tenant_text
    from deployer.report.listing import write_list
    from deployer.report.streamed import json_text

    if tenant is not None and rollout is None:
        raise UsageError("--tenant needs to be told of which rollout", remedy="add --rollout ID; a list has the ids")

    async def shown() -> int:
        say("reading the journal")
        path = journal_home(manner.manifest, journal)
        if rollout is None:
            found = await past(path, name=None if all_names else name_in(manner.manifest), limit=limit)
            rows = (rollout_row(each.rollout, each.counts) for each in found)
            write_list(out(manner), manner.form or "table", ROLLOUTS, rollouts_head(), rows, width=list_width())  # type: ignore[arg-type]  # click lets no other form pass
            return 0
        now = await find_standing(path, rollout=rollout)
        if tenant is None:
            if manner.form is None:
                click.echo(rollout_text(now.rollout))
            return await show(now, manner)
        deployment, happenings = await tenant_history(now, tenant)
        if manner.as_json:
            document = tenant_document(now.rollout, now.counts, deployment, happenings)
            click.echo(json_text(document))
        else:
            click.echo(tenant_text(deployment, happenings))
        return 0

    return anyio.run(shown)
