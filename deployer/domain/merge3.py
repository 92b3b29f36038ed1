"""Three-way merge of the fields we own, over a PUT that replaces everything.

Sent is compared with desired (never returned with desired: a server that normalises would be written to for ever),
returned with live. An array that is merged by its elements has a field for each of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from deployer.domain.arrays import element_of, indistinct, keys_in
from deployer.domain.documents import (
    MISSING,
    Document,
    Json,
    Path,
    Value,
    alike,
    at,
    dotted,
    is_element,
    put,
    same,
    tells_apart,
    within,
)
from deployer.domain.flow_schedule import normal_form
from deployer.domain.identity import without_marker_line
from deployer.domain.masking import is_masked

V = TypeVar("V")

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
    AMBIGUOUS = "ambiguous"  # elements of a live array cannot be told apart


class Choice(StrEnum):
    """What a person decided for a conflict: our value, or theirs."""

    OURS = "ours"
    THEIRS = "theirs"


Chosen: TypeAlias = Mapping[str, Choice]
"""What a person decided for conflicts: by field, `settings.batchSize` or all of `settings`; "" is the whole tenant."""

NOTHING_CHOSEN: Final[Chosen] = MappingProxyType({})
WRITES = frozenset({Verdict.UPDATE, Verdict.REMOVE})
RECORDS = frozenset({Verdict.RECORD, Verdict.CONVERGED, Verdict.ADOPT})
CONFLICTS = frozenset({Verdict.CONFLICT, Verdict.ADOPT_CONFLICT, Verdict.AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class Memory:
    """One owned field as we left it: what was sent, what came back, what stood there before our first write."""

    sent: Value
    returned: Value
    first: Value


@dataclass(frozen=True, slots=True)
class Change:
    """One owned field: where it stands, where it shall stand, the verdict; `base` is what we left, in a conflict."""

    path: Path
    live: Value
    desired: Value
    verdict: Verdict
    base: Value = MISSING


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
    equal = alike if tells_apart(path) else same  # an element is the same one however it is written
    if memory is None:
        return Verdict.ADOPT if equal(desired, live) else Verdict.ADOPT_CONFLICT
    changed = _is_changed(memory, live)
    if desired is MISSING:
        stays = changed or path in NEVER_REMOVED or is_masked(memory.first)
        return Verdict.RELEASE if stays else Verdict.REMOVE
    return _TABLE[not equal(memory.sent, desired), changed, equal(desired, live)]


def _is_changed(memory: Memory, live: Value) -> bool:
    """Tell whether a field was changed outside; of a secret that reads back masked, nobody can tell."""
    if is_masked(live):
        return False
    return not same(memory.sent if is_masked(memory.returned) else memory.returned, live)


def merge(
    live: Document,
    desired: Mapping[Path, Value],
    memory: Mapping[Path, Memory],
    *,
    chosen: Chosen = NOTHING_CHOSEN,
    newborn: bool = False,
    restore: bool = False,
) -> tuple[Change, ...]:
    """Judge every field that is, or was, ours; a newborn flow has nobody else's values yet, so ours simply go in.

    What was changed outside is reported, or with `restore` written over.
    """
    unclear = list(_unclear(live, desired, [*desired, *memory]))
    if unclear:
        desired, memory = _apart(desired, unclear), _apart(memory, unclear)
    chosen = {"": Choice.OURS} if newborn else chosen
    changes = [_ended(change, chosen) for change in _compared(live, desired, memory)]
    if restore:
        changes = list(map(_restored, changes))
    return (*unclear, *_whole_elements(changes))


def _compared(live: Document, desired: Mapping[Path, Value], memory: Mapping[Path, Memory]) -> list[Change]:
    """Judge every field by the table, before anybody chose; an element is judged as one where others touched it."""
    dropped = (path for path in memory if path not in desired)
    changes = [_change(path, live, desired, memory) for path in (*desired, *dropped)]
    for group in _by_element(changes):
        _judge_element(changes, group)
    return changes


def choice_for(chosen: Chosen, path: Path) -> Choice | None:
    """Return what was decided for a field: what was said of it, or of the nearest around it."""
    names = (dotted(path[:length]) for length in range(len(path), -1, -1)) if chosen else ()
    return next((chosen[name] for name in names if name in chosen), None)


def _change(path: Path, live: Document, desired: Mapping[Path, Value], memory: Mapping[Path, Memory]) -> Change:
    here, wanted, before = live_value(live, path), desired.get(path, MISSING), recalled(memory, path)
    verdict = judge(path, before, wanted, here)
    if wanted is MISSING and any(_overlap(path, other) for other in desired):
        verdict = Verdict.RELEASE  # what is wanted now, in other pieces, says what becomes of it
    if verdict is Verdict.REMOVE and before:
        wanted = before.first
    base = before.returned if before and verdict is Verdict.CONFLICT else MISSING
    return Change(path, here, wanted, verdict, base)


def recalled(memory: Mapping[Path, Memory], path: Path) -> Memory | None:
    """Return what is remembered of a field, also as a part of one that was remembered whole."""
    for length in range(len(path), 0, -1):
        if (known := memory.get(path[:length])) is not None:
            rest = path[length:]
            parts = (
                MISSING if each is MISSING else within(each, rest) for each in (known.sent, known.returned, known.first)
            )
            part = Memory(*parts) if rest else known
            return None if part.sent is MISSING else part
    return None


def _overlap(one: Path, other: Path) -> bool:
    return one[: len(other)] == other[: len(one)]


def _ended(change: Change, chosen: Chosen) -> Change:
    """Return a change as a person wants it to end; theirs cannot be kept where nobody can read it."""
    choice = choice_for(chosen, change.path) if change.verdict in CONFLICTS else None
    if choice is None or (choice is Choice.THEIRS and is_masked(change.live)):
        return change
    verdict = Verdict.UPDATE if choice is Choice.OURS else Verdict.RECORD
    return replace(change, verdict=verdict, base=MISSING)


def _restored(change: Change) -> Change:
    return replace(change, verdict=Verdict.UPDATE) if change.verdict is Verdict.DRIFT else change


def _by_element(changes: Sequence[Change]) -> list[list[int]]:
    """Return which changes are about the same element, that which tells it apart first."""
    groups: dict[Path, list[int]] = {}
    for place, change in enumerate(changes):
        if (prefix := element_of(change.path)) is not None:
            group = groups.setdefault(prefix, [])
            group.insert(0 if tells_apart(change.path) else len(group), place)
    return list(groups.values())


def _judge_element(changes: list[Change], group: Sequence[int]) -> None:
    """Let an element stay that we dropped and others changed, and fight for one that we changed and others removed."""
    first, *rest = (changes[place] for place in group)
    goes = first.verdict is Verdict.REMOVE and first.desired is MISSING
    taken = any(change.verdict is Verdict.RELEASE for change in rest)
    for place in group:
        change = changes[place]
        if goes and taken and change.verdict is Verdict.REMOVE:
            changes[place] = replace(change, desired=MISSING, verdict=Verdict.RELEASE)
        elif first.verdict is Verdict.DRIFT and change.verdict is Verdict.UPDATE:
            changes[place] = replace(change, verdict=Verdict.CONFLICT)


def _whole_elements(changes: list[Change]) -> list[Change]:
    """Write all of an element of which a part is written where nothing of it is left."""
    for group in _by_element(changes):
        absent = changes[group[0]].live is MISSING
        if absent and any(changes[place].verdict is Verdict.UPDATE for place in group):
            for place in group:
                if changes[place].verdict in {Verdict.DRIFT, Verdict.NO_CHANGE, Verdict.RECORD}:
                    changes[place] = replace(changes[place], verdict=Verdict.UPDATE)
    return changes


def _unclear(live: Document, desired: Mapping[Path, Value], paths: Sequence[Path]) -> Iterator[Change]:
    """Yield the live arrays whose elements cannot be told apart, by what is wanted of them."""
    for array, keys in keys_in(paths).items():
        there = at(live, array)
        if indistinct(there, keys):
            ours: Document = {}
            for path, value in desired.items():
                ours = put(ours, path, value) if path[: len(array)] == array else ours
            yield Change(array, there, at(ours, array), Verdict.AMBIGUOUS)


def _apart(fields: Mapping[Path, V], unclear: Sequence[Change]) -> dict[Path, V]:
    arrays = {change.path for change in unclear}
    return {path: value for path, value in fields.items() if not any(_overlap(path, array) for array in arrays)}


def live_value(live: Document, path: Path) -> Value:
    """Return a live field in the form it is compared in: no marker line, a schedule in its normal form."""
    value = at(live, path)
    if value is MISSING:
        stands = _above(live, path)
        return MISSING if stands is None else stands
    if path == ("description",):
        return without_marker_line(value)
    if path == ("schedule",) and isinstance(value, str):
        try:
            return normal_form(value)
        except ValueError:
            return value
    return value


def _above(live: Document, path: Path) -> Json:
    """Return what stands where an object or array would have to be for `path` to lie in it; None where nothing does."""
    for length in range(1, len(path)):
        value = at(live, path[:length])
        if value is not MISSING and not isinstance(value, list if is_element(path[length]) else dict):
            return value
    return None


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
            before = recalled(memory, change.path)
            first = before.first if before else change.live
            after[change.path] = Memory(change.desired, live_value(answer, change.path), first)
        elif before := recalled(memory, change.path):
            after[change.path] = before
    return after
