"""The tenants of a plan: what is done with them, which fields change, what is in the way; those alike told together."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from deployer.domain.documents import dotted
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Action, Planned
from deployer.report.text import anonymous, columns, padded, plain, some, value_text, wrapped

_SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.ADOPT: "~", Action.RUN: ">", Action.BLOCKED: "x"}
_NOTABLE, _UNCHANGED = "!", "="
_ORDER: Final = "+~>!x="
_MOST = 50  # lines of a kind that people read
_FEW = 3  # tenants that are shown one by one however alike they are
_NAMES = 6  # tenants named of a group
_NAME_COLUMNS = 24  # longer names do not push everybody else's columns
_ACTION_COLUMNS = 7


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Something said of a tenant: tenants with phrases about the same, in whatever words, are alike."""

    about: str
    said: str


@dataclass(frozen=True, slots=True)
class _Alike:
    """Tenants that are shown together: one, or more than a few."""

    members: Sequence[Planned]

    @property
    def title(self) -> str:
        return plain(self.members[0].tenant) if len(self.members) == 1 else f"{len(self.members)} tenants"

    def pieces(self) -> Iterator[str]:
        """Yield what is said of all; where the words differ, those of the first."""
        for phrases in zip(*map(_phrases, self.members), strict=True):
            same = all(phrase == phrases[0] for phrase in phrases)
            yield phrases[0].said if same else f"{phrases[0].said}, …"


def tenant_lines(tenants: Sequence[Planned], *, width: int, show_all: bool) -> list[str]:
    """Return the lines of all tenants by kind, in the order of the plan within one."""
    ordered = sorted(tenants, key=lambda planned: _ORDER.index(_sign(planned)))
    kinds = {sign: _together(list(kind), apart=show_all) for sign, kind in groupby(ordered, key=_sign)}
    titles = [alike.title for kind in kinds.values() for alike in kind]
    names = max((min(columns(title), _NAME_COLUMNS) for title in titles), default=0)
    lines: list[str] = []
    for sign, kind in kinds.items():
        if sign == _UNCHANGED and not show_all:
            lines.append(f"  = {sum(len(alike.members) for alike in kind)} unchanged (--all shows them)")
        else:
            lines += _kind(sign, kind, names=names, width=width, most=len(kind) if show_all else _MOST)
    return lines


def _together(kind: Sequence[Planned], *, apart: bool) -> list[_Alike]:
    """Return tenants of a kind, more than a few that are alike as one, in the place of the first."""
    shapes = [_shape(planned) for planned in kind]
    alike: dict[tuple[str, ...], list[Planned]] = defaultdict(list)
    for planned, shape in zip(kind, shapes, strict=True):
        alike[shape].append(planned)
    shown = []
    for planned, shape in zip(kind, shapes, strict=True):
        members = alike[shape]
        if apart or len(members) <= _FEW:
            shown.append(_Alike([planned]))
        elif planned is members[0]:
            shown.append(_Alike(members))
    return shown


def _shape(planned: Planned) -> tuple[str, ...]:
    return (_word(planned), *(phrase.about for phrase in _phrases(planned)))


def _kind(sign: str, kind: Sequence[_Alike], *, names: int, width: int, most: int) -> Iterator[str]:
    for alike in kind[:most]:
        yield from _lines(sign, alike, names, width)
    if more := sum(len(alike.members) for alike in kind[most:]):
        yield f"  {sign} … and {more} more like it (--all shows them)"


def _sign(planned: Planned) -> str:
    if planned.action is Action.NO_CHANGE:
        return _NOTABLE if planned.reason or drifted(planned) else _UNCHANGED
    return _SIGNS[planned.action]


def drifted(planned: Planned) -> bool:
    """Tell whether a field of the tenant's flow was changed outside."""
    return any(change.verdict is Verdict.DRIFT for change in planned.changes)


def _word(planned: Planned) -> str:
    outside = planned.action is Action.NO_CHANGE and drifted(planned)
    return "drift" if outside else planned.action.value.replace("no_change", "unchanged")


def _lines(sign: str, alike: _Alike, names: int, width: int) -> list[str]:
    start = f"  {sign} {padded(alike.title, names)}  {padded(_word(alike.members[0]), _ACTION_COLUMNS)}    "
    hang = columns(start) if columns(start) <= width // 2 else 6
    lines = wrapped(start, alike.pieces(), width=width, hang=hang)
    if len(alike.members) > 1:
        named = some([planned.tenant for planned in alike.members], _NAMES)
        lines += wrapped("      ", f"{named} (--all shows each)".split(" "), width=width, hang=6, gap=" ")
    return lines


def _phrases(planned: Planned) -> Iterator[_Phrase]:
    """Yield what there is to say of a tenant, the decisive first."""
    if planned.reason and not drifted(planned):
        yield _Phrase(anonymous(planned.reason, planned.tenant), plain(planned.reason))
    if planned.action is Action.ADOPT:
        yield _Phrase("adopt", f"takes flow {plain(planned.flow)} over")
    if planned.action is Action.CREATE and planned.connections:
        yield _Phrase("connections", f"connections {len(planned.connections)}/{len(planned.connections)}")
    yield from _changes(planned.changes, newborn=planned.action is Action.CREATE)
    if StepKind.RUN in planned.steps:
        yield _Phrase("run", "runs once" if StepKind.FOLLOW not in planned.steps else "runs once, followed to its end")


def _changes(changes: Iterable[Change], *, newborn: bool) -> Iterator[_Phrase]:
    for change in changes:
        if said := _change(change, newborn=newborn):
            yield _Phrase(f"{change.verdict} {dotted(change.path)}", said)


def _change(change: Change, *, newborn: bool) -> str:
    path, live, desired = plain(dotted(change.path)), value_text(change.live), value_text(change.desired)
    match change.verdict:
        case Verdict.UPDATE if newborn:  # what the template has instead is nobody's news
            return f"{path} {desired}"
        case Verdict.UPDATE | Verdict.REMOVE:
            return f"{path} {live} → {desired}"
        case Verdict.DRIFT:
            return f"! {path} is {live} instead of {desired}, left as it is"
        case Verdict.RELEASE:
            return f"{path} let go, stays {live}"
        case Verdict.CONFLICT | Verdict.ADOPT_CONFLICT:
            return f"{path} is {live}, wanted {desired}"
        case Verdict.NO_CHANGE | Verdict.RECORD | Verdict.CONVERGED | Verdict.ADOPT:
            return ""
