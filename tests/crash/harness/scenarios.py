"""What is rolled out in the crash tests: small rollouts, and what each tenant's flow has to be at the end."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from deployer.simulator import Knobs, seed, seed_tenants, stable_id
from deployer.simulator.templates import GENERATORS, LOOKUPS, ORCHESTRATED
from deployer.simulator.world import Document
from tests.canaries.marks import TURNS, key, marked, secret, token

Row = dict[str, str]

ACCOUNTS = ("acme-us", "acme-eu")
APPLY, DELETE = ("apply", "--yes"), ("delete", "--all", "--yes")
LATE = 0.4  # seconds after which what is applied late is applied: within `settle`, or nothing is promised
SAFETY = {"settle": "500ms", "lag": "100ms", "intent": "500ms", "clone_timeout": "1s", "timeout": "1s"}
ROWS: tuple[Row, ...] = tuple(map(marked, seed_tenants(ACCOUNTS, 2)))[:3]  # two in the first account, one in the other
_LEFT_OUT = frozenset(f"Look up {name}" for name in LOOKUPS if name not in {"numFlows", "lastSignIn"})
_QUICK = Knobs(job_duration=0.05)
NEW_URI, ADDED = "/v2/trialers", "Look up invoices"


def touched(state: Document) -> Document:
    """Let a person change what is not ours: a key beside ours, and a field that the tool does not know."""
    for account in state["accounts"]:
        for flow in account["documents"]["flows"]:
            if "_sourceId" in flow:
                flow["settings"]["note"] = "a person's"
                flow["wizardState"] = "a person's"
    return state


@dataclass(frozen=True, slots=True)
class Scenario:
    """A rollout that is to be killed.

    `unknown` says when a tenant may be left to a person: a run that did not start, any run whose answer is lost, or
    never. `before` is a manifest that was applied in peace; after that people `changed` what is not ours, and perhaps
    the template: `upgraded` are the keys of the flow that follow it. `words` are the command that is killed. `grouped`
    leaves it to the journal what is committed together; else every write is a commit, and so a boundary, of its own.
    `knobs` are the simulator's.
    """

    name: str
    manifest: Document
    expected: Callable[[Row], Document]
    unknown: Literal["never", "not started", "any run"] = "never"
    before: Document | None = None
    changed: Callable[[Document], Document] = touched
    upgraded: frozenset[str] = frozenset()
    words: tuple[str, ...] = APPLY
    grouped: bool = False
    knobs: Knobs = _QUICK

    @property
    def runs(self) -> int:
        """Return how many runs each flow is to have."""
        return int("run" in self.manifest)


def world() -> Document:
    """Return a world in which nothing was deployed yet."""
    state = seed(ACCOUNTS, 2).dump()
    for account in state["accounts"]:
        account["token"] = token(account["name"])
        _shorten(account["documents"], template_of(account["name"]))
    return state


def _shorten(documents: Document, template: str) -> None:
    """Let the template have only a few of its lookups: each is read at every start, and dies like the next."""
    gone = {part["_id"] for part in documents["exports"] if part["name"] in _LEFT_OUT}
    documents["exports"] = [part for part in documents["exports"] if part["_id"] not in gone]
    flow = next(flow for flow in documents["flows"] if flow["_id"] == template)
    kept = [step for step in flow["pageProcessors"] if step.get("_exportId") not in gone]
    documents["flows"] = [{**each, "pageProcessors": kept} if each is flow else each for each in documents["flows"]]


def template_of(account: str) -> str:
    """Return the flow that is cloned in an account."""
    return stable_id(account, "flows", ORCHESTRATED)


def amended(state: Document) -> Document:
    """Let the template have another address in an export, and one more that it looks up."""
    state = touched(state)
    for account in state["accounts"]:
        name, documents = account["name"], account["documents"]
        exports = {part["_id"]: part for part in documents["exports"]}
        exports[changed_part(name)]["http"]["relativeURI"] = NEW_URI
        lookup = next(part for part in documents["exports"] if part["name"] == "Look up numFlows")
        documents["exports"].append({**lookup, "_id": added_part(name), "name": ADDED})
        template = next(flow for flow in documents["flows"] if flow["_id"] == template_of(name))
        template["pageProcessors"].append({"type": "export", "_exportId": added_part(name)})
    return state


def changed_part(account: str) -> str:
    """Return the export of the template that has another address."""
    return stable_id(account, "exports", GENERATORS[0])


def added_part(account: str) -> str:
    """Return the export that the template only uses since it was amended."""
    return stable_id(account, "exports", ADDED)


def _tenant(row: Row) -> Document:
    values = {key: value for key, value in row.items() if key not in {"tenant", "account", "integration"}}
    return {**{key: row[key] for key in ("tenant", "account", "integration")}, "values": values}


def _manifest(name: str, template: Document, flow: Document, **more: object) -> Document:
    return {
        "name": name,
        "template": template,
        "accounts": {account: _account(account, cloned="flow" in template) for account in ACCOUNTS},
        "tenants": [{**_tenant(row), "labels": {}} for row in ROWS],
        "secrets": {
            "key": "env:SECRETS_KEY",
            "values": {turn: f"env:{turn}_${{tenant.integration}}" for turn in TURNS},
        },
        "flow": flow,
        "safety": SAFETY,
        **more,
    }


def secrets() -> dict[str, str]:
    """Return the environment in which each tenant's secrets are."""
    own = {f"{turn}_{row['integration']}": secret(row, turn) for row in ROWS for turn in TURNS}
    return {"SECRETS_KEY": key(), **own}


