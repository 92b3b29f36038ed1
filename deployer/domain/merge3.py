"""Three-way merge of the fields we own, over a PUT that replaces everything.

Sent is compared with desired (never returned with desired: a server that normalises would be written to for ever),
returned with live. An array that is merged by its elements has a field for each of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from deployer.domain.arrays import Keys, element_of, indistinct, keys_in
from deployer.domain.chosen import NOTHING_CHOSEN, Choice, Chosen, choice_for
from deployer.domain.documents import (
    MISSING,
    Document,
    Path,
    Value,
    alike,
    assembled,
    at,
    in_the_way,
    put,
    same,
    tells_apart,
)
from deployer.domain.flow_schedule import normal_form
from deployer.domain.identity import without_marker_line
from deployer.domain.masking import holds_mask, is_masked, is_sealed
from deployer.domain.owned import OWNED

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


WRITES = frozenset({Verdict.UPDATE, Verdict.REMOVE})
RECORDS = frozenset({Verdict.RECORD, Verdict.CONVERGED, Verdict.ADOPT})
CONFLICTS = frozenset({Verdict.CONFLICT, Verdict.ADOPT_CONFLICT, Verdict.AMBIGUOUS})
_OPEN = CONFLICTS | {Verdict.DRIFT}


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


_REMEMBERED = ("sent", "returned", "first")

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
        return Verdict.ADOPT if _equal(path, desired, live) else Verdict.ADOPT_CONFLICT
    changed = not same(memory.returned, live) and _is_changed(memory, live)
    if desired is MISSING:
        stays = changed or path in NEVER_REMOVED or holds_mask(memory.first) or is_sealed(memory.first)
        return Verdict.RELEASE if stays else Verdict.REMOVE
    return _TABLE[not _equal(path, memory.sent, desired), changed, _equal(path, desired, live)]


def _equal(path: Path, one: Value, other: Value) -> bool:
    """Tell whether two values of a field are the same; an element is, however what tells it apart is written."""
    return same(one, other) or (tells_apart(path) and alike(one, other))


def _is_changed(memory: Memory, live: Value) -> bool:
    """Tell whether a field that reads back otherwise was changed outside: behind a mask, nobody can tell."""
    return not (is_masked(live) or (is_masked(memory.returned) and same(memory.sent, live)))


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
    dropped = [path for path in memory if path not in desired]
    arrays = keys_in((*desired, *dropped))
    unclear = [*_unclear(live, desired, arrays)] if arrays else []
    paths = [path for path in (*desired, *dropped) if not _lies_in(path, unclear)] if unclear else (*desired, *dropped)
    changes = [_change(path, live, desired, memory) for path in paths]
    groups = _by_element(changes) if arrays else []
    for group in groups:
        _judge_element(changes, group)
    chosen = {"": Choice.OURS} if newborn else chosen
    changes = [_ended(change, chosen, restore=restore) if change.verdict in _OPEN else change for change in changes]
    for group in groups:
        _make_whole(changes, group)
    return (*unclear, *(_shown(change, live) for change in changes))


def with_base(memory: Mapping[Path, Memory], base: Mapping[Path, Value]) -> Mapping[Path, Memory]:
    """Return a memory by which the fields in `base` were left so; none of them was anybody's before."""
    return {**memory, **{path: Memory(value, value, MISSING) for path, value in base.items()}}


def _change(path: Path, live: Document, desired: Mapping[Path, Value], memory: Mapping[Path, Memory]) -> Change:
    here, wanted = live_value(live, path), desired.get(path, MISSING)
    before = memory.get(path) or (recalled(memory, path) if memory else None)
    verdict = judge(path, before, wanted, here)
    if verdict is Verdict.UPDATE and _is_in_the_way(live, path, memory):
        verdict = Verdict.ADOPT_CONFLICT
    if verdict is Verdict.CONFLICT and before:
        return Change(path, here, wanted, verdict, before.returned)
    if wanted is MISSING and any(_overlap(path, other) for other in desired):
        verdict = Verdict.RELEASE  # what is wanted now, in other pieces, says what becomes of it
    elif verdict is Verdict.REMOVE and before:
        wanted = before.first
    return Change(path, here, wanted, verdict)


