"""`deployer schema`: the JSON Schemas of what is read and printed."""

from collections.abc import Mapping
from typing import Final

import click

from deployer.cli.options import command

SCHEMAS: Final[Mapping[str, str]] = {
    "manifest": "The manifest, for editors and checks.",
    "plan": "What `deployer plan --json` prints.",
    "status": "What `deployer apply --json` and `deployer status --json` print.",
    "events": "A line of what `deployer apply --events` writes.",
    "history": "What `deployer history --json` prints.",
    "explain": "What `deployer explain --json` prints.",
    "doctor": "What `deployer doctor --json` prints.",
    "sweep": "What `deployer sweep --json` prints.",
    "drift": "What `deployer drift --json` prints.",
    "rehearse": "What `deployer rehearse --json` prints.",
    "schedule": "What `deployer schedule list|next|firings --json` print.",
    "notice": "What webhooks of `notify:` are told.",
    "report": "What `deployer report -o json` prints.",
    "rebuild": "What `deployer rebuild --json` prints.",
}


@command(
    "deployer schema",
    "deployer schema manifest > rollout.schema.json",
)
@click.argument("name", type=click.Choice(list(SCHEMAS)), required=False)
def schema(*, name: str | None) -> None:
    """Print the JSON Schema of NAME; without one, list those there are.

    The first line of rollout.yaml tells editors that know yaml-language-server where that is:
    # yaml-language-server: $schema=rollout.schema.json
    """
    import json

    from deployer.report.shapes import schema as schema_of

    if name is None:
        for each, what in SCHEMAS.items():
            click.echo(f"{each:9} {what}")
    else:
        click.echo(json.dumps(schema_of(name), indent=2, ensure_ascii=False))
