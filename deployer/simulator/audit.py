"""Who changed a document: derived from what was done to it. The form of the entries is a guess at the real one's."""

from collections.abc import Iterator
from typing import Final

from deployer.simulator.calls import Answer, Call
from deployer.simulator.world import Document

EDITOR: Final = {"_id": "5e1d000000000000000000ed", "name": "Robin Editor", "email": "robin@example.com"}
_EVENTS: Final = {"create": "create", "clone": "create", "put": "update", "patch": "update", "edit": "update"}


def entries(call: Call) -> Answer:
    """Answer with the changes of one document, the newest first; those of nobody's request are a person's."""
    call.found()
    return Answer(status=200, body=list(_entries(call)))


def _entries(call: Call) -> Iterator[Document]:
    for place, effect in reversed(list(enumerate(call.world.effects))):
        mine = (effect["account"], effect.get("resource"), effect.get("id")) == (call.account.name, call.kind, call.id)
        if mine and effect["kind"] in _EVENTS:
            by_hand = not effect["n"]
            yield {
                "_id": f"{place:024x}",
                "resourceType": call.kind.removesuffix("s"),
                "_resourceId": call.id,
                "source": "ui" if by_hand else "api",
                "event": _EVENTS[effect["kind"]],
                "time": effect["time"],
                "byUser": EDITOR if by_hand else {"_id": call.account.user},
            }
