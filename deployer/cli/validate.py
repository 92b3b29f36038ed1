"""`deployer validate`: everything that is wrong with a manifest and its tenants, at once."""

import json
import os
import sys
from pathlib import Path

import click

from deployer.cli.options import JSON, MANIFEST, together


@click.command()
@together(MANIFEST, JSON)
def validate(*, manifest: Path, as_json: bool) -> None:
    """Check a manifest and its tenants, reading nothing but files. Every problem is shown, with file:line:col."""
    from deployer.engine.load import load
    from deployer.engine.planning import unresolvable

    loaded = load(manifest, env=os.environ, stdin=sys.stdin)
    blocked = unresolvable(loaded, os.environ)
    if as_json:
        problems = [{"tenant": tenant, "problem": str(problem)} for tenant, problem in blocked.items()]
        document = {"format_version": 1, "tenants": len(loaded.tenants), "blocked": problems}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        click.echo(f"{manifest} is valid: {len(loaded.tenants)} tenants, {len(loaded.manifest.accounts)} accounts")
        for problem in blocked.values():
            click.echo(f"  blocked: {problem}")
    click.get_current_context().exit(3 if blocked else 0)
