"""What somebody else does to a flow while a request is on its way."""

from deployer.simulator.calls import Answer, Call
from deployer.simulator.faults import Rule
from deployer.simulator.jobs import launch
from deployer.simulator.world import iso


def intrude(rule: Rule, call: Call, answer: Answer | None) -> None:
    """Edit, start or remove the rule's flow, else the request's, else the one that the answer tells of."""
    key = rule.flow or _subject(call, answer)
    flow = call.account.documents["flows"].get(key)
    if flow is None:
        return
    match rule.action:
        case "edit":
            call.account.keep("flows", {**flow, **rule.fields, "lastModified": iso(call.now)})
        case "start":
            launch(call.world, call.account, flow, now=call.now, knobs=call.knobs)
        case _:
            call.account.drop("flows", key)
    call.world.note(rule.action, n=0, account=call.account, now=call.now, resource="flows", id=key, fields=rule.fields)


def _subject(call: Call, answer: Answer | None) -> str:
    match answer:
        case Answer(status=201, body={"_id": made} | [{"_id": made}, *_]):
            return str(made)
        case _:
            return call.id
