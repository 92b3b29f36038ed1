"""`deployer drift`: what was changed outside since it was deployed."""

from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import Manner, listing, scoped
from deployer.cli.options import JOURNAL, MANIFEST, VERBOSE, command, together

if TYPE_CHECKING:
    from deployer.api.loading import Scope


@command(
    "deployer drift rollout.yaml",
    "deployer drift rollout.yaml --label ring=canary -o wide",
)
@together(MANIFEST, JOURNAL)
@scoped
@listing
@VERBOSE
def drift(*, manner: Manner, scope: "Scope", journal: str | None, verbose: int) -> int:
    """Show which flows of MANIFEST were changed outside since they were deployed. Only reads are sent.

    It ends with 3 where any was, or could not be compared. `drift: restore` in the manifest lets apply write what it
    wants over such changes, in the same waves and limits as all else; otherwise they are left as they are.
    """
    from dataclasses import replace

    from deployer.api.loading import load
    from deployer.api.rollouts import plan_drift
    from deployer.cli.meanwhile import planning
    from deployer.cli.showing import columns, list_width, out
    from deployer.cli.wiring import opened
    from deployer.report.columns import PLANNED
    from deployer.report.drift import drift_code, drift_head, drift_text, told
    from deployer.report.listing import write_list
    from deployer.report.plan_view import plan_tenant

    async def show() -> int:
        loaded = load(manner.manifest, scope=scope)
        async with opened(loaded, journal=journal, manner=replace(manner, verbose=verbose), read_only=True) as place:
            found = await plan_drift(place, watch=planning(place))
        if manner.form is None:
            click.echo(drift_text(found, width=columns()))
        else:
            tenants = map(plan_tenant, told(found))
            write_list(out(manner), manner.form, PLANNED, drift_head(found), tenants, width=list_width())  # type: ignore[arg-type]  # click lets no other form pass
        return drift_code(found)

    return anyio.run(show)
