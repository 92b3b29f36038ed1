"""`deployer validate`: everything that is wrong with a manifest and its tenants, at once."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.cli.manner import scoped
from deployer.cli.options import JSON, MANIFEST, command, together

if TYPE_CHECKING:
    from deployer.api.loading import Scope


@command(
    "deployer validate rollout.yaml",
    "deployer validate rollout.yaml --set batchSize=500",
    "deployer validate rollout.yaml --json",
)
@together(MANIFEST, JSON)
@scoped
def validate(*, manifest: Path, scope: "Scope", as_json: bool) -> None:
    """Check a manifest and its tenants, reading nothing but files. Every problem is shown, with file:line:col."""
    from deployer.api.loading import load, unresolvable_tenants
    from deployer.report.streamed import json_text
    from deployer.report.text import numbered, plain

    work = load(manifest, scope=scope)
    blocked = unresolvable_tenants(work)
    if as_json:
        problems = [{"tenant": tenant, "problem": str(problem)} for tenant, problem in blocked.items()]
        document = {"format_version": 1, "tenants": len(work.tenants), "blocked": problems}
        click.echo(json_text(document))
    else:
        counts = numbered(len(work.tenants), "tenant"), numbered(len(work.manifest.accounts), "account")
        click.echo(f"{plain(manifest)} is valid: {', '.join(counts)}")
        for problem in blocked.values():
            click.echo(f"  blocked: {plain(problem)}")
    click.get_current_context().exit(3 if blocked else 0)
