"""Drift, as a document for programs and as text for people."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from deployer.domain.merge3 import Verdict
from deployer.domain.plan import Plan, Planned
from deployer.report.hiding import shown
from deployer.report.text import numbered, plain, value_text, wrapped

_FORMAT: Final = 1
_MOST: Final = 50  # tenants that people read


def drifted(plan: Plan) -> Iterator[Planned]:
    """Yield the tenants whose flows were changed outside."""
    return (planned for planned in plan.tenants if planned.is_drifted)


def drift_head(plan: Plan) -> dict[str, Any]:
    """Return what `--json` shows besides the tenants."""
    return {"format_version": _FORMAT, "drifted": plan.totals.drifted, "compared": plan.totals.existing}


def drift_text(plan: Plan, *, width: int) -> str:
    """Return each field that was changed outside, of no more tenants than people read, and how many have any."""
    lines: list[str] = []
    for planned in islice(drifted(plan), _MOST):
        for path, change in planned.every_change:
            if change.verdict is Verdict.DRIFT:
                live, desired = (value_text(shown(path, value)) for value in (change.live, change.desired))
                said = f"{path} is {live} instead of {desired}"
                lines += wrapped(f"! {plain(planned.tenant)}  ", [plain(said)], width=width, hang=4)
    if (more := plan.totals.drifted - _MOST) > 0:
        lines.append(f"! … and {more:,} more (-o table shows them)")
    compared = plan.totals.existing
    flows = f"{numbered(compared, 'flow')}"
    lines.append(
        f"{plan.totals.drifted:,} of {flows} changed outside"
        if plan.totals.drifted
        else f"{flows}, none changed outside"
    )
    return "\n".join(lines)