def _is_in_the_way(live: Document, path: Path, memory: Mapping[Path, Memory]) -> bool:
    """Tell whether what stands where an object would have to be is somebody's; null is nothing, ours may go."""
    place = in_the_way(live, path)
    there = at(live, place) if place else None
    known = recalled(memory, place) if place else None
    return there is not None and not (known and same(known.returned, there))


def _shown(change: Change, live: Document) -> Change:
    """Return a change that nobody wants to be written with what is in its way, where that is what it is about."""
    place = in_the_way(live, change.path) if change.verdict in _OPEN else None
    return replace(change, live=at(live, place)) if place else change


def recalled(memory: Mapping[Path, Memory], path: Path) -> Memory | None:
    """Return what is remembered of a field, also where it was part of another, or its elements were fields then."""
    if path in memory:
        return memory[path]
    around = next((path[:length] for length in range(len(path) - 1, 0, -1) if path[:length] in memory), None)
    whole = around or path
    parts = {part: known for part, known in memory.items() if part[: len(whole)] == whole}
    sent, returned, first = ({part: getattr(known, name) for part, known in parts.items()} for name in _REMEMBERED)
    found = Memory(*(at(assembled(each), path) for each in (sent, returned, first)))
    return None if found.sent is MISSING else found


def _overlap(one: Path, other: Path) -> bool:
    return one[: len(other)] == other[: len(one)]


def _ended(change: Change, chosen: Chosen, *, restore: bool) -> Change:
    """Return a change as a person wants it to end; theirs cannot be kept where nobody can read it."""
    if change.verdict is Verdict.DRIFT and restore and change.path[0] in OWNED:  # what is the template's is left
        return Change(change.path, change.live, change.desired, Verdict.UPDATE)
    choice = choice_for(chosen, change.path) if change.verdict in CONFLICTS else None
    if choice is None or (choice is Choice.THEIRS and is_masked(change.live)):
        return change
    verdict = Verdict.UPDATE if choice is Choice.OURS else Verdict.RECORD
    return Change(change.path, change.live, change.desired, verdict)


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
        if goes and taken:
            changes[place] = replace(change, verdict=Verdict.RELEASE)
        elif first.verdict is Verdict.DRIFT and change.verdict is Verdict.UPDATE:
            changes[place] = replace(change, verdict=Verdict.CONFLICT)


def _make_whole(changes: list[Change], group: Sequence[int]) -> None:
    """Write all of an element of which a part is written where nothing of it is left."""
    absent = changes[group[0]].live is MISSING
    if absent and any(changes[place].verdict is Verdict.UPDATE for place in group):
        for place in group:
            if changes[place].verdict in {Verdict.DRIFT, Verdict.NO_CHANGE, Verdict.RECORD}:
                changes[place] = replace(changes[place], verdict=Verdict.UPDATE)


def _unclear(live: Document, desired: Mapping[Path, Value], arrays: Mapping[Path, Keys]) -> Iterator[Change]:
    """Yield the live arrays whose elements cannot be told apart, with what is wanted of them."""
    for array, keys in arrays.items():
        there = at(live, array)
        if indistinct(there, keys):
            ours = assembled({path: value for path, value in desired.items() if path[: len(array)] == array})
            yield Change(array, there, at(ours, array), Verdict.AMBIGUOUS)


def _lies_in(path: Path, arrays: Iterable[Change]) -> bool:
    return any(_overlap(path, change.path) for change in arrays)


def live_value(live: Document, path: Path) -> Value:
    """Return a live field in the form it is compared in: no marker line, a schedule in its normal form."""
    value = at(live, path)
    if value is MISSING:
        return _masked_above(live, path)
    if path == ("description",):
        return without_marker_line(value)
    if path == ("schedule",) and isinstance(value, str):
        try:
            return normal_form(value)
        except ValueError:
            return value
    return value


def _masked_above(live: Document, path: Path) -> Value:
    """Return the mask behind which a field may lie; what is no mask and in the way is not the field's value."""
    place = in_the_way(live, path)
    value = at(live, place) if place else MISSING
    return value if is_masked(value) else MISSING


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
