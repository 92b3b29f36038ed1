"""Judge a rollout by what the simulated API holds at its end; the journal is not asked."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from deployer.simulator.world import Document, Json
from tests.crash.harness.scenarios import (
    ADDED,
    DELETE,
    DOCUMENT,
    NEW_URI,
    ROWS,
    Row,
    Scenario,
    added_part,
    changed_part,
    template_of,
)

STAMPS = frozenset({"_id", "createdAt", "lastModified", "lastExecutedAt", "_sourceId", "_integrationId", "description"})
Kind = Literal["duplicate", "lost", "stuck", "double run", "wrong", "leak"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge by: the world before and after, and what the last apply said of each tenant.

    `told` are the tenants of whom a rebuild said that nobody knows whether they ran.
    """

    scenario: Scenario
    before: Document
    after: Document
    said: Mapping[str, Document]
    told: frozenset[str] = frozenset()

    @property
    def unknown(self) -> int:
        """Count the tenants that a person has to decide about."""
        return sum(_waits(tenant) for tenant in self.said.values())


def said_by(output: str) -> Mapping[str, Document]:
    """Return what an apply said of each tenant; nothing if it did not get that far."""
    try:
        return {tenant["tenant"]: tenant for tenant in json.loads(output)["tenants"]}
    except (ValueError, KeyError):
        return {}


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield every promise that was broken."""
    if evidence.scenario.words == DELETE:
        yield from _not_deleted(evidence)
        yield from _strayed(evidence)
        return
    for row in ROWS:
        flows = flows_of(evidence.after, row)
        if len(flows) != 1:
            kind: Kind = "duplicate" if flows else "lost"
            yield Finding(kind, f"{row['tenant']} has {len(flows)} flows")
            continue
        yield from _unfinished(evidence, row, _runs(evidence, flows[0]))
        yield from _wrong(evidence, row, flows[0])
        yield from _not_upgraded(evidence, row, flows[0])
    yield from _strayed(evidence)


def _not_deleted(evidence: Evidence) -> Iterator[Finding]:
    """Yield whose flow is still there, and what went that was nobody's."""
    for row in ROWS:
        if flows_of(evidence.after, row):
            yield Finding(
                "stuck", f"{row['tenant']} has its flow yet, and {json.dumps(evidence.said.get(row['tenant']))}"
            )
    ours = {flow["_id"] for row in ROWS for flow in flows_of(evidence.before, row)}
    gone = [effect["id"] for effect in _effects(evidence) if effect["kind"] == "delete"]
    if sorted(gone) != sorted(ours):
        yield Finding("wrong", f"{gone} were deleted, not {ours}")


def _unfinished(evidence: Evidence, row: Row, runs: int) -> Iterator[Finding]:
    tenant, scenario = row["tenant"], evidence.scenario
    said = evidence.said.get(tenant, {})
    done = said.get("outcome") in {"done", "no_change"}
    if runs > scenario.runs:
        yield Finding("double run", f"{tenant} ran {runs} times")
    if runs < scenario.runs and done and tenant not in evidence.told:
        yield Finding("lost", f"{tenant} is {said['outcome']} and never ran")
    allowed = scenario.unknown == "any run" or (scenario.unknown == "not started" and not runs)
    if not (done or (allowed and _waits(said))):
        yield Finding("stuck", f"{tenant} ran {runs} times and ends {json.dumps(said)}")


def _waits(said: Document) -> bool:
    """Tell whether a tenant waits for a person who was told what to type."""
    error = said.get("error") or {}
    told = f"deployer resolve {said.get('tenant')}" in f"{error.get('message')} {error.get('remedy')}"
    return told and said.get("outcome") in {"unknown", "blocked"}


def _wrong(evidence: Evidence, row: Row, flow: Document) -> Iterator[Finding]:
    expected = evidence.scenario.expected(row)
    for key, value in expected.items():
        if flow.get(key) != value:
            yield Finding("wrong", f"{row['tenant']}: {key} is {flow.get(key)!r}, not {value!r}")
    if not str(flow.get("description")).startswith("Managed by deployer · "):
        yield Finding("wrong", f"{row['tenant']}: description is {flow.get('description')!r}")
    sources = _sources(evidence.after, row["account"])
    apart = expected.keys() | evidence.scenario.upgraded
    ours, theirs = (_unowned(document, apart, sources) for document in (flow, _origin(evidence, row)))
    if ours != theirs:
        yield Finding("wrong", f"{row['tenant']}: what is not ours became {ours}, was {theirs}")


