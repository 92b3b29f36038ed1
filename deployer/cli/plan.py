"""`deployer plan`: see before anything changes."""

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import click

from deployer.cli.manner import Manner, listing, reporting, scoped
from deployer.cli.meanwhile import planning
from deployer.cli.options import JOURNAL, MANIFEST, NOT_ON, OURS, RECREATE, THEIRS, VERBOSE, command, together
from deployer.errors import DeployerError

if TYPE_CHECKING:
    from deployer.api.loading import Scope
    from deployer.api.rollouts import SavedPlan
    from deployer.domain.plan import Plan
    from deployer.report.plan_lines import PlanLines

_ERROR, _CHANGES, _SOME_BLOCKED = 1, 2, 3


@command(
    "deployer plan rollout.yaml",
    "deployer plan rollout.yaml --label ring=canary --all",
    "deployer plan rollout.yaml --json > plan.json",
    "deployer plan rollout.yaml --detailed-exitcode   # 2 says that there is work",
)
@together(MANIFEST, JOURNAL)
@scoped
@together(RECREATE, OURS, THEIRS, NOT_ON)
@click.option("--all", "show_all", is_flag=True, help="Show every tenant, unchanged ones too.")
@click.option("--detailed-exitcode", is_flag=True, help="0: nothing to do. 1: error, or a tenant blocked. 2: changes.")
@listing
@reporting("md")
@VERBOSE
def plan(  # noqa: PLR0913 - one argument per option
    *,
    manner: Manner,
    scope: "Scope",
    journal: str | None,
    verbose: int,
    recreate: tuple[str, ...],
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    not_on: str | None,
    show_all: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do, tenant by tenant. Only reads are sent.

    The plan is saved, and `deployer apply MANIFEST --plan DIGEST` applies it as it was shown.
    """
    from deployer.api.decisions import choices
    from deployer.api.freezing import freeze_note
    from deployer.api.loading import load
    from deployer.api.rollouts import new_plan
    from deployer.cli.wiring import opened
    from deployer.report.plan_lines import PlanLines

    async def show() -> int:
        loaded, lines = load(manner.manifest, scope=scope), PlanLines()
        decided = choices(loaded, recreate=recreate, ours=ours, theirs=theirs, not_on=not_on)
        async with opened(loaded, journal=journal, manner=replace(manner, verbose=verbose), read_only=True) as place:
            saved = await new_plan(place, decided, watch=planning(place, lines.add))
            if note := freeze_note(place):
                click.echo(f"! {note}", err=True)
        _print(saved, lines, manner, show_all=show_all)
        return _exit_code(saved.plan, detailed=detailed_exitcode)

    try:
        return anyio.run(show)
    except DeployerError as error:
        if detailed_exitcode:
            error.exit_code = _ERROR
        raise


def _print(saved: "SavedPlan", lines: "PlanLines", manner: Manner, *, show_all: bool) -> None:
    from deployer.cli.showing import columns, list_width, out
    from deployer.report.columns import PLANNED
    from deployer.report.listing import write_list
    from deployer.report.plan_markdown import plan_markdown
    from deployer.report.plan_view import plan_head, plan_tenant, plan_text, whole_plan_text

    plan, digest = saved.plan, saved.digest
    target = {"manifest": str(manner.manifest), "scope": manner.scope}
    if manner.form is not None:
        tenants = map(plan_tenant, plan.tenants)
        write_list(out(manner), manner.form, PLANNED, plan_head(plan, digest), tenants, width=list_width())  # type: ignore[arg-type]  # click lets no other form pass
    elif show_all:
        for line in whole_plan_text(plan, digest, width=columns(), **target):
            click.echo(line)
    else:
        click.echo(plan_text(plan, digest, lines, width=columns(), **target))
    for report in manner.reports:
        report.write_lines(plan_markdown(plan, digest, **target))


def _exit_code(plan: "Plan", *, detailed: bool) -> int:
    """Return 1 where every tenant is blocked, 3 where some are; with `detailed` every error is 1, and changes are 2."""
    from deployer.domain.plan import Action

    blocked = plan.totals.actions[Action.BLOCKED]
    if blocked:
        return _ERROR if detailed or blocked == len(plan.tenants) else _SOME_BLOCKED
    return _CHANGES if detailed and plan.work else 0
