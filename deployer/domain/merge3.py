"""Three-way merge of the fields we own, over a PUT that replaces everything.

Sent is compared with desired (never returned with desired: a server that normalises would be written to for ever),
returned with live.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from deployer.domain.documents import MISSING, Document, Json, Path, Value, at, put, same
from deployer.domain.flow_schedule import normal_form
from deployer.domain.identity import without_marker_line

NEVER_REMOVED = {("name",), ("disabled",)}  # a flow cannot be without them, so they are only let go


class Verdict(StrEnum):
    """What is to happen to one field."""

    NO_CHANGE = "no_change"
    UPDATE = "update"
    RECORD = "record"
    DRIFT = "drift"
    CONVERGED = "converged"
    CONFLICT = "conflict"
    ADOPT = "adopt"
    ADOPT_CONFLICT = "adopt_conflict"
    REMOVE = "remove"
    RELEASE = "release"


class Choice(StrEnum):
    """What a person decided for a conflict: our value, or theirs."""

    OURS = "ours"
    THEIRS = "theirs"


WRITES = frozenset({Verdict.UPDATE, Verdict.REMOVE})
RECORDS = frozenset({Verdict.RECORD, Verdict.CONVERGED, Verdict.ADOPT})
CONFLICTS = frozenset({Verdict.CONFLICT, Verdict.ADOPT_CONFLICT})


@dataclass(frozen=True, slots=True)
class Memory:
    """One owned field as we left it: what was sent, what came back, what stood there before our first write."""

    sent: Value
    returned: Value
    first: Value


@dataclass(frozen=True, slots=True)
class Change:
    """One owned field: where it stands, where it shall stand, and the verdict."""

    path: Path
    live: Value
    desired: Value
    verdict: Verdict


# (desired differs from what we sent, live differs from what we got back, desired equals live)
_TABLE = {
    (False, False, True): Verdict.NO_CHANGE,
    (False, False, False): Verdict.NO_CHANGE,  # the server's normal form of what we sent
    (True, False, False): Verdict.UPDATE,
    (True, False, True): Verdict.RECORD,
    (False, True, False): Verdict.DRIFT,
    (False, True, True): Verdict.RECORD,
    (True, True, True): Verdict.CONVERGED,
    (True, True, False): Verdict.CONFLICT,
}


def judge(path: Path, memory: Memory | None, desired: Value, live: Value) -> Verdict:
    """Return the verdict of one field by the table; MISSING as `desired` means the manifest dropped it."""
    if memory is None and live is MISSING:
        return Verdict.UPDATE  # nothing of anybody's is there
    if memory is None:
        return Verdict.ADOPT if same(desired, live) else Verdict.ADOPT_CONFLICT
    changed = not same(memory.returned, live)
    if desired is MISSING:
        return Verdict.RELEASE if changed or path in NEVER_REMOVED else Verdict.REMOVE
    return _TABLE[not same(memory.sent, desired), changed, same(desired, live)]


def merge(
    live: Document,
    desired: Mapping[Path, Value],
    memory: Mapping[Path, Memory],
    *,
    choice: Choice | None = None,
    newborn: bool = False,
    restore: bool = False,
) -> tuple[Change, ...]:
    """Judge every field that is, or was, ours; a newborn flow has nobody else's values yet, so ours simply go in.

    What was changed outside is reported, or with `restore` written over.
    """
    paths = [*desired, *(path for path in memory if path not in desired)]
    chosen = Choice.OURS if newborn else choice
    changes = (_change(path, live, desired, memory, choice=chosen) for path in paths)
    return tuple(map(_restored, changes) if restore else changes)


def with_base(memory: Mapping[Path, Memory], base: Mapping[Path, Value]) -> Mapping[Path, Memory]:
    """Return a memory by which the fields in `base` were left so; none of them was anybody's before."""
    return {**memory, **{path: Memory(value, value, MISSING) for path, value in base.items()}} if base else memory


def _restored(change: Change) -> Change:
    return replace(change, verdict=Verdict.UPDATE) if change.verdict is Verdict.DRIFT else change


def _change(
    path: Path,
    live: Document,
    desired: Mapping[Path, Value],
    memory: Mapping[Path, Memory],
    *,
    choice: Choice | None,
) -> Change:
    here, wanted, before = live_value(live, path), desired.get(path, MISSING), memory.get(path)
    verdict = judge(path, before, wanted, here)
    if verdict in CONFLICTS and choice:
        verdict = Verdict.UPDATE if choice is Choice.OURS else Verdict.RECORD
    if verdict is Verdict.REMOVE and before:
        wanted = before.first
    return Change(path, here, wanted, verdict)


def live_value(live: Document, path: Path) -> Value:
    """Return a live field in the form it is compared in: no marker line, a schedule in its normal form."""
    value = at(live, path)
    if value is MISSING and (stands := _above(live, path)) is not None:
        return stands
    if path == ("description",):
        return without_marker_line(value)
    if path == ("schedule",) and isinstance(value, str):
        try:
            return normal_form(value)
        except ValueError:
            return value
    return value


def _above(live: Document, path: Path) -> Json:
    """Return what stands where an object would have to be for `path` to lie in it; None where nothing does."""
    above = (at(live, path[:length]) for length in range(1, len(path)))
    return next((value for value in above if value is not MISSING and not isinstance(value, dict)), None)


def apply(live: Document, changes: Iterable[Change]) -> Document:
    """Return the body to PUT: live as it is, but for the fields that a verdict writes."""
    body = live
    for change in changes:
        if change.verdict in WRITES:
            body = put(body, change.path, change.desired)
    return body


def remember(memory: Mapping[Path, Memory], changes: Iterable[Change], answer: Document) -> dict[Path, Memory]:
    """Return the memory after a write was answered, or after a record without one (`answer` is then live itself)."""
    after = dict(memory)
    for change in changes:
        if change.verdict in {Verdict.REMOVE, Verdict.RELEASE}:
            after.pop(change.path, None)
        elif change.verdict is Verdict.UPDATE or change.verdict in RECORDS:
            before = memory.get(change.path)
            first = before.first if before else change.live
            after[change.path] = Memory(change.desired, live_value(answer, change.path), first)
    return after
