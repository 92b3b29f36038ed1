"""`deployer delete`: delete the flows of tenants."""

from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import Manner, carrying, freezing, meaning
from deployer.cli.options import JOURNAL, MANIFEST, NO_INPUT, OURS, YES, command, together

if TYPE_CHECKING:
    from deployer.api.parting import Whose


@command(
    "deployer delete rollout.yaml --absent --plan   # look first",
    "deployer delete rollout.yaml --absent",
    "deployer delete rollout.yaml --tenant acme --yes",
)
@together(MANIFEST)
@meaning
@together(JOURNAL, YES, NO_INPUT, OURS)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done, and change nothing.")
@carrying
@freezing
def delete(  # noqa: PLR0913 - one argument per option
    *,
    manner: Manner,
    whose: "Whose",
    allow: frozenset[str],
    journal: str | None,
    yes: bool,
    no_input: bool,
    ours: tuple[str, ...],
    plan_only: bool,
) -> int:
    """Delete the flows of some tenants of MANIFEST, or of those that left its list.

    Each is disabled first, read afresh right before it goes, and left where somebody changed it since it was deployed,
    unless --ours says otherwise. Waves hold, an interrupted delete goes on with resume, and nothing is deleted twice.
    """
    from deployer.cli.asking import may_ask
    from deployer.cli.parting import Part
    from deployer.domain.plan import Action

    ask = may_ask(no_input=no_input)
    part = Part(Action.DELETE, manner, whose, journal, yes=yes, ask=ask, ours=ours, allow=allow, plan_only=plan_only)
    return anyio.run(part.go)
