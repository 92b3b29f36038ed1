"""`deployer rehearse`: carry the plan out on a copy of the accounts."""

from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import scoped
from deployer.cli.options import JOURNAL, JSON, MANIFEST, command, together

if TYPE_CHECKING:
    from pathlib import Path

    from deployer.api.loading import Scope

_PART = click.FloatRange(0, 100)


@command(
    "deployer rehearse rollout.yaml                        # nothing goes wrong",
    "deployer rehearse rollout.yaml --refused 5 --lost 2   # where does it stop?",
)
@together(MANIFEST, JOURNAL, JSON)
@scoped
@click.option("--seed", type=int, default=0, show_default=True, help="What goes wrong, and where: the same each time.")
@click.option("--refused", type=_PART, default=0.0, metavar="PERCENT", help="So many tenants refuse their values.")
@click.option("--lost", type=_PART, default=0.0, metavar="PERCENT", help="So many answers to a clone or PUT are lost.")
@click.option("--broken", type=_PART, default=0.0, metavar="PERCENT", help="So many calls are answered with 502.")
def rehearse(  # noqa: PLR0913 - one argument per option
    *,
    manifest: "Path",
    scope: "Scope",
    journal: str | None,
    as_json: bool,
    seed: int,
    refused: float,
    lost: float,
    broken: float,
) -> int:
    """Rehearse what apply would do, on a copy of what it touches. Only reads are sent to the accounts.

    The real plan is carried out by the real engine; waves neither bake nor ask, no command of yours is run, and runs
    end at once. It ends with the exit code that apply would end with.
    """
    from deployer.api.loading import load
    from deployer.api.rehearsal import Script
    from deployer.api.rehearsal import rehearse as rehearsed
    from deployer.cli.showing import columns
    from deployer.domain.outcome import exit_code
    from deployer.report.rehearsal import rehearsal_document, rehearsal_text
    from deployer.report.streamed import json_text

    async def show() -> int:
        script = Script(seed, refused / 100, lost / 100, broken / 100)
        found = await rehearsed(load(manifest, scope=scope), script, allow=scope.allow, journal=journal)
        if as_json:
            click.echo(json_text(rehearsal_document(found, seed=seed)))
        else:
            click.echo(rehearsal_text(found, seed=seed, width=columns()))
        return exit_code(str(found.head["outcome"]))

    return anyio.run(show)
