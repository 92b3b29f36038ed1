"""What tells a lost or restored journal from the one that was worked with, and what is remembered of found flows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from deployer.domain.deployment import Instance, Moment
from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey, carries
from deployer.domain.sighting import Found, sight


@dataclass(frozen=True, slots=True)
class Work:
    """Which journal it is, and how often work was begun with it; `journal` is empty where it never was."""

    journal: str = ""
    number: int = 0


class Loss(StrEnum):
    """What became of a journal."""

    LOST = "lost"
    RESTORED = "restored"


def loss(known: Work | None, now: Work) -> Loss | None:
    """Judge the journal at a path by what an account knows of that path; None: it is the one that worked last."""
    if known is None:
        return None
    if known.journal != now.journal:
        return Loss.LOST
    return Loss.RESTORED if now.number < known.number else None


def unlisted(left: Mapping[str, Moment], journal: str, now: Moment, lag: float) -> float:
    """Return the seconds for which lists may not show yet what was made with other journals than this one.

    `left` is when each was last worked with. One that was on an earlier boot was left before this one began.
    """
    others = (moment for name, moment in left.items() if name != journal)
    passed = (now.at - moment.at if moment.boot == now.boot else now.at for moment in others)
    return min(lag, max(0.0, lag - min(passed, default=lag)))


def elsewhere(works: Mapping[str, Work], name: str, now: Work) -> str | None:
    """Return where else the journal was worked with since: the one at this path is an older copy of it."""
    others = ((work.number, where) for where, work in works.items() if where != name and work.journal == now.journal)
    number, where = max(others, default=(0, None))
    return where if number > now.number else None


Finding: TypeAlias = Literal["kept", "found", "absent", "unreadable", "stranger"]


@dataclass(frozen=True, slots=True)
class Sought:
    """What was found of one tenant, or of an integration that the manifest does not name (then it is a stranger).

    `ran` is None where no run is owed or the next apply makes it; False where nobody can know whether it was made.
    """

    tenant: str
    account: str
    integration: str
    finding: Finding
    flow: str | None = None
    surplus: tuple[str, ...] = ()
    ran: bool | None = None


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a listing says of one key: the flow that is to be remembered, if there is one, and its surplus copies."""

    instance: Instance | None
    surplus: tuple[str, ...] = ()


def recollect(
    listing: Sequence[Document], key: InstanceKey, *, tenant: str, account: str, known: Instance | None
) -> Recollection:
    """Return what is to be remembered of a key.

    A flow that is remembered stays so. One found by its marker is remembered without any field, so that the next plan
    configures it if it was only born, and else takes it over where it is as wanted.
    """
    match sight(listing, key, known=known.flow if known else None):
        case Found(flow, surplus) if known and known.flow == flow["_id"]:
            return Recollection(known, surplus)
        case Found(flow, surplus):
            where = (tenant, account, key.template, key.integration)
            return Recollection(Instance(*where, flow=str(flow["_id"]), revision=""), surplus)
        case _:
            return Recollection(None)


def strangers(flows: Mapping[str, Sequence[Document]], template: str, named: frozenset[str]) -> Sequence[str]:
    """Return the integrations that are not named and hold a flow with the marker that a template has there."""
    return [
        integration
        for integration, here in flows.items()
        if integration not in named and any(carries(flow, InstanceKey(template, integration).marker) for flow in here)
    ]


def has_run(flow: Document, jobs: Sequence[Document]) -> bool:
    """Tell whether a flow has run since it was last changed: only then the run that a change owed was certainly made.

    Both stamps are the server's own, to the millisecond; where they are alike it cannot be known.
    """
    changed = str(flow.get("lastModified", ""))
    return any(str(job.get("createdAt", "")) > changed for job in jobs)
