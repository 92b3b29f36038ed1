"""The tenants of a plan: what is done with them, which fields change, what is in the way; those alike told together."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from deployer.domain.documents import MISSING, Value
from deployer.domain.lifecycle import StepKind
from deployer.domain.masking import is_sealed
from deployer.domain.merge3 import CONFLICTS, Change, Verdict
from deployer.domain.owned import OWNED
from deployer.domain.pins import REVISION_DIGITS
from deployer.domain.plan import Action, Planned
from deployer.report.alike import Alike, Kind, Phrase, alone
from deployer.report.hiding import shown
from deployer.report.text import anonymous, columns, padded, plain, value_text, words, wrapped

_SIGNS: Final = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.ADOPT: "~",
    Action.RUN: ">",
    Action.DELETE: "-",
    Action.DETACH: "-",
    Action.BLOCKED: "x",
}
_NOTABLE, _UNCHANGED = "!", "="
_ORDER: Final = "+~>-!x="
_UNTOLD: Final = frozenset({Verdict.NO_CHANGE, Verdict.RECORD, Verdict.CONVERGED, Verdict.ADOPT})
_MOST = 50  # lines of a kind that people read
_NAME_COLUMNS = 24  # longer names do not push everybody else's columns
_ACTION_COLUMNS = 7


class PlanLines:
    """The lines of a plan's tenants, gathered while they are decided: never more of them than a person reads."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = defaultdict(lambda: Kind(_phrases))

    def add(self, place: int, planned: Planned) -> None:
        """Take a tenant in, with its place in the plan."""
        self._kinds[_sign(planned)].add(place, planned, word=_word(planned))

    def lines(self, *, width: int, every: str = "--all") -> list[str]:
        """Return the lines by kind, in the order of the plan within one; `every` is what to type to see each."""
        kinds = {sign: self._kinds[sign].shown() for sign in _ORDER if sign in self._kinds}
        names = _names(alike.title for sign, kind in kinds.items() if sign != _UNCHANGED for alike in kind)
        lines: list[str] = []
        for sign, kind in kinds.items():
            if sign == _UNCHANGED:
                lines.append(f"  = {self._kinds[sign].count:,} unchanged ({every} shows them)")
                continue
            for alike in kind[:_MOST]:
                lines += _lines(sign, alike, names, width, every)
            if more := self._kinds[sign].count - sum(alike.count for alike in kind[:_MOST]):
                lines.append(f"  {sign} … and {more:,} more like it ({every} shows them)")
        return lines


def every_line(tenants: Collection[Planned], *, width: int) -> Iterator[str]:
    """Yield the lines of all tenants one by one, by kind; they are gone through once for each kind."""
    names = _names(plain(planned.tenant) for planned in tenants)
    signs = {_sign(planned) for planned in tenants}
    for sign in sorted(signs, key=_ORDER.index):
        for place, planned in enumerate(tenants):
            if _sign(planned) == sign:
                yield from _lines(sign, alone(place, planned, _phrases), names, width)


def _names(titles: Iterable[str]) -> int:
    return max((min(columns(title), _NAME_COLUMNS) for title in titles), default=0)


def _sign(planned: Planned) -> str:
    if planned.action is Action.NO_CHANGE:
        return _NOTABLE if planned.reason or planned.is_drifted else _UNCHANGED
    return _SIGNS[planned.action]


def _word(planned: Planned) -> str:
    outside = planned.action is Action.NO_CHANGE and planned.is_drifted
    return "drift" if outside else words(planned.action)


def _lines(sign: str, alike: Alike, names: int, width: int, every: str = "") -> list[str]:
    start = f"  {sign} {padded(alike.title, names)}  {padded(_word(alike.planned), _ACTION_COLUMNS)}    "
    hang = columns(start) if columns(start) <= width // 2 else 6
    lines = wrapped(start, alike.pieces(), width=width, hang=hang)
    return lines if alike.is_one else [*lines, *alike.named(f"{every} shows each", width=width)]


