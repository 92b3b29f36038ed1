"""Drift, as a document for programs and as text for people."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Plan, Planned
from deployer.report.alike import Kind, Phrase
from deployer.report.hiding import shown
from deployer.report.text import numbered, plain, value_text, wrapped

_FORMAT: Final = 1
_MOST: Final = 50  # tenants, or groups of them, that people read


def drifted(plan: Plan) -> Iterator[Planned]:
    """Yield the tenants whose flows were changed outside."""
    return (planned for planned in plan.tenants if planned.is_drifted)


def drift_head(plan: Plan) -> dict[str, Any]:
    """Return what `--json` shows besides the tenants."""
    return {"format_version": _FORMAT, "drifted": plan.totals.drifted, "compared": plan.totals.existing}


def drift_text(plan: Plan, *, width: int) -> str:
    """Return each field that was changed outside, tenants alike told together, and how many have any."""
    kind = Kind(_changes)
    for place, planned in enumerate(drifted(plan)):
        kind.add(place, planned)
    lines: list[str] = []
    for alike in (told := kind.shown()[:_MOST]):
        for piece in alike.pieces():
            lines += wrapped(f"! {alike.title}  ", [piece], width=width, hang=4)
        lines += [] if alike.is_one else alike.named("-o table shows each", width=width)
    if more := kind.count - sum(alike.count for alike in told):
        lines.append(f"! … and {more:,} more (-o table shows them)")
    compared = plan.totals.existing
    flows = f"{numbered(compared, 'flow')}"
    lines.append(f"{kind.count:,} of {flows} changed outside" if kind.count else f"{flows}, none changed outside")
    return "\n".join(lines)


def _changes(planned: Planned) -> Iterator[Phrase]:
    """Yield each field of a tenant that was changed outside."""
    for path, change in planned.every_change:
        if change.verdict is Verdict.DRIFT:
            yield Phrase(path, (change.live, change.desired), partial(_said, path, change))


def _said(path: str, change: Change) -> str:
    live, desired = (value_text(shown(path, value)) for value in (change.live, change.desired))
    return plain(f"{path} is {live} instead of {desired}")
