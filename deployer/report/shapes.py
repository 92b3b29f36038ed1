"""The JSON Schemas of what `deployer` reads and prints."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployer.domain.documents import Document

SCHEMAS: Final[Mapping[str, str]] = {
    "manifest": "The manifest, for editors and checks.",
    "plan": "What `deployer plan --json` prints.",
    "status": "What `deployer apply --json` and `deployer status --json` print.",
    "events": "A line of what `deployer apply --events` writes.",
}
_FILES: Final = {"plan": "plan", "status": "summary", "events": "events"}


def schema(name: str) -> Document:
    """Return one of SCHEMAS; the manifest's is made from the models that read it."""
    if name == "manifest":
        from deployer.report.manifest_schema import manifest_schema  # noqa: PLC0415 - pydantic, for this one only

        return manifest_schema()
    file = Path(__file__).with_name("schemas") / f"{_FILES[name]}.schema.json"
    document: Document = json.loads(file.read_text("utf-8"))
    return document
