"""The six calls that every fault is tried on, and the words for what comes of them."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deployer.domain.documents import Document
from deployer.integrator.client import Client, Stamp
from deployer.integrator.wire import ApiError, Created, Done, NotSent, Refused, Unknown
from tests.integrator.calls import FLOW, TEMPLATE

JOB: Final = "6b0493a34e07408562bedb8c"
INTEGRATION: Final = "6b0493a34e07408562bedb8d"
OTHER: Final = "6b0493a34e07408562bedb8e"  # the flow, or the job, of somebody else


class Means(StrEnum):
    """What comes of a call."""

    DONE = "done, with the value that the answer should hold"
    MISLED = "done, with another value: nobody can tell from one answer that it is wrong"
    CONTRADICTED = "answered for something else"
    REDIRECTED = "refused by a redirect"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the client, the id and the body of its right answer, and the value that is read from that."""

    name: str
    make: Callable[[Client, Stamp], Awaitable[object]]
    id: str
    right: bytes
    value: object
    stamped: bool = False


def _body(value: object) -> bytes:
    return json.dumps(value).encode()


WHOLE: Final[Document] = {"_id": FLOW, "name": "n", "_integrationId": INTEGRATION, "lastModified": "2026-01-01"}
_JOB: Final = {"_id": JOB, "type": "flow", "status": "completed"}

CLONE = Call(
    "clone",
    lambda client, stamp: client.clone(TEMPLATE, {"name": "n"}, stamp=stamp),
    FLOW,
    _body(WHOLE),
    Created(FLOW, WHOLE),
    stamped=True,
)
GET = Call("get", lambda client, _: client.flow(FLOW), FLOW, _body(WHOLE), WHOLE)
PUT = Call(
    "put",
    lambda client, stamp: client.replace(FLOW, {"name": "n"}, stamp=stamp),
    FLOW,
    _body(WHOLE),
    WHOLE,
    stamped=True,
)
RUN = Call(
    "run", lambda client, stamp: client.run(FLOW, {}, stamp=stamp), JOB, _body({"_jobId": JOB}), JOB, stamped=True
)
FOLLOW = Call("job", lambda client, _: client.job(JOB), JOB, _body(_JOB), _JOB)
LIST = Call("list", lambda client, _: client.integration_flows(INTEGRATION), FLOW, _body([WHOLE]), (WHOLE,))
SIX: Final = (CLONE, GET, PUT, RUN, FOLLOW, LIST)


def means(outcome: object, call: Call) -> Means:
    """Name the outcome of a call."""
    match outcome:
        case Done(value=value):
            return Means.DONE if value == call.value else Means.MISLED
        case Refused(errors=(ApiError(code="contradiction"),)):
            return Means.CONTRADICTED
        case Refused(errors=(ApiError(code="redirect"),)):
            return Means.REDIRECTED
        case Refused(errors=(ApiError(), *_)):
            return Means.REFUSED
        case Unknown():
            return Means.UNKNOWN
        case NotSent():
            return Means.NOT_SENT
        case _:
            raise AssertionError(f"{outcome!r} is no outcome")
