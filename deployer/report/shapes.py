"""The JSON Schemas of what `deployer` reads and prints."""

import json
from pathlib import Path
from typing import Final

from deployer.domain.documents import Document

_FILES: Final = {
    "plan": "plan",
    "status": "summary",
    "events": "events",
    "explain": "explanation",
    "history": "history",
    "doctor": "checkup",
    "sweep": "sweep",
    "rebuild": "rebuilt",
    "drift": "drift",
    "rehearse": "rehearsal",
    "schedule": "schedules",
    "notice": "notice",
    "report": "report",
}
_LIKE: Final = {
    "drift": "plan",
    "rehearse": "status",
    "history": "status",
    "notice": "schedule",
    "report": "status",
}  # whose parts a schema has too


def schema(name: str) -> Document:
    """Return the schema of `manifest`, which is made from the models that read it, or of what a command prints."""
    if name == "manifest":
        from deployer.report.manifest_schema import manifest_schema  # noqa: PLC0415 - pydantic, for this one only

        return manifest_schema()
    file = Path(__file__).with_name("schemas") / f"{_FILES[name]}.schema.json"
    document: Document = json.loads(file.read_text("utf-8"))
    if name not in _LIKE:
        return document
    parts = [schema(_LIKE[name])["$defs"], document.get("$defs", {})]
    return {**document, "$defs": {key: part for each in parts if isinstance(each, dict) for key, part in each.items()}}
