"""`deployer explain`: why a tenant's field has the value it has."""

import shutil
from pathlib import Path
from shlex import quote

import click

from deployer.cli.completing import complete_tenant
from deployer.cli.options import JSON, command
from deployer.domain.command import typed
from deployer.errors import UsageError

_MANIFESTS = frozenset({".yaml", ".yml", ".json"})


@command(
    "deployer explain acme                      # every field",
    "deployer explain acme settings.batchSize   # every layer that has it",
    "deployer explain acme name -m rollout.yaml --json",
)
@click.argument("tenant", shell_complete=complete_tenant)
@click.argument("field", required=False)
@click.option(
    "--manifest",
    "-m",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("rollout.yaml"),
    show_default=True,
    help="The manifest.",
)
@click.option("--set", "overrides", multiple=True, metavar="NAME=VALUE", help="A value that wins over all others.")
@JSON
def explain(*, tenant: str, field: str | None, manifest: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Explain where the values of TENANT's fields come from, or of one FIELD. Nothing is sent."""
    from deployer.api.loading import explained, load, scope_of
    from deployer.report.explanation import explanation_document, explanation_text
    from deployer.report.streamed import json_text

    if field and Path(field).suffix in _MANIFESTS:
        remedy = f"a manifest is named by an option: {typed('explain', tenant, '-m', quote(field))}"
        raise UsageError(f'"{field}" is no field of a flow', remedy=remedy)
    found = explained(load(manifest, scope=scope_of(overrides=overrides)), tenant, field)
    if as_json:
        click.echo(json_text(explanation_document(tenant, found)))
    else:
        click.echo(explanation_text(found, width=shutil.get_terminal_size().columns))
