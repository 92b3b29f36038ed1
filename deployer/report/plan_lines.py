"""The tenants of a plan, a line each: what is done with them, which fields change, what is in the way."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from deployer.domain.documents import dotted
from deployer.domain.lifecycle import StepKind
from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Action, Planned
from deployer.report.text import columns, padded, plain, value_text, wrapped

_SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.ADOPT: "~", Action.RUN: ">", Action.BLOCKED: "x"}
_NOTABLE, _UNCHANGED = "!", "="
_ORDER: Final = "+~>!x="
_MOST = 50  # lines of a kind that people read
_NAME_COLUMNS = 24  # longer names do not push everybody else's columns
_ACTION_COLUMNS = 7


def tenant_lines(tenants: Sequence[Planned], *, width: int, show_all: bool) -> list[str]:
    """Return the lines of all tenants by kind, in the order of the plan within one."""
    names = max((min(columns(plain(planned.tenant)), _NAME_COLUMNS) for planned in tenants), default=0)
    lines: list[str] = []
    for sign, group in groupby(sorted(tenants, key=lambda planned: _ORDER.index(_sign(planned))), key=_sign):
        alike = list(group)
        if sign == _UNCHANGED and not show_all:
            lines.append(f"  = {len(alike)} unchanged (--all shows them)")
            continue
        shown = alike if show_all else alike[:_MOST]
        for planned in shown:
            lines += _lines(planned, names, width)
        if len(alike) > len(shown):
            lines.append(f"  {sign} … and {len(alike) - len(shown)} more like it (--all shows them)")
    return lines


def _sign(planned: Planned) -> str:
    if planned.action is Action.NO_CHANGE:
        return _NOTABLE if planned.reason or drifted(planned) else _UNCHANGED
    return _SIGNS[planned.action]


def drifted(planned: Planned) -> bool:
    """Tell whether a field of the tenant's flow was changed outside."""
    return any(change.verdict is Verdict.DRIFT for change in planned.changes)


def _lines(planned: Planned, names: int, width: int) -> list[str]:
    sign = _sign(planned)
    word = "drift" if drifted(planned) and sign == _NOTABLE else planned.action.value.replace("no_change", "unchanged")
    name = plain(planned.tenant)
    start = f"  {sign} {padded(name, names)}  {padded(word, _ACTION_COLUMNS)}    "
    hang = columns(start) if columns(start) <= width // 2 else 6
    return wrapped(start, _pieces(planned), width=width, hang=hang)


def _pieces(planned: Planned) -> Iterator[str]:
    """Yield what there is to say of a tenant, the decisive first."""
    if planned.reason and not drifted(planned):
        yield plain(planned.reason)
    if planned.action is Action.ADOPT:
        yield f"takes flow {plain(planned.flow)} over"
    if planned.action is Action.CREATE and planned.connections:
        yield f"connections {len(planned.connections)}/{len(planned.connections)}"
    yield from _changes(planned.changes, newborn=planned.action is Action.CREATE)
    if StepKind.RUN in planned.steps:
        yield "runs once" if StepKind.FOLLOW not in planned.steps else "runs once, followed to its end"


def _changes(changes: Iterable[Change], *, newborn: bool) -> Iterator[str]:
    for change in changes:
        path, live, desired = plain(dotted(change.path)), value_text(change.live), value_text(change.desired)
        match change.verdict:
            case Verdict.UPDATE if newborn:  # what the template has instead is nobody's news
                yield f"{path} {desired}"
            case Verdict.UPDATE | Verdict.REMOVE:
                yield f"{path} {live} → {desired}"
            case Verdict.DRIFT:
                yield f"! {path} is {live} instead of {desired}, left as it is"
            case Verdict.RELEASE:
                yield f"{path} let go, stays {live}"
            case Verdict.CONFLICT | Verdict.ADOPT_CONFLICT:
                yield f"{path} is {live}, wanted {desired}"
            case Verdict.NO_CHANGE | Verdict.RECORD | Verdict.CONVERGED | Verdict.ADOPT:
                continue
