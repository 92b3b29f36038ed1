"""`deployer plan`: see before anything changes."""

import json
import os
import shutil
import sys
from pathlib import Path

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
    journal_path,
    together,
)
from deployer.errors import DeployerError

_CHANGES, _ERROR = 2, 1


@click.command()
@together(MANIFEST, JOURNAL, JSON, VERBOSE, RECREATE, OURS, THEIRS)
@click.option("--all", "show_all", is_flag=True, help="Show unchanged tenants too.")
@click.option("--detailed-exitcode", is_flag=True, help="0: nothing to do. 1: error. 2: changes.")
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
    from deployer.cli.planned import chosen, planned
    from deployer.cli.wiring import workplace
    from deployer.engine.load import load
    from deployer.report.plan_view import plan_document, plan_text

    async def show() -> int:
        loaded = load(manifest, env=os.environ, stdin=sys.stdin)
        path = journal_path(manifest, journal)
        async with workplace(loaded, path, verbose=verbose, read_only=True) as place:
            made, digest = await planned(place, chosen(loaded, recreate=recreate, ours=ours, theirs=theirs))
        if as_json:
            click.echo(json.dumps(plan_document(made, digest), ensure_ascii=False))
        else:
            width = shutil.get_terminal_size().columns
            click.echo(plan_text(made, digest, width=width, show_all=show_all, manifest=str(manifest)))
        return _CHANGES if detailed_exitcode and made.work else 0

    try:
        return anyio.run(show)
    except DeployerError as error:
        if detailed_exitcode:
            error.exit_code = _ERROR
        raise
