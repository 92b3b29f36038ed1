"""`deployer prune`: let go of rollouts that ended long ago."""

from functools import partial
from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import Manner, listing
from deployer.cli.options import JOURNAL, MANIFEST, NO_INPUT, YES, command, together
from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.api.pruning import Old, Pruned

_LEAST = 7  # days: a saved plan may be applied so long


@command(
    "deployer prune rollout.yaml --older-than 90 --plan   # look first",
    "deployer prune rollout.yaml --older-than 90",
    "deployer prune rollout.yaml --older-than 400 --yes   # in a nightly job",
)
@together(MANIFEST, JOURNAL, YES, NO_INPUT)
@click.option(
    "--older-than", "days", type=click.IntRange(_LEAST, 36_500), metavar="DAYS", required=True, help="How long ago."
)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would go, and change nothing.")
@listing
def prune(*, manner: Manner, journal: str | None, yes: bool, no_input: bool, days: int, plan_only: bool) -> int:
    """Delete the rollouts of MANIFEST's name from the journal that ended more than DAYS ago. Nothing is sent.

    What is remembered of each flow stays. So do the newest rollout, the one that a rollback would undo, and those with
    a call that waits for a decision or a run that is still owed. Saved plans go that are as old.
    """
    from deployer.api.loading import name_in
    from deployer.api.places import journal_home
    from deployer.api.pruning import look_for_old
    from deployer.api.pruning import prune as pruned
    from deployer.cli.asking import confirm, may_ask
    from deployer.cli.meanwhile import say
    from deployer.cli.showing import tell

    async def go() -> int:
        say("reading the journal")
        home, name = journal_home(manner.manifest, journal), name_in(manner.manifest)
        if name is None:
            raise UsageError("no name of a rollout can be read there", where=str(manner.manifest))
        old = await look_for_old(home, name, days=days)
        _list(manner, old, shown=plan_only or not yes)
        tell(_found(old, name))
        if plan_only or not (old.rollouts or old.plans):
            return 0
        if not yes:
            confirm("Delete them from the journal?", about="it", ask=may_ask(no_input=no_input))
        watch = partial(_through, len(old.rollouts))
        watch(0)
        tell(_went(old, await pruned(home, old, watch)))
        return 0

    return anyio.run(go)


def _list(manner: Manner, old: "Old", *, shown: bool) -> None:
    """Print the rollouts that may go."""
    from deployer.cli.showing import list_width, out
    from deployer.report.columns import ROLLOUTS, rollout_row, rollouts_head
    from deployer.report.listing import write_list

    if manner.form or (shown and old.rollouts):
        rows = (rollout_row(each.rollout, each.counts) for each in old.rollouts)
        write_list(out(manner), manner.form or "table", ROLLOUTS, rollouts_head(), rows, width=list_width())  # type: ignore[arg-type]  # click lets no other form pass


def _found(old: "Old", name: str) -> str:
    from deployer.report.text import numbered

    what = f"{numbered(len(old.rollouts), 'rollout')} of {name} ended before {old.before[:10]} and may go"
    plans = f", with {numbered(len(old.plans), 'saved plan')}" if old.plans else ""
    needed = f"; {old.needed:,} more {'is' if old.needed == 1 else 'are'} still needed" if old.needed else ""
    return f"{what}{plans}{needed}"


def _through(rollouts: int, number: int) -> None:
    from deployer.cli.meanwhile import say

    say(f"deleting: {number:,} of {rollouts:,} rollouts")


def _went(old: "Old", gone: "Pruned") -> str:
    from deployer.report.text import numbered

    what = [numbered(len(gone.rollouts), "rollout")] if old.rollouts else []
    what += [numbered(len(old.plans), "saved plan")] if old.plans else []
    stiff = f"; the file keeps its size: {gone.stiff}" if gone.stiff else ""
    return f"deleted: {' and '.join(what)}{stiff}"
