"""The two template flows, as the vendor's API documentation shows them, with the parts that they use."""

from collections.abc import Callable

from deployer.simulator.world import Document

SIMPLE = "Send GitHub Events to Slack"
ORCHESTRATED = "Update Usage Stats for all Trialers"
GENERATORS = ("New trialers", "Extended trialers")
LOOKUPS = (
    "numConnections",
    "dlSuccessAndErrors",
    "lastSignIn",
    "numDataLoaders",
    "numFlows",
    "numPasswordChanges",
    "numPasswordResets",
    "numSignIns",
    "successAndErrors",
)
UPDATES = ("Usage stats", "Trial owners")

Identify = Callable[[str, str], str]
"""Derive an id from a kind and a name."""


def parts(identify: Identify, connections: dict[str, str]) -> dict[str, list[Document]]:
    """Return the exports and imports of both templates, on connections given by system."""

    def part(kind: str, name: str, system: str, **more: object) -> Document:
        return {"_id": identify(kind, name), "name": name, "_connectionId": connections[system], **more}

    lookups = [
        part("exports", f"Look up {name}", "Usage API", isLookup=True, http=http("GET", f"/trialers/{{{{id}}}}/{name}"))
        for name in LOOKUPS
    ]
    generators = [part("exports", name, "CRM", http=http("GET", "/trialers")) for name in GENERATORS]
    updates = [part("imports", f"Update {name}", "CRM", http=http("PATCH", "/trialers/{{id}}")) for name in UPDATES]
    return {
        "exports": [part("exports", "GitHub events", "GitHub", http=http("GET", "/events")), *generators, *lookups],
        "imports": [part("imports", "Slack message", "Slack", http=http("POST", "/chat.postMessage")), *updates],
    }


def http(method: str, uri: str) -> Document:
    """Return the HTTP half of an export or import."""
    return {"method": method, "relativeURI": uri}


def flows(identify: Identify, integration: str) -> list[Document]:
    """Return the legacy one-to-one flow and the orchestrated one."""
    return [_simple(identify, integration), _orchestrated(identify, integration)]


def _simple(identify: Identify, integration: str) -> Document:
    return {
        "_id": identify("flows", SIMPLE),
        "lastModified": "2017-06-19T21:27:09.945Z",
        "name": SIMPLE,
        "disabled": False,
        "timezone": "America/Los_Angeles",
        "_exportId": identify("exports", "GitHub events"),
        "_importId": identify("imports", "Slack message"),
        "_integrationId": integration,
        "skipRetries": False,
        "createdAt": "2017-06-19T21:27:09.900Z",
    }


def _orchestrated(identify: Identify, integration: str) -> Document:
    lookups = [_lookup(identify("exports", f"Look up {name}"), name) for name in LOOKUPS]
    first, second = ({"type": "import", "_importId": identify("imports", f"Update {name}")} for name in UPDATES)
    mapping: Document = {"responseMapping": {"lists": [], "fields": []}}
    return {
        "_id": identify("flows", ORCHESTRATED),
        "lastModified": "2017-08-19T17:04:54.005Z",
        "name": ORCHESTRATED,
        "disabled": False,
        "schedule": "? 0 2 ? * *",
        "timezone": "America/Los_Angeles",
        "_integrationId": integration,
        "skipRetries": False,
        "pageProcessors": [*lookups, {**first, "proceedOnFailure": True, **mapping}, {**second, **mapping}],
        "pageGenerators": [
            {"_exportId": identify("exports", name), "_id": identify("pageGenerators", name)} for name in GENERATORS
        ],
        "createdAt": "2017-08-01T20:43:42.156Z",
    }


def _lookup(export: str, name: str) -> Document:
    fields = [{"extract": "data", "generate": name}]
    return {"type": "export", "_exportId": export, "responseMapping": {"lists": [], "fields": fields}}