def _phrases(planned: Planned) -> Iterator[Phrase]:
    """Yield what there is to say of a tenant, the decisive first; the words are found only where they are shown."""
    if planned.reason and not planned.is_drifted:
        yield Phrase(anonymous(planned.reason, planned.tenant), planned.reason, lambda: plain(planned.reason))
    if planned.action is Action.ADOPT:
        yield Phrase("adopt", planned.flow, lambda: f"takes flow {plain(planned.flow)} over")
    if planned.action is Action.CREATE and planned.connections:
        count = len(planned.connections)
        yield Phrase("connections", count, lambda: f"connections {count}/{count}")
    yield from _changes(planned)
    if StepKind.RUN in planned.steps:
        said = "runs once" if StepKind.FOLLOW not in planned.steps else "runs once, followed to its end"
        yield Phrase("run", said, lambda: said)


def _changes(planned: Planned) -> Iterator[Phrase]:
    if upgrade := planned.upgrade:
        said = " → ".join(f"rev:{revision[:REVISION_DIGITS]}" for revision in upgrade)
        yield Phrase("upgrade", upgrade, lambda: f"template {said}")
    copied = [resource.label for resource in planned.resources if resource.is_copied]
    if copied:
        yield Phrase(("copies", *copied), (), lambda: f"copies {plain(', '.join(copied))}")
    named = {f"{label}.name" for label in copied}  # by the marker, until it has the template's
    if planned.document is not None:  # whose content is as its file says
        named |= {path for path, _ in planned.every_change if path.partition(".")[0] not in OWNED}
    for path, change in planned.every_change:
        if change.verdict not in _UNTOLD and path not in named:
            yield _told(path, change, newborn=planned.action is Action.CREATE)
    if (fought := planned.fought) and fought.last_modified:
        who = f" by {plain(planned.changed_by)}" if planned.changed_by else ""
        told = f"{plain(fought.label)} was last changed at {plain(fought.last_modified)}{who}"
        yield Phrase("changed", told, lambda: told)


def _told(path: str, change: Change, *, newborn: bool) -> Phrase:
    value = (None if newborn else change.live, change.desired, change.base)
    return Phrase((change.verdict, path), value, lambda: _change(plain(path), change, newborn=newborn))


def _extent(path: str, value: Value) -> str:
    """Return a value as text; of a long list, its length: nobody reads the beginning of it."""
    text = value_text(shown(path, value))
    return f"({len(value)} items)" if isinstance(value, list) and text.endswith("…") else text


def _change(path: str, change: Change, *, newborn: bool) -> str:
    live, desired = _extent(path, change.live), _extent(path, change.desired)
    match change.verdict:
        case verdict if verdict in CONFLICTS:
            return _conflict(change, path)
        case Verdict.UPDATE if newborn:  # what the template has instead is nobody's news
            return f"{path} {desired}"
        case Verdict.UPDATE if is_sealed(change.live) and is_sealed(change.desired):
            return f"{path} another secret"
        case Verdict.DRIFT if is_sealed(change.live) and is_sealed(change.desired):
            return f"! {path} is another secret, left as it is"
        case Verdict.UPDATE | Verdict.REMOVE:
            return f"{path} {live} → {desired}"
        case Verdict.DRIFT:
            return f"! {path} is {live} instead of {desired}, left as it is"
        case Verdict.RELEASE:
            return f"{path} let go, stays {live}"
        case _:
            return path


def _conflict(change: Change, path: str) -> str:
    theirs = _extent(path, change.live)
    if change.verdict is Verdict.AMBIGUOUS:
        return f"{path}: elements of {theirs} cannot be told apart"
    base = f"base {_extent(path, change.base)}, " if change.base is not MISSING else ""
    return f"{path}: {base}ours {_extent(path, change.desired)}, theirs {theirs}"