def _account(name: str, *, cloned: bool) -> Document:
    variable = name.upper().replace("-", "_")
    reached = {"url": "${env:SIMULATOR}", "token": f"env:{variable}_TOKEN", "rate": {"in_flight": 2}}
    if not cloned:
        return reached
    systems = {"Usage API": "usage_api", "CRM": "crm"}
    mapping = {
        stable_id(name, "connections", f"Templates {system}"): f"${{tenant.values.{column}}}"
        for system, column in systems.items()
    }
    return {**reached, "template": template_of(name), "connections": mapping}


_OWN: Document = {"region": "${tenant.values.region}", "apiKey": "${secret.first}"}
_FLOW: Document = {
    "name": "Usage stats: ${tenant.values.name}",
    "timezone": "${tenant.values.timezone}",
    "disabled": False,
    "settings": {**_OWN, "batch": 200},
}
_FOLLOWED = {"trigger": True, "follow": True}


def _usage(row: Row) -> Document:
    return {
        "name": f"Usage stats: {row['name']}",
        "timezone": row["timezone"],
        "disabled": False,
        "schedule": None,
        "settings": _settings(row, batch=200),
    }


def _settings(row: Row, **more: object) -> Document:
    return {"region": row["region"], "apiKey": secret(row), **more}


def _updated(row: Row) -> Document:
    settings = {**_settings(row, batch=500, note="a person's"), "apiKey": secret(row, "second")}
    return {**_usage(row), "schedule": "? 10 * ? * *", "settings": settings}


def _noted(row: Row) -> Document:
    return {**_usage(row), "settings": _settings(row, batch=200, note="a person's")}


def _created(row: Row) -> Document:
    return {**_usage(row), "name": f"Events: {row['name']}"}


CLONE = Scenario(
    name="clone",
    manifest=_manifest("usage", {"flow": template_of("acme-us")}, _FLOW, run=_FOLLOWED),
    expected=_usage,
    unknown="not started",
)

UPDATE = Scenario(
    name="update",
    before=_manifest("usage", {"flow": template_of("acme-us")}, {**_FLOW, "schedule": "5 * * * *"}),
    manifest=_manifest(
        "usage",
        {"flow": template_of("acme-us")},
        {**_FLOW, "schedule": "10 * * * *", "settings": {**_OWN, "apiKey": "${secret.second}", "batch": 500}},
        run=_FOLLOWED,
    ),
    expected=_updated,
    unknown="any run",
)

CREATE = Scenario(
    name="create",
    manifest=_manifest(
        "events",
        {"file": "flow.json", "id": "events"},
        {**_FLOW, "name": "Events: ${tenant.values.name}"},
        run={**_FOLLOWED, "mode": "reconcile"},
    ),
    expected=_created,
    grouped=True,
)

TWO = replace(
    CLONE,
    name="two",
    manifest={key: value for key, value in CLONE.manifest.items() if key != "run"},
    unknown="never",
    grouped=True,
    knobs=Knobs(latency={"flows.clone": 0.6}),  # so that both have looked before either has cloned
)

WAVES = replace(
    TWO,
    name="waves",
    manifest={**TWO.manifest, "waves": {"mode": "strict", "sizes": [1], "verify": {"equal": True}}},
    grouped=False,
    knobs=_QUICK,
)

_PLAIN = _manifest("usage", {"flow": template_of("acme-us")}, _FLOW)

UPGRADE = Scenario(
    name="upgrade",
    before=_PLAIN,
    changed=amended,
    upgraded=frozenset({"pageProcessors"}),
    manifest={
        **_PLAIN,
        "integration": {"settings": {"region": "${tenant.values.region}"}},
        "exports": {GENERATORS[0]: {"settings": {"batch": 5}}},
    },
    expected=_noted,
)

DELETING = Scenario(name="delete", before=_PLAIN, manifest=_PLAIN, expected=_noted, words=DELETE)

SCENARIOS = {scenario.name: scenario for scenario in (CLONE, UPDATE, CREATE, TWO, WAVES, UPGRADE, DELETING)}

DOCUMENT = {
    "name": "Events",
    "_exportId": "${tenant.values.github_export}",
    "_importId": "${tenant.values.slack_import}",
    "skipRetries": False,
}
"""The `flow.json` that `create` deploys."""
