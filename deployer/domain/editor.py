"""What editors are told of a manifest's form, beyond what pydantic sees in its types."""

from typing import Final

from pydantic.config import JsonDict

_REFERENCE: Final[JsonDict] = {"type": "string", "pattern": r"\$\{"}


def written(pattern: str) -> JsonDict:
    """Return the schema of what is written as text and becomes a number."""
    return {"type": "string", "pattern": pattern}


def or_path(schema: JsonDict) -> None:
    """Let a path stand for a mapping, which may not be empty."""
    mapping = {**schema, "minProperties": 1}
    schema.clear()
    schema["anyOf"] = [mapping, {"type": "string"}]


def as_written(schema: JsonDict) -> None:
    """Let `${…}` stand for a number, a flag or a word of a list, and a number for text, as an all-digit id is read."""
    if isinstance(properties := schema.get("properties"), dict):
        for name, stated in properties.items():
            if isinstance(stated, dict):
                properties[name] = _lenient(stated)


def _lenient(stated: JsonDict) -> JsonDict:
    match stated:
        case {"anyOf": [*kinds]}:
            first = kinds[0] if isinstance(kinds[0], dict) else {}
            return {**stated, "anyOf": [_lenient(first), *kinds[1:]]}
        case {"additionalProperties": dict(inner)}:
            return {**stated, "additionalProperties": _lenient(inner)}
        case {"enum": _} | {"const": _} | {"type": "boolean" | "integer" | "number"}:
            return {"anyOf": [stated, _REFERENCE]}
        case {"type": "string", **rest} if "pattern" not in rest:
            return {**stated, "type": ["string", "number"]}
        case _:
            return stated
