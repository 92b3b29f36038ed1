"""`deployer validate`: everything that is wrong with a manifest and its tenants, at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.cli.manner import scoped
from deployer.cli.options import JSON, MANIFEST, command, together

if TYPE_CHECKING:
    from deployer.api.loading import Loaded, Scope

_FORMAT = 1


@command(
    "deployer validate rollout.yaml",
    "deployer validate rollout.yaml --set batchSize=500",
    "deployer validate rollout.yaml --all",
    "deployer validate rollout.yaml --json",
)
@together(MANIFEST, JSON)
@click.option("--all", "show_all", is_flag=True, help="Show every problem, those that are alike too.")
@scoped
def validate(*, manifest: Path, scope: "Scope", as_json: bool, show_all: bool) -> None:
    """Check a manifest and its tenants, reading nothing but files. Every problem is found, with file:line:col."""
    from deployer.api.loading import load, unresolvable_tenants
    from deployer.errors import ManifestError
    from deployer.report.problems import problem_lines

    try:
        work = load(manifest, scope=scope)
    except ManifestError as error:
        if as_json:
            problems = [{"where": each.where, "path": each.path, "problem": each.what} for each in error.problems]
            _show({"problems": problems})
        elif show_all:
            click.echo("\n".join(problem_lines(error.problems, start="error: ", every=True)), err=True)
            click.get_current_context().exit(error.exit_code)
        raise
    blocked = unresolvable_tenants(work)
    if as_json:
        named = [{"tenant": tenant, "problem": str(problem)} for tenant, problem in blocked.items()]
        _show({"tenants": len(work.tenants), "blocked": named})
    else:
        click.echo(_valid(manifest, work))
        for line in problem_lines(blocked.values(), start="  blocked: ", every=show_all):
            click.echo(line)
    click.get_current_context().exit(3 if blocked else 0)


def _valid(manifest: Path, work: "Loaded") -> str:
    from deployer.report.text import numbered, plain

    counts = numbered(len(work.tenants), "tenant"), numbered(len(work.manifest.accounts), "account")
    return f"{plain(manifest)} is valid: {', '.join(counts)}"


def _show(document: dict[str, Any]) -> None:
    from deployer.report.streamed import json_text

    click.echo(json_text({"format_version": _FORMAT, **document}))
