"""Clone: the call that is not idempotent, copies parts, maps connections and forgets the schedule."""

from collections.abc import Mapping

from deployer.simulator.calls import Answer, Call
from deployer.simulator.resources import READ_ONLY, keep, references, validated
from deployer.simulator.world import Document, Json, Refused, iso

NOT_COPIED = READ_ONLY | {"schedule", "_runNextFlowIds", "_flowGroupingId"}
MODELS = {"flows": "Flow", "exports": "Export", "imports": "Import"}


def clone_flow(call: Call) -> Answer:
    """Copy a flow with its exports and imports into an integration of the same account."""
    source, body = call.found(), call.document()
    if not body.get("_integrationId"):
        raise Refused(422, "invalid_ref", "_integrationId is required", "_integrationId")
    wanted = validated(call, {**source, **_changes(body)})
    copies = _copies(call, source)
    flow = _flow(call, wanted, {copy["_sourceId"]: copy["_id"] for _, copy in copies})
    keep(call, flow)
    for kind, copy in copies:
        call.account.keep(kind, copy)
    call.note("clone", resource="flows", id=flow["_id"], source=call.id, integration=flow["_integrationId"], body=body)
    return _answer(call, [("flows", flow), *copies])


def clone_half(call: Call) -> Answer:
    """Copy a flow's exports and imports and then break, before there is a flow that uses them."""
    copies = _copies(call, call.found())
    for kind, copy in copies:
        call.account.keep(kind, copy)
    call.note("half", resource="flows", source=call.id, parts=[copy["_id"] for _, copy in copies])
    raise Refused(500, "internal_error", "the clone broke halfway")


def clone_part(call: Call) -> Answer:
    """Copy one export or import."""
    source, body = call.found(), call.document()
    copy = _copy(call, source, _mapped(call, [(call.kind, source)]))
    copy = {**copy, "name": body.get("name") or copy["name"]}
    call.account.keep(call.kind, copy)
    call.note("clone", resource=call.kind, id=copy["_id"], source=call.id)
    return _answer(call, [(call.kind, copy)])


def _changes(body: Document) -> Document:
    return {name: body[name] for name in ("name", "_integrationId") if body.get(name)}


def _copies(call: Call, flow: Document) -> list[tuple[str, Document]]:
    parts = [(kind, call.account.find(kind, key)) for kind, key in dict.fromkeys(references(flow))]
    connections = _mapped(call, parts)
    return [(kind, _copy(call, part, connections)) for kind, part in parts]


def _mapped(call: Call, parts: list[tuple[str, Document]]) -> Mapping[str, str]:
    """Return the connection map once it names every connection in use, and only existing targets."""
    chosen = call.document().get("connectionMap")
    if not isinstance(chosen, dict):
        raise Refused(400, "invalid_connectionMap", "connectionMap must be an object", "connectionMap")
    used = {part["_connectionId"] for _, part in parts if "_connectionId" in part}
    missing = sorted(used - chosen.keys())
    unknown = sorted(
        chosen[key] for key in used - set(missing) if chosen[key] not in call.account.documents["connections"]
    )
    if missing or unknown:
        problem = f"no target for {', '.join(missing)}" if missing else f"no such connection: {', '.join(unknown)}"
        raise Refused(400, "invalid_connectionMap", problem, "connectionMap")
    return {key: chosen[key] for key in used}


def _copy(call: Call, part: Document, connections: Mapping[str, str]) -> Document:
    copy = {**part, "_id": call.world.mint(call.now), "_sourceId": part["_id"], **_stamps(call)}
    if "_connectionId" in part:
        copy["_connectionId"] = connections[part["_connectionId"]]
    return copy


def _flow(call: Call, wanted: Document, ids: Mapping[str, str]) -> Document:
    kept = {key: _substituted(value, ids) for key, value in wanted.items() if key not in NOT_COPIED}
    flow = {"_id": call.world.mint(call.now), **kept, "_sourceId": call.id, **_stamps(call)}
    if call.document().get("_flowGroupingId"):
        flow["_flowGroupingId"] = call.document()["_flowGroupingId"]
    return {**flow, "disabled": True} if call.knobs.clone_disabled else flow


def _stamps(call: Call) -> Document:
    return {"createdAt": iso(call.now), "lastModified": iso(call.now)}


def _substituted(value: Json, ids: Mapping[str, str]) -> Json:
    match value:
        case dict():
            return {key: _substituted(item, ids) for key, item in value.items()}
        case list():
            return [_substituted(item, ids) for item in value]
        case str():
            return ids.get(value, value)
        case _:
            return value


def _answer(call: Call, made: list[tuple[str, Document]]) -> Answer:
    if call.knobs.clone_answer == "document":
        return Answer(status=201, body=made[0][1])
    rows = [{"model": MODELS[kind], "_id": document["_id"], "name": document["name"]} for kind, document in made]
    return Answer(status=201, body=rows)
