"""`deployer rollback`: undo the last rollout."""

import anyio
import click

from deployer.cli.completing import complete_rollout_id
from deployer.cli.manner import Manner, carrying
from deployer.cli.options import FORMER, JOURNAL, MANIFEST, NO_INPUT, THEIRS, YES, command, together


@command(
    "deployer rollback rollout.yaml --plan   # look first",
    "deployer rollback rollout.yaml",
    "deployer rollback rollout.yaml --theirs acme --yes",
)
@together(MANIFEST, JOURNAL, YES, NO_INPUT, FORMER, THEIRS)
@click.option(
    "--rollout",
    shell_complete=complete_rollout_id,
    metavar="ID",
    help="Undo this rollout, if no later one changed any of its tenants.",
)
@click.option("--delete", is_flag=True, help="Delete the flows that the rollout made, instead of disabling them.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be undone, and change nothing.")
@carrying
def rollback(  # noqa: PLR0913 - one argument per option
    *,
    manner: Manner,
    journal: str | None,
    yes: bool,
    no_input: bool,
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    plan_only: bool,
    rollout: str | None,
    delete: bool,
) -> int:
    """Undo the last rollout of MANIFEST that changed anything, with what others changed since.

    A rollout that is under way is paused and ended first. Waves are undone last to first, in their bounds. Flows that
    it made are disabled, and deleted only if that is said; runs are never undone. --ours puts back what stood before
    where somebody changed the same field since, --theirs leaves it.
    """
    from deployer.cli.asking import may_ask
    from deployer.cli.undoing import Undo

    ask = may_ask(no_input=no_input)
    undo = Undo(manner, journal, yes, ask, ours, theirs, plan_only, rollout, delete)
    return anyio.run(undo.go)
