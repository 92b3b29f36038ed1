"""Steps, instances and templates as JSON and back: what is stored, MISSING being an absent key."""

from collections.abc import Mapping
from typing import Any

from deployer.domain.deployment import Instance, Moment, Step
from deployer.domain.documents import MISSING, Path, Value, is_element
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.merge3 import Memory
from deployer.domain.resources import ResourceKey, ResourceKind, ResourceMemory
from deployer.domain.template import Part, Template, flow_template

# Records are read only where their checksum or digest held, so their shape is known.
Stored = dict[str, Any]


def step_record(step: Step) -> Stored:
    """Return what a step knows beyond its kind, state and attempts, which have columns of their own."""
    intent = {"boot": step.intent.boot, "at": step.intent.at} if step.intent else None
    return {"intent": intent, "facts": step.facts}


def step_from(kind: str, state: str, attempts: int, record: Stored) -> Step:
    """Return a step of its columns and record."""
    intent = Moment(**record["intent"]) if record["intent"] else None
    return Step(StepKind(kind), State(state), attempts, intent, record["facts"])


def instance_record(instance: Instance) -> Stored:
    """Return an instance as JSON."""
    return {
        "tenant": instance.tenant,
        "account": instance.account,
        "template": instance.template,
        "integration": instance.integration,
        "flow": instance.flow,
        "revision": instance.revision,
        "last_modified": instance.last_modified,
        "connections": dict(instance.connections),
        "fields": _memories_record(instance.fields),
        "resources": [
            {
                **key_record(key),
                "id": memory.id,
                "last_modified": memory.last_modified,
                "fields": _memories_record(memory.fields),
            }
            for key, memory in instance.resources.items()
        ],
    }


def instance_from(record: Stored) -> Instance:
    """Return the instance of a record."""
    resources = {
        key_from(entry): ResourceMemory(entry["id"], entry["last_modified"], _memories_from(entry["fields"]))
        for entry in record["resources"]
    }
    return Instance(**{**record, "fields": _memories_from(record["fields"]), "resources": resources})


def template_record(template: Template) -> Stored:
    """Return what a template of an account holds as JSON."""
    parts = [{"kind": part.kind.value, "id": part.id, "document": part.document} for part in template.parts]
    return {"flow": template.document, "parts": parts}


def template_from(record: Stored) -> Template:
    """Return the template of a record."""
    parts = [Part(ResourceKind(part["kind"]), part["id"], part["document"]) for part in record["parts"]]
    return flow_template(record["flow"], parts)


def _path(entry: tuple[Path, Value]) -> Path:
    """Return what fields are sorted by: those of one array keep their order, in which new elements come."""
    path = entry[0]
    return next((path[:length] for length, step in enumerate(path) if is_element(step)), path)


def fields_record(fields: Mapping[Path, Value]) -> list[Stored]:
    """Return fields as JSON, by path."""
    return [with_present({"path": list(path)}, value=value) for path, value in sorted(fields.items(), key=_path)]


def fields_from(entries: list[Stored]) -> dict[Path, Value]:
    """Return the fields of their entries."""
    return {tuple(entry["path"]): present(entry, "value") for entry in entries}


def key_record(key: ResourceKey) -> Stored:
    """Return which resource it is as JSON."""
    return {"kind": key.kind.value, "source": key.source}


def key_from(record: Stored) -> ResourceKey:
    """Return which resource it is."""
    return ResourceKey(ResourceKind(record["kind"]), record["source"])


def _memories_record(fields: Mapping[Path, Memory]) -> list[Stored]:
    return [_memory_record(path, memory) for path, memory in fields.items()]


def _memories_from(entries: list[Stored]) -> dict[Path, Memory]:
    return {tuple(entry["path"]): _memory_from(entry) for entry in entries}


def _memory_record(path: Path, memory: Memory) -> Stored:
    return with_present({"path": list(path)}, sent=memory.sent, returned=memory.returned, first=memory.first)


def _memory_from(record: Stored) -> Memory:
    return Memory(present(record, "sent"), present(record, "returned"), present(record, "first"))


def with_present(record: Stored, **values: Value) -> Stored:
    """Return a record with values, but for those that are MISSING."""
    return {**record, **{key: value for key, value in values.items() if value is not MISSING}}


def present(record: Mapping[str, Any], key: str) -> Value:
    """Return a value of a record; MISSING where there is none."""
    value: Value = record.get(key, MISSING)
    return value
