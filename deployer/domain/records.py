"""Plans, steps and instances as JSON and back: what is stored and what is saved, MISSING being an absent key."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from deployer.domain.deployment import Instance, Moment, Step
from deployer.domain.documents import MISSING, Document, Path, Value, canonical, dotted, is_element
from deployer.domain.lifecycle import State, StepKind
from deployer.domain.merge3 import Change, Choice, Memory, Verdict
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, Totals
from deployer.domain.waves import Checks, Evidence, Wave

PLAN_FORMAT = 4

# Records are read only where their checksum or digest held, so their shape is known.
Stored = dict[str, Any]


class Digest:
    """The digest a person approves: of all that is decided, and of no clock, stamp or path.

    It is taken line by line, since the tenants of a plan do not fit the memory.
    """

    def __init__(self) -> None:
        self._sum = sha256()

    def add(self, decided: str) -> None:
        """Take a tenant in, as `decided_in` gives it; the order counts."""
        self._sum.update(f"{decided}\n".encode())

    def of(self, plan: Plan) -> str:
        """Return the digest of a plan whose tenants were taken in."""
        head = {**plan_record(plan), "observed_at": ""}
        return sha256(f"{canonical(head)}\n{self._sum.hexdigest()}".encode()).hexdigest()


def plan_record(plan: Plan) -> Stored:
    """Return a plan without its tenants as JSON."""
    return {
        "format_version": PLAN_FORMAT,
        "name": plan.name,
        "manifest_digest": plan.manifest_digest,
        "tenants_digest": plan.tenants_digest,
        "settings": plan.settings,
        "accounts": {name: _account_record(account) for name, account in plan.accounts.items()},
        "totals": _totals_record(plan.totals),
        "absent": list(plan.absent),
        "observed_at": plan.observed_at,
        "waves": [asdict(wave) for wave in plan.waves],
        "strict": plan.strict,
    }


def plan_from(record: Stored, tenants: Collection[Planned] = ()) -> Plan:
    """Return the plan of a record, with its tenants from where they are kept."""
    return Plan(
        name=record["name"],
        manifest_digest=record["manifest_digest"],
        tenants_digest=record["tenants_digest"],
        settings=record["settings"],
        accounts={name: PlannedAccount(**account) for name, account in record["accounts"].items()},
        tenants=tenants,
        totals=_totals_from(record["totals"]),
        absent=tuple(record["absent"]),
        observed_at=record["observed_at"],
        waves=tuple(map(_wave_from, record["waves"])),
        strict=record["strict"],
    )


def _wave_from(record: Stored) -> Wave:
    checks = record["checks"]
    evidence = Evidence(**checks["evidence"]) if checks["evidence"] else None
    return Wave(**{**record, "bake": tuple(record["bake"]), "checks": Checks(**{**checks, "evidence": evidence})})


def planned_line(planned: Planned) -> str:
    """Return a planned tenant as one line of JSON: what is decided, the stamp it was decided by, and the wave."""
    return f"[{canonical(planned_record(planned))},{canonical(planned.last_modified)},{planned.wave}]"


def in_wave(line: bytes, wave: int) -> bytes:
    """Return the line of a tenant that has no wave yet with its wave."""
    return line.removesuffix(b"0]") + b"%d]" % wave


def planned_of(line: str | bytes) -> Planned:
    """Return the planned tenant of a line."""
    record, last_modified, wave = json.loads(line)
    return planned_from(record, last_modified, wave)


def decided_in(line: bytes) -> str:
    """Return what is decided, and the wave, of a line, without reading it: no text of JSON holds a bare quote."""
    decided, _, rest = line[1:-1].rpartition(b',"')
    return b",".join((decided, rest.rpartition(b",")[2])).decode()


def planned_record(planned: Planned) -> Stored:
    """Return what is decided of one tenant as JSON."""
    return {
        "tenant": planned.tenant,
        "account": planned.account,
        "integration": planned.integration,
        "action": planned.action.value,
        "template": planned.template,
        "reason": planned.reason,
        "flow": planned.flow,
        "fields": [
            _with({"path": list(path)}, value=value) for path, value in sorted(planned.fields.items(), key=_path)
        ],
        "changes": [_change_record(change) for change in planned.changes],
        "connections": dict(planned.connections),
        "document": planned.document,
        "seen": list(planned.seen),
        "steps": [step.value for step in planned.steps],
        "chosen": {field: choice.value for field, choice in planned.chosen.items()},
    }


def planned_from(record: Stored, last_modified: str, wave: int) -> Planned:
    """Return the planned tenant of a record, the server's stamp of its flow, and its wave."""
    return Planned(
        **{
            **record,
            "action": Action(record["action"]),
            "fields": {tuple(entry["path"]): _value(entry, "value") for entry in record["fields"]},
            "changes": tuple(map(_change_from, record["changes"])),
            "seen": tuple(record["seen"]),
            "steps": tuple(map(StepKind, record["steps"])),
            "chosen": {field: Choice(choice) for field, choice in record["chosen"].items()},
            "last_modified": last_modified,
            "wave": wave,
        }
    )


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
        "fields": [_memory_record(path, memory) for path, memory in instance.fields.items()],
    }


def instance_from(record: Stored) -> Instance:
    """Return the instance of a record."""
    fields = {tuple(entry["path"]): _memory_from(entry) for entry in record["fields"]}
    return Instance(**{**record, "fields": fields})


def change_view(change: Change) -> Document:
    """Return a change as `plan --json` shows it; an absent `from`, `to` or `base` means there is none."""
    view = _with({"path": dotted(change.path)}, **{"from": change.live, "to": change.desired, "base": change.base})
    return {**view, "verdict": change.verdict.value}


def _path(entry: tuple[Path, Value]) -> Path:
    """Return what fields are sorted by: those of one array keep their order, in which new elements come."""
    path = entry[0]
    return next((path[:length] for length, step in enumerate(path) if is_element(step)), path)


def _totals_record(totals: Totals) -> Stored:
    return {
        "actions": {action.value: count for action, count in totals.actions.items()},
        "work": dict(totals.work),
        "requests": dict(totals.requests),
        "drifted": totals.drifted,
        "existing": totals.existing,
    }


def _totals_from(record: Stored) -> Totals:
    actions = Counter({Action(action): count for action, count in record["actions"].items()})
    return Totals(**{**record, "actions": actions, **{key: Counter(record[key]) for key in ("work", "requests")}})


def _account_record(account: PlannedAccount) -> Stored:
    return {field: getattr(account, field) for field in PlannedAccount.__slots__}


def _change_record(change: Change) -> Stored:
    record = {"path": list(change.path), "verdict": change.verdict.value}
    return _with(record, live=change.live, desired=change.desired, base=change.base)


def _change_from(record: Stored) -> Change:
    live, desired, base = (_value(record, key) for key in ("live", "desired", "base"))
    return Change(tuple(record["path"]), live, desired, Verdict(record["verdict"]), base)


def _memory_record(path: Path, memory: Memory) -> Stored:
    return _with({"path": list(path)}, sent=memory.sent, returned=memory.returned, first=memory.first)


def _memory_from(record: Stored) -> Memory:
    return Memory(_value(record, "sent"), _value(record, "returned"), _value(record, "first"))


def _with(record: Stored, **values: Value) -> Stored:
    return {**record, **{key: value for key, value in values.items() if value is not MISSING}}


def _value(record: Mapping[str, Any], key: str) -> Value:
    value: Value = record.get(key, MISSING)
    return value
