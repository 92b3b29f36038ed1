"""`deployer detach`: forget the flows of tenants without deleting them."""

from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import Manner, carrying, freezing, meaning
from deployer.cli.options import JOURNAL, MANIFEST, NO_INPUT, OURS, YES, command, together

if TYPE_CHECKING:
    from deployer.api.parting import Whose


@command(
    "deployer detach rollout.yaml --tenant acme --plan   # look first",
    "deployer detach rollout.yaml --absent --yes",
)
@together(MANIFEST)
@meaning
@together(JOURNAL, YES, NO_INPUT, OURS)
@click.option("--plan", "plan_only", is_flag=True, help="Show what would be done, and change nothing.")
@carrying
@freezing
def detach(  # noqa: PLR0913 - one argument per option
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
    """Forget the flows of some tenants of MANIFEST, or of those that left its list, without deleting them.

    The line in the description that says who manages a flow is taken out, and all else stays. A later plan does not
    touch such a flow, nor clone beside it; `deployer adopt` takes it back.
    """
    from deployer.cli.asking import may_ask
    from deployer.cli.parting import Part
    from deployer.domain.plan import Action

    ask = may_ask(no_input=no_input)
    part = Part(Action.DETACH, manner, whose, journal, yes=yes, ask=ask, ours=ours, allow=allow, plan_only=plan_only)
    return anyio.run(part.go)
