"""`deployer validate`: everything that is wrong with a manifest and its tenants, at once."""

import json
import os
from pathlib import Path

import click

from deployer.cli.options import JSON, MANIFEST, together


@click.command()
@together(MANIFEST, JSON)
def validate(*, manifest: Path, as_json: bool) -> None:
    """Check a manifest and its tenants, reading nothing but files. Every problem is shown, with file:line:col."""
    from deployer.cli.wiring import loaded
    from deployer.engine.planning import unresolvable

    work = loaded(manifest)
    blocked = unresolvable(work, os.environ)
    if as_json:
        problems = [{"tenant": tenant, "problem": str(problem)} for tenant, problem in blocked.items()]
        document = {"format_version": 1, "tenants": len(work.tenants), "blocked": problems}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo(f"{manifest} is valid: {len(work.tenants)} tenants, {len(work.manifest.accounts)} accounts")
        for problem in blocked.values():
            click.echo(f"  blocked: {problem}")
    click.get_current_context().exit(3 if blocked else 0)
