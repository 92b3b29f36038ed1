"""What every kind of document has in common: get, list, full replacement, and validation."""

from collections.abc import Iterator

from deployer.simulator.calls import Answer, Call
from deployer.simulator.knobs import Knobs
from deployer.simulator.listing import page, visible
from deployer.simulator.world import Document, Json, Refused, iso

READ_ONLY = frozenset({"_id", "createdAt", "lastModified", "lastExecutedAt", "free", "_templateId", "_sourceId"})
PART_KINDS = {"_exportId": "exports", "_importId": "imports"}
STEPS = ("pageGenerators", "pageProcessors", "routers")
NAME_LENGTH = 255
MASK = "******"
SCHEDULE_FIELDS = 6


def token_owner(call: Call) -> Answer:
    """Answer who the token belongs to."""
    return Answer(status=200, body={"_userId": call.account.user, "scope": "*"})


def read(call: Call) -> Answer:
    """Answer with one document."""
    return Answer(status=200, body=call.found())


def list_all(call: Call) -> Answer:
    """Answer with the account's documents of one kind."""
    return page(call, visible(call, call.account.documents[call.kind].values()))


def list_flows(call: Call) -> Answer:
    """Answer with the flows of one integration."""
    call.found()
    return page(call, visible(call, call.account.flows(call.id)))


def replace(call: Call) -> Answer:
    """Put the body in the document's place: what it omits is erased, what is read-only stays."""
    old = call.found()
    kept = {key: value for key, value in old.items() if key in READ_ONLY}
    document = {**kept, **validated(call, call.document()), "lastModified": iso(call.now)}
    keep(call, document)
    call.note("put", resource=call.kind, id=call.id, body=call.body)
    return Answer(status=200, body=document)


def remove(call: Call) -> Answer:
    """Delete a document."""
    call.found()
    call.account.drop(call.kind, call.id)
    call.note("delete", resource=call.kind, id=call.id)
    return Answer(status=204)


def keep(call: Call, document: Document) -> None:
    """Store a document, unless it is one enabled flow more than the account may have."""
    entitled = call.knobs.enabled_flows
    if entitled and call.kind == "flows" and not document.get("disabled"):
        held = call.account.documents["flows"].values()
        others = sum(not flow.get("disabled") for flow in held if flow["_id"] != document["_id"])
        if others >= entitled:
            raise Refused(call.knobs.entitlement_status, "entitlement_reached", f"{entitled} flows are enabled already")
    call.account.keep(call.kind, document)


def validated(call: Call, body: Document) -> Document:
    """Return the writable part of a body as it is going to be stored, or refuse it with 422."""
    document = {key: value for key, value in body.items() if key not in READ_ONLY}
    _check_name(document)
    _check_integration(call, document)
    if not isinstance(document.get("settings", {}), dict):
        raise Refused(422, "invalid_field", "settings must be an object", "settings")
    if call.kind == "flows":
        _check_flow(call, document)
    return _normalised(document, call.knobs)


def _check_integration(call: Call, document: Document) -> None:
    """Refuse an integration that the account does not have."""
    integration = document.get("_integrationId")
    if integration is not None and str(integration) not in call.account.documents["integrations"]:
        raise Refused(422, "invalid_ref", f"integration {integration} not found", "_integrationId")


def references(flow: Document) -> Iterator[tuple[str, str]]:
    """Walk over the exports and imports that a flow uses, as (kind, id), repeats included."""
    for name, kind in PART_KINDS.items():
        if flow.get(name):
            yield kind, flow[name]
    for step in STEPS:
        yield from _nested(flow.get(step))


def _nested(value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _nested(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in PART_KINDS and isinstance(item, str):
                yield PART_KINDS[name], item
            else:
                yield from _nested(item)


def _check_name(document: Document) -> None:
    name = document.get("name")
    if not name:
        raise Refused(422, "missing_required_field", "name is required", "name")
    if not isinstance(name, str) or len(name) > NAME_LENGTH:
        raise Refused(422, "invalid_field", f"name must be text of at most {NAME_LENGTH} characters", "name")


def _check_flow(call: Call, flow: Document) -> None:
    if flow.get("pageProcessors") and flow.get("routers"):
        raise Refused(422, "invalid_field", "pageProcessors and routers exclude each other", "routers")
    schedule = flow.get("schedule")
    if schedule is not None and not _is_schedule(schedule):
        raise Refused(422, "invalid_field", "schedule must be six fields, the first '?'", "schedule")
    for kind, key in references(flow):
        if key not in call.account.documents[kind]:
            raise Refused(422, "invalid_ref", f"{kind} {key} not found", f"_{kind[:-1]}Id")


def _is_schedule(value: object) -> bool:
    if not isinstance(value, str):
        return False
    parts = value.split()
    return not parts or (len(parts) == SCHEDULE_FIELDS and parts[0] == "?")


def _normalised(document: Document, knobs: Knobs) -> Document:
    name = document["name"].strip() if knobs.name_strip else document["name"]
    document["name"] = name[: knobs.name_length] if knobs.name_length else name
    if knobs.settings_as_text and "settings" in document:
        document["settings"] = _as_text(document["settings"])
    return document


def masked(body: Json, name: str) -> Json:
    """Return a body in which settings of this name are shown as a secret is."""
    match body:
        case list() if name:
            return [masked(item, name) for item in body]
        case {"settings": dict(settings)} if name and name in settings:
            return {**body, "settings": {**settings, name: MASK}}
        case _:
            return body


def _as_text(value: Json) -> Json:
    match value:
        case dict():
            return {key: _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            return value
