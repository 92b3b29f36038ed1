"""`deployer rollback`: undo the last rollout."""

import anyio
import click

from deployer.cli.manner import Manner, carrying
from deployer.cli.options import JOURNAL, MANIFEST, NO_INPUT, OURS, THEIRS, YES, together


@click.command()
@together(MANIFEST, JOURNAL, YES, NO_INPUT, OURS, THEIRS)
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
) -> int:
    """Undo the last rollout of MANIFEST: each flow is as it stood before, with what others changed since.

    A rollout that is under way is paused and ended first. Waves are undone last to first, in their bounds. Flows that
    it made are disabled, not deleted; runs are never undone. --ours puts back what stood before where somebody changed
    the same field since, --theirs leaves it.
    """
    from deployer.cli.asking import may_ask
    from deployer.cli.undoing import Undo

    undo = Undo(manner, journal, yes=yes, ask=may_ask(no_input=no_input), ours=ours, theirs=theirs, plan_only=plan_only)
    return anyio.run(undo.go)
