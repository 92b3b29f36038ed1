"""Write a document with a PUT that replaces everything: read, merge, intend, send; the answer is the verification."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from deployer.domain.body import ignored, masked, others, strayed
from deployer.domain.chosen import Choice, Chosen
from deployer.domain.deployment import Instance, before_image
from deployer.domain.documents import MISSING, Document, Json, Path, Value, at, dotted, in_the_way, same
from deployer.domain.lifecycle import BIRTHS, Event, State
from deployer.domain.masking import MASK_REMEDY, mask_reason
from deployer.domain.merge3 import CONFLICTS, WRITES, Change, Memory
from deployer.domain.moves import remaining
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.result import GONE, Later, Moved, Result, look_again, not_done, unread
from deployer.engine.unsealing import ChangedSecretError, Secrets
from deployer.integrator.client import Stamp
from deployer.integrator.transport import Concealed
from deployer.integrator.wire import Done, NotSent, Outcome, Refused, Unknown


class Subject(Protocol):
    """What a step writes: a tenant's flow, or another document of the tenant's."""

    @property
    def id(self) -> str:
        """Return the id of the document."""

    @property
    def chosen(self) -> Chosen:
        """Return what was decided for conflicts."""

    @property
    def facts(self) -> Document:
        """Return what the journal keeps of which document it is."""

    @property
    def ours(self) -> Iterable[Path]:
        """Return the paths that may change without anybody else having written."""

    async def read(self) -> Outcome[Document]:
        """Read the document as it is now."""

    @property
    def secrets(self) -> Secrets:
        """Return what seals and opens the secrets of the document."""

    async def replace(self, body: Document, stamp: Stamp, concealed: Concealed | None) -> Outcome[Document]:
        """PUT the document, with what is concealed in the place of its seals."""

    def merged(self, live: Document, chosen: Chosen | None = None) -> tuple[Change, ...]:
        """Merge what is wanted with what is there."""

    def is_as_planned(self, live: Document, changes: tuple[Change, ...]) -> bool:
        """Tell whether nothing that bears on the plan moved since it was made."""

    def moved(self, changes: tuple[Change, ...]) -> list[str]:
        """Return the fields whose verdict is not that of the plan."""

    def is_settled(self, live: Document, changes: tuple[Change, ...]) -> bool:
        """Tell whether the document is as wanted."""

    def misplaced(self, live: Document) -> str:
        """Say where the document lies if that is not where it belongs."""

    def body(self, live: Document, changes: tuple[Change, ...]) -> Document:
        """Return what is PUT."""

    def instance(self, answer: Document, changes: tuple[Change, ...]) -> Instance | None:
        """Return what is remembered once `answer` is what is there; None: it is ours no more."""


async def begin(desk: Desk, case: Case, subject: Subject) -> Result:
    """Read the document afresh and write it, unless it moved since the plan."""
    read = await subject.read()
    if isinstance(read, Refused) and read.status == GONE and (later := _infancy(desk, case)):
        return later
    if not isinstance(read, Done):
        return await unread(desk, case, read, wait=0.0)
    live = read.value
    if where := subject.misplaced(live):
        case.tell(Event.UNDECIDABLE, _misplaced(where))
        return Moved(case.deployment)
    changes = subject.merged(live)
    if any(change.verdict in CONFLICTS for change in changes) or not subject.is_as_planned(live, changes):
        case.tell(Event.STALE, _stale(subject.moved(changes)))
        return Moved(case.deployment)
    if subject.is_settled(live, changes):
        _tell(case, Event.FOUND, subject.facts, subject.instance(live, changes))
        return Moved(case.deployment)
    if held := masked(live, changes):
        case.tell(Event.REFUSE, failure("masked", mask_reason(held), MASK_REMEDY, field=held[0]))
        return Moved(case.deployment)
    try:
        return await _put(desk, case, subject, live, changes)
    except ChangedSecretError as changed:
        case.tell(Event.STALE, _other_secret(changed))
        return Moved(case.deployment)


async def recover(desk: Desk, case: Case, subject: Subject, wait: float) -> Result:
    """Find out what became of a PUT: done if all is as wanted; else the same body again, or later another."""
    read = await subject.read()
    if not isinstance(read, Done):
        return await unread(desk, case, read, wait=wait)
    live = read.value
    changes = subject.merged(live)
    if subject.is_settled(live, changes):
        _tell(case, Event.FOUND, subject.facts, subject.instance(live, changes))
        return Moved(case.deployment)
    if wait <= 0:
        case.tell(Event.ABSENT)
        return Moved(case.deployment)
    untouched = case.step.facts.get("others") == others(live, subject.ours)
    if untouched and not case.step.facts.get("again"):
        ours = subject.merged(live, {"": Choice.OURS, **subject.chosen})  # the same body, whatever came of the first
        with suppress(ChangedSecretError):  # which makes it another body
            if not masked(live, ours):
                return await _put(desk, case, subject, live, ours)
    return look_again(case, desk, wait, "making sure the first PUT is not still on its way")


def _tell(case: Case, event: Event, facts: Document, instance: Instance | None) -> None:
    case.tell(event, facts, instance, forgets=instance is None)


def before_put(case: Case) -> dict[Path, Memory]:
    """Remember the before-image of a PUT whose answer was lost: by it we know what was changed since."""
    return {path: Memory(value, value, value) for path, value in before_image(case.step).items()}


def is_as_planned(changes: Sequence[Change], planned: Sequence[Change]) -> bool:
    """Tell whether each field is as it was planned."""
    return len(changes) == len(planned) and not differing(changes, planned)


def differing(changes: Iterable[Change], planned: Iterable[Change]) -> list[str]:
    """Return the fields whose verdict is another one than was planned, or that are written over something else."""
    before = {change.path: change for change in planned}
    return [dotted(change.path) for change in changes if not _is_alike(change, before.get(change.path))]


def _is_alike(change: Change, planned: Change | None) -> bool:
    if planned is None or change.verdict is not planned.verdict:
        return False
    return change.verdict not in WRITES or same(change.live, planned.live)


def _infancy(desk: Desk, case: Case) -> Later | None:
    """Wait where a flow of this rollout may be too young for the server to show it, or its parts.

    Nobody is told before the usual lag is over.
    """
    birth, safety, now = case.deployment.steps[0], desk.settings.safety, desk.clock.moment()
    if birth.kind not in BIRTHS or birth.intent is None:
        return None
    wait = remaining(birth, now, safety.clone_timeout + safety.lag)
    if wait <= 0:
        return None
    later = look_again(case, desk, wait, "waiting for what was just made to be readable", since=birth)
    return replace(later, left=None) if remaining(birth, now, safety.lag) else later


def _stale(moved: list[str]) -> Document:
    error = failure("stale", f"changed by somebody else since the plan: {', '.join(moved)}", "plan and apply again")
    return {"stale": True, **error}


def _other_secret(changed: ChangedSecretError) -> Document:
    what = f"the secret of {changed} is another one than was planned with"
    return {"stale": True, **failure("stale", what, "plan and apply again")}


def _misplaced(where: str) -> Document:
    return failure("contradiction", where, "look at it; nothing was written to it")


async def _put(desk: Desk, case: Case, subject: Subject, live: Document, changes: tuple[Change, ...]) -> Result:
    body = subject.body(live, changes)
    concealed = subject.secrets.opened(body)
    repeated = case.step.state is State.INTENDED
    is_first = not (repeated or case.step.facts.get("partly"))
    before = _images(changes, live) if is_first else case.step.facts.get("before")

    async def stamp() -> float:
        sent = {"others": others(live, subject.ours), "before": before, "again": repeated}
        return await case.intend({**subject.facts, **sent})

    match await subject.replace(body, stamp, concealed):
        case Done(answer):
            _verify(case, subject, answer, changes, strayed(body, answer, subject.ours))
        case Refused() | NotSent() if repeated:
            pass  # which says nothing of the first
        case Refused() | NotSent() | Unknown() as outcome:
            return await not_done(desk, case, outcome)
    return Moved(case.deployment)


def _images(changes: tuple[Change, ...], live: Document) -> list[Json]:
    """Return the before-image: each field of ours as it stood, and what stood in its way."""
    stood: dict[Path, Value] = {change.path: change.live for change in changes}
    for change in changes:
        if change.verdict in WRITES and (place := in_the_way(live, change.path)):
            stood.setdefault(place, at(live, place))
    return [
        {"path": list(path)} if value is MISSING else {"path": list(path), "value": value}
        for path, value in stood.items()
    ]


def _verify(case: Case, subject: Subject, answer: Document, changes: tuple[Change, ...], astray: list[str]) -> None:
    before = before_put(case)
    left = ignored((replace(change, live=_first(before, change)) for change in changes), answer)
    if where := subject.misplaced(answer):
        case.tell(Event.UNDECIDABLE, _misplaced(where))
    elif left:
        text = f"the API took the PUT and left {', '.join(left)} as it was"
        refused = failure("not_applied", text, "check that the account may change this")
        taken = tuple(change for change in changes if dotted(change.path) not in left)
        case.tell(Event.REFUSE, {**subject.facts, **refused, "partly": True}, subject.instance(answer, taken))
    else:
        facts: Document = {**subject.facts, "stamp": answer.get("lastModified")}
        facts |= {"strayed": [*astray]} if astray else {}
        _tell(case, Event.SUCCEED, facts, subject.instance(answer, changes))


def _first(before: Mapping[Path, Memory], change: Change) -> Value:
    known = before.get(change.path)
    return known.first if known else change.live
