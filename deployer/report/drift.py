"""Drift, as a document for programs and as text for people."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from deployer.domain.merge3 import Change, Verdict
from deployer.domain.plan import Action, Plan, Planned
from deployer.report.alike import Kind, Phrase
from deployer.report.hiding import shown
from deployer.report.text import numbered, plain, value_text, wrapped

_FORMAT: Final = 1
_DRIFTED: Final = 3
_MOST: Final = 50  # tenants, or groups of them, that people read
_NEXT: Final = "Put them back:  drift: restore in the manifest, then apply"


def is_told(planned: Planned) -> bool:
    """Tell whether a tenant's flow was changed outside, or could not be compared: then nobody knows."""
    return planned.is_drifted or planned.action is Action.BLOCKED


def told(plan: Plan) -> Iterator[Planned]:
    """Yield the tenants of which there is anything to tell."""
    return filter(is_told, plan.tenants)


def drift_head(plan: Plan) -> dict[str, Any]:
    """Return what `--json` shows besides the tenants."""
    return {"format_version": _FORMAT, **drift_counts(plan)}


def drift_counts(plan: Plan) -> dict[str, int]:
    """Return how many flows were changed outside, of how many, and how many tenants could not be compared."""
    totals = plan.totals
    return {"drifted": totals.drifted, "compared": totals.existing, "blocked": totals.actions[Action.BLOCKED]}


def drift_code(plan: Plan) -> int:
    """Return the exit code: 0 where no flow was changed outside, and each could be compared."""
    counts = drift_counts(plan)
    return _DRIFTED if counts["drifted"] or counts["blocked"] else 0


def drift_sentence(plan: Plan) -> str:
    """Return the same as a sentence."""
    counts = drift_counts(plan)
    flows, blocked = numbered(counts["compared"], "flow"), counts["blocked"]
    some = f"{counts['drifted']:,} of {flows} changed outside"
    said = some if counts["drifted"] else f"{flows}, none changed outside"
    return f"{said}; {numbered(blocked, 'tenant')} could not be compared" if blocked else said


def drift_text(plan: Plan, *, width: int) -> str:
    """Return each field that was changed outside, tenants alike told together, and who could not be compared."""
    kind = Kind(_changes)
    for place, planned in enumerate(told(plan)):
        kind.add(place, planned)
    lines: list[str] = []
    for alike in (shown_ := kind.shown()[:_MOST]):
        for piece in alike.pieces():
            lines += wrapped(f"! {alike.title}  ", [piece], width=width, hang=4)
        lines += [] if alike.is_one else alike.named("-o table shows each", width=width)
    if more := kind.count - sum(alike.count for alike in shown_):
        lines.append(f"! … and {more:,} more (-o table shows them)")
    lines.append(drift_sentence(plan))
    if plan.totals.drifted:
        lines += ["", _NEXT]
    return "\n".join(lines)


def _changes(planned: Planned) -> Iterator[Phrase]:
    """Yield each field of a tenant that was changed outside, or why it could not be compared."""
    if planned.action is Action.BLOCKED:
        yield Phrase("", planned.reason, lambda: plain(planned.reason))
        return
    for path, change in planned.every_change:
        if change.verdict is Verdict.DRIFT:
            yield Phrase(path, (change.live, change.desired), partial(_said, path, change))


def _said(path: str, change: Change) -> str:
    live, desired = (value_text(shown(path, value)) for value in (change.live, change.desired))
    return plain(f"{path} is {live} instead of {desired}")
