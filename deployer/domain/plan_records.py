"""Plans and their tenants as JSON and back, and the digest that a person approves; MISSING is an absent key."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from hashlib import sha256

from deployer.domain.chosen import Choice
from deployer.domain.documents import Document, canonical
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, Totals
from deployer.domain.records import Stored, fields_from, fields_record, key_from, key_record, present, with_present
from deployer.domain.resources import PlannedResource
from deployer.domain.waves import Checks, Evidence, Wave

PLAN_FORMAT = 5


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
    """Return a planned tenant as one line of JSON: what is decided, the stamps it was decided by, and the wave."""
    others = (resource.last_modified for resource in planned.resources)
    stamps = canonical([planned.last_modified, *others, planned.changed_by])
    return f"[{canonical(planned_record(planned))},{canonical(stamps)},{planned.wave}]"


def in_wave(line: bytes, wave: int) -> bytes:
    """Return the line of a tenant that has no wave yet with its wave."""
    return line.removesuffix(b"0]") + b"%d]" % wave


def planned_of(line: str | bytes) -> Planned:
    """Return the planned tenant of a line."""
    record, stamps, wave = json.loads(line)
    return planned_from(record, json.loads(stamps), wave)


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
        "fields": fields_record(planned.fields),
        "changes": [_change_record(change) for change in planned.changes],
        "connections": dict(planned.connections),
        "document": planned.document,
        "seen": list(planned.seen),
        "steps": [step.value for step in planned.steps],
        "chosen": {field: choice.value for field, choice in planned.chosen.items()},
        "resources": [_resource_record(resource) for resource in planned.resources],
        "base": fields_record(planned.base),
        "upgrade": list(planned.upgrade) if planned.upgrade else None,
        **({"secrets": dict(planned.secrets)} if planned.secrets else {}),
    }


def planned_from(record: Stored, stamps: Sequence[str], wave: int) -> Planned:
    """Return the planned tenant of a record, the stamps of its flow and its resources, whose they are, and its wave."""
    last_modified, *others = stamps
    resources = tuple(map(_resource_from, record["resources"], others))
    return Planned(
        **{
            **record,
            "action": Action(record["action"]),
            "fields": fields_from(record["fields"]),
            "changes": tuple(map(_change_from, record["changes"])),
            "resources": resources,
            "base": fields_from(record["base"]),
            "upgrade": tuple(record["upgrade"]) if record["upgrade"] else None,
            "seen": tuple(record["seen"]),
            "steps": tuple(map(StepKind, record["steps"])),
            "chosen": {field: Choice(choice) for field, choice in record["chosen"].items()},
            "last_modified": last_modified,
            "changed_by": "".join(others[len(resources) :]),
            "wave": wave,
        }
    )


def change_view(path: str, change: Change) -> Document:
    """Return a change as `plan --json` shows it; an absent `from`, `to` or `base` means there is none."""
    view = with_present({"path": path}, **{"from": change.live, "to": change.desired, "base": change.base})
    return {**view, "verdict": change.verdict.value}


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
    return with_present(record, live=change.live, desired=change.desired, base=change.base)


def _change_from(record: Stored) -> Change:
    live, desired, base = (present(record, key) for key in ("live", "desired", "base"))
    return Change(tuple(record["path"]), live, desired, Verdict(record["verdict"]), base)


def _resource_record(resource: PlannedResource) -> Stored:
    return {
        **key_record(resource.key),
        "label": resource.label,
        "id": resource.id,
        "fields": fields_record(resource.fields),
        "changes": [_change_record(change) for change in resource.changes],
        "base": fields_record(resource.base),
        "is_copied": resource.is_copied,
    }


def _resource_from(record: Stored, last_modified: str) -> PlannedResource:
    return PlannedResource(
        key_from(record),
        record["label"],
        record["id"],
        fields=fields_from(record["fields"]),
        changes=tuple(map(_change_from, record["changes"])),
        last_modified=last_modified,
        base=fields_from(record["base"]),
        is_copied=record["is_copied"],
    )