def _origin(evidence: Evidence, row: Row) -> Document:
    """Return what the flow was before, or was made from: what is not ours has to be as it is there."""
    if flows := flows_of(evidence.before, row):
        return flows[0]
    if "file" in evidence.scenario.manifest["template"]:
        text = json.dumps(DOCUMENT)
        for column in ("github_export", "slack_import"):
            text = text.replace(f"${{tenant.values.{column}}}", row[column])
        return dict(json.loads(text))
    return _documents(evidence.before, row["account"], "flows")[template_of(row["account"])]


def _unowned(document: Document, apart: Collection[str], sources: Mapping[str, str]) -> Json:
    kept = {key: value for key, value in document.items() if not (key in apart or key in STAMPS or value is None)}
    return _as_in_template(kept, sources)


def _as_in_template(value: Json, sources: Mapping[str, str]) -> str:
    """Return a value as text, copies of parts by what they were copied from."""
    text = json.dumps(value, sort_keys=True)
    for copy, source in sources.items():
        text = text.replace(copy, source)
    return text


def _not_upgraded(evidence: Evidence, row: Row, flow: Document) -> Iterator[Finding]:
    """Yield what of the template's new revision a tenant has not, or has twice."""
    scenario, account = evidence.scenario, row["account"]
    if not scenario.upgraded:
        return
    template = _documents(evidence.after, account, "flows")[template_of(account)]
    sources = _sources(evidence.after, account)
    for key in scenario.upgraded:
        if _as_in_template(flow[key], sources) != _as_in_template(template[key], {}):
            yield Finding("wrong", f"{row['tenant']}: {key} is not the template's")
    exports = _documents(evidence.after, account, "exports").values()
    tenants = sum(other["account"] == account for other in ROWS)
    copies = [part for part in exports if part.get("_sourceId") == added_part(account)]
    if len(copies) != tenants or {part["name"] for part in copies} != {ADDED}:
        yield Finding("duplicate", f"{account} has {len(copies)} copies of {ADDED} for {tenants} tenants")
    used = json.dumps(flow["pageGenerators"])
    changed = [part for part in exports if part.get("_sourceId") == changed_part(account) and part["_id"] in used]
    if [(part["http"]["relativeURI"], part.get("settings")) for part in changed] != [(NEW_URI, {"batch": 5})]:
        yield Finding("wrong", f"{row['tenant']}: its export is {changed}")
    integration = _documents(evidence.after, account, "integrations")[row["integration"]]
    if integration.get("settings") != {"region": row["region"]}:
        yield Finding("wrong", f"{row['tenant']}: its integration's settings are {integration.get('settings')}")


def _sources(state: Document, account: str) -> Mapping[str, str]:
    """Map the copies of exports and imports to what they were copied from."""
    parts = {**_documents(state, account, "exports"), **_documents(state, account, "imports")}
    return {key: str(part["_sourceId"]) for key, part in parts.items() if "_sourceId" in part}


def _strayed(evidence: Evidence) -> Iterator[Finding]:
    """Yield what was changed that belongs to no tenant of the rollout."""
    for row in ROWS:
        account, template = row["account"], template_of(row["account"])
        before, after = (_documents(state, account, "flows")[template] for state in (evidence.before, evidence.after))
        if before != after:
            yield Finding("wrong", f"the template in {account} was changed")


def _runs(evidence: Evidence, flow: Document) -> int:
    return sum(effect["kind"] == "run" and effect["id"] == flow["_id"] for effect in _effects(evidence))


def _effects(evidence: Evidence) -> list[Document]:
    return list(evidence.after["effects"][len(evidence.before["effects"]) :])


def flows_of(state: Document, row: Row) -> list[Document]:
    flows = _documents(state, row["account"], "flows").values()
    return [flow for flow in flows if flow.get("_integrationId") == row["integration"]]


def _documents(state: Document, account: str, kind: str) -> Mapping[str, Document]:
    held = next(held for held in state["accounts"] if held["name"] == account)
    return {document["_id"]: document for document in held["documents"][kind]}
