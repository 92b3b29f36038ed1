"""The manifest's JSON Schema: from the models, with what an editor has to know besides of how people write it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from deployer.domain.documents import Document, Json
from deployer.domain.manifest import Manifest

_REFERENCE: Final = "Reference"
_POINTER: Final = {"$ref": f"#/$defs/{_REFERENCE}"}
_TEXT: Final[list[Json]] = [
    "string",
    "number",
]  # digits without quotes are a number to an editor, and text to the manifest

# How a value is written, by the function that reads it.
_WRITTEN: Final[Mapping[str, Document]] = {
    "span": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$", "description": "Such as 30s or 5m."},
    "_share": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$", "description": "Such as 50%."},
    "identifier": {"type": _TEXT, "pattern": "^[0-9A-Za-z]{8,64}$"},
    "slug": {"type": _TEXT, "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"},
    "_account": {"type": _TEXT, "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,62}$"},
    "_token": {"type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|command:.+)$"},
    "_webhook": {"type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|command:.+)$"},
    "_url": {"type": "string", "pattern": "^https?://[^/?#@]+/?$"},
}
_OWNED: Final[Mapping[str, Document]] = {
    "name": {"type": "string", "description": "The flow's name."},
    "description": {"type": [*_TEXT, "null"], "description": "The flow's description."},
    "schedule": {"type": [*_TEXT, "null"], "description": "When it runs: five cron fields, or six with a leading ?."},
    "timezone": {"type": [*_TEXT, "null"], "description": "Of the schedule, such as Europe/Paris."},
    "disabled": {"type": "boolean", "description": "Whether the flow is switched off."},
    "skipRetries": {"type": "boolean", "description": "Whether failed records are not tried again."},
    "settings": {"description": "The flow's settings; those that are not named stay as they are.", "type": "object"},
}
_EITHER: Final[Mapping[str, tuple[str, str]]] = {"Template": ("flow", "file"), "Account": ("region", "url")}
SAID: Final[Mapping[str, str]] = {
    "Manifest.name": "The rollout's name: apply goes on with the unfinished one of this name.",
    "Manifest.template": "What is rolled out: {flow: ID} of the account, or {file: PATH, id: NAME}.",
    "Manifest.accounts": "By name: where the tenants are, and how to get in.",
    "Manifest.tenants": "A file (csv, xlsx, json, jsonl), a sheet of a workbook, - for stdin, or a list.",
    "Manifest.flow": "What each tenant's flow is to be; all else is left alone.",
    "Manifest.merge": "How lists under flow meet what is there, by path: replace, set or {by_key: KEY}.",
    "Manifest.connections": "The template's connection → the tenant's, or keep; an account's own win.",
    "Manifest.run": "Whether each flow is run once it is deployed.",
    "Manifest.marker": "Whether the flow's description ends with the line that says who manages it.",
    "Manifest.adopt": "By what a flow that is there already is taken over.",
    "Manifest.drift": "What becomes of a field that was changed outside.",
    "Manifest.safety": "How long a lost call may still land, and how long one may take.",
    "Template.flow": "The id of the flow to clone.",
    "Template.file": "A flow to create, as JSON.",
    "Template.id": "What tells a template from a file from others.",
    "Account.region": "Of integrator.io; url: for any other host.",
    "Account.url": "Scheme and host, instead of a region.",
    "Account.token": "Where the token is, never the token: env:NAME, file:PATH or command:WORDS.",
    "Account.template": "The template's id in this account, where it is another.",
    "Account.connections": "The template's connection → the tenant's, or keep.",
    "Account.rate": "How much of the account's rate limit is used.",
    "Workbook.file": "The workbook, beside the manifest (.xlsx).",
    "Workbook.sheet": "Which sheet; the first that is shown.",
    "Rate.per_second": "The account's limit, in requests.",
    "Rate.burst": "The account's limit at once, in requests.",
    "Rate.share": "How much of the limit is ours.",
    "Rate.in_flight": "The most requests at once.",
    "TenantEntry.tenant": "The customer's name, unique in the list.",
    "TenantEntry.account": "One of accounts; needless where there is only one.",
    "TenantEntry.integration": "The id of the customer's integration.",
    "TenantEntry.id": "The id of a flow to take over, with adopt: id.",
    "Manifest.schedules": "By name: what is done of the rollout at which times.",
    "Schedule.do": "Apply the manifest, run every flow once, or look for what was changed outside.",
    "Schedule.cron": "Five fields, or six with a leading ?, in local time.",
    "Schedule.timezone": "Such as Europe/Paris.",
    "Schedule.overlap": "What becomes of a time that comes while the one before is under way.",
    "Schedule.catch_up": "How late a time may be fired that nobody could fire.",
    "Schedule.jitter": "By how much at most each time is put off.",
    "Manifest.notify": "Who is told, by webhooks, how a rollout ended or what it waits for.",
    "Hook.url": "Where the address is, never the address: env:NAME, file:PATH or command:WORDS.",
    "Hook.kind": "Whose format it takes: a document of ours, a message of Slack, a card of Teams' Workflows.",
    "Hook.on": "Of what: a rollout that finished, halted or waits for a person; a firing that failed.",
    "Run.trigger": "Run each flow that this rollout created or updated.",
    "Run.follow": "Wait for the run to end.",
    "Run.max_errors": "The most errors of a run that is well.",
    "Run.timeout": "How long a run is followed.",
    "Run.mode": "What to do where it cannot be known whether a run started.",
}


class _AsWritten(GenerateJsonSchema):
    """Describes a value that a function reads as it is written, not as what it becomes."""

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - pydantic_core's own type
        return self._written(schema) or super().function_before_schema(schema)

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - as above
        return self._written(schema) or super().function_after_schema(schema)

    def _written(self, schema: Mapping[str, Any]) -> JsonSchemaValue:
        return dict(_WRITTEN.get(getattr(schema["function"]["function"], "__name__", ""), {}))


def manifest_schema() -> Document:
    """Return the schema; `${…}` passes wherever a value may stand."""
    made = Manifest.model_json_schema(schema_generator=_AsWritten)
    parts = {**made.pop("$defs", {}), "Manifest": made}
    flow = {"type": "object", "additionalProperties": False, "properties": _OWNED}
    parts["Manifest"]["properties"]["flow"] = flow
    for part, keys in _EITHER.items():
        parts[part]["oneOf"] = [{"required": [key]} for key in keys]
    spoken = {name: _described(name, _tolerant(part)) for name, part in parts.items()}
    manifest = spoken.pop("Manifest")
    reference: Document = {"type": "string", "pattern": "\\$\\{", "description": "Holds ${env:NAME} or ${tenant.…}."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:deployer:schema:manifest:1",
        "title": "A manifest of deployer",
        **manifest,
        "$defs": {**spoken, _REFERENCE: reference},
    }


def _described(part: str, node: Document) -> Document:
    properties = node.get("properties")
    if not isinstance(properties, dict):
        return node
    said = {f"{part}.{key}": key for key in properties if f"{part}.{key}" in SAID}
    described = {key: {**properties[key], "description": SAID[path]} for path, key in said.items()}  # type: ignore[dict-item]  # a schema
    return {**node, "properties": {**properties, **described}}


def _tolerant(node: Any) -> Any:  # noqa: ANN401 - a JSON Schema
    """Return a schema that also takes references, and numbers for text; without what only pydantic understands."""
    if not isinstance(node, dict):
        return node
    kept = {key: _inner(key, value) for key, value in node.items() if not _is_noise(key, value)}
    closed = kept.keys() & {"enum", "const", "pattern"}
    if kept.get("type") == "string" and not closed:
        kept["type"] = _TEXT
    if "patternProperties" in kept:
        kept["additionalProperties"] = False  # keys hold no references, and another key is refused
    if closed or kept.get("type") in ("boolean", "integer", "number"):
        about = {key: kept.pop(key) for key in ("default", "description") if key in kept}
        return {"anyOf": [kept, _POINTER], **about}
    return kept


def _inner(key: str, value: Any) -> Any:  # noqa: ANN401 - part of a JSON Schema
    match key:
        case "properties" | "patternProperties":
            return {name: _tolerant(part) for name, part in value.items()}
        case "anyOf" | "oneOf":
            return [_tolerant(part) for part in value]
        case "items" | "additionalProperties":
            return _tolerant(value)
        case _:
            return value


def _is_noise(key: str, value: object) -> bool:
    """Tell what helps nobody: titles that repeat keys, limits in seconds, and defaults as they are when read."""
    match key:
        case "title":
            return isinstance(value, str)
        case "gt" | "ge" | "lt" | "le":
            return True
        case "default":
            return not isinstance(value, bool | int | str)
        case _:
            return False
