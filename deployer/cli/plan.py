"""`deployer plan`: see before anything changes."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.options import (
    JOURNAL,
    JSON,
    MANIFEST,
    OURS,
    RECREATE,
    THEIRS,
    VERBOSE,
    together,
)
from deployer.errors import DeployerError

if TYPE_CHECKING:
    from deployer.domain.plan import Plan
    from deployer.engine.plans import SavedPlan
    from deployer.report.plan_lines import PlanLines

_ERROR, _CHANGES, _SOME_BLOCKED = 1, 2, 3


@click.command()
@together(MANIFEST, JOURNAL, JSON, VERBOSE, RECREATE, OURS, THEIRS)
@click.option("--all", "show_all", is_flag=True, help="Show unchanged tenants too.")
@click.option("--detailed-exitcode", is_flag=True, help="0: nothing to do. 1: error, or a tenant blocked. 2: changes.")
def plan(  # noqa: PLR0913 - one argument per option
    *,
    manifest: Path,
    journal: str | None,
    as_json: bool,
    verbose: int,
    recreate: tuple[str, ...],
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    show_all: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do, tenant by tenant. Only reads are sent.

    The plan is saved, and `deployer apply MANIFEST --plan DIGEST` applies it as it was shown.
    """
    from deployer.api.decisions import choices
    from deployer.api.rollouts import new_plan
    from deployer.cli.wiring import loaded, opened
    from deployer.report.plan_lines import PlanLines

    async def show() -> int:
        work, lines = loaded(manifest), PlanLines()
        decided = choices(work, recreate=recreate, ours=ours, theirs=theirs)
        async with opened(work, journal=journal, verbose=verbose, read_only=True) as place:
            saved = await new_plan(place, decided, watch=lines.add)
        _print(saved, lines, manifest, as_json=as_json, show_all=show_all)
        return _exit_code(saved.plan, detailed=detailed_exitcode)

    try:
        return anyio.run(show)
    except DeployerError as error:
        if detailed_exitcode:
            error.exit_code = _ERROR
        raise


def _print(saved: "SavedPlan", lines: "PlanLines", manifest: Path, *, as_json: bool, show_all: bool) -> None:
    from deployer.report.plan_view import plan_head, plan_tenant, plan_text, whole_plan_text
    from deployer.report.streamed import write_document

    plan, digest, width = saved.plan, saved.digest, shutil.get_terminal_size().columns
    if as_json:
        write_document(sys.stdout, plan_head(plan, digest), map(plan_tenant, plan.tenants))
    elif show_all:
        for line in whole_plan_text(plan, digest, width=width, manifest=str(manifest)):
            click.echo(line)
    else:
        click.echo(plan_text(plan, digest, lines, width=width, manifest=str(manifest)))


def _exit_code(plan: "Plan", *, detailed: bool) -> int:
    """Return 1 where every tenant is blocked, 3 where some are; with `detailed` every error is 1, and changes are 2."""
    from deployer.domain.plan import Action

    blocked = plan.totals.actions[Action.BLOCKED]
    if blocked:
        return _ERROR if detailed or blocked == len(plan.tenants) else _SOME_BLOCKED
    return _CHANGES if detailed and plan.work else 0
