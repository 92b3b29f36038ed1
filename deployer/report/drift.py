"""Drift, as a document for programs and as text for people."""

from collections.abc import Iterable
from typing import Any, Final, Protocol

from deployer.domain.documents import dotted
from deployer.domain.merge3 import Verdict
from deployer.domain.plan import Plan, Planned
from deployer.report.text import plain, value_text, wrapped

_FORMAT: Final = 1


class Found(Protocol):
    """What was found."""

    @property
    def plan(self) -> Plan:
        """Return the plan in which it was seen."""

    @property
    def drifted(self) -> int:
        """Return how many tenants' flows were changed outside."""

    @property
    def tenants(self) -> Iterable[Planned]:
        """Return the tenants whose flows were changed outside."""


def drift_head(found: Found) -> dict[str, Any]:
    """Return what `--json` shows besides the tenants."""
    return {"format_version": _FORMAT, "drifted": found.drifted, "compared": found.plan.totals.existing}


def drift_text(found: Found, *, width: int) -> str:
    """Return each field that was changed outside, and how many tenants have any."""
    lines: list[str] = []
    for planned in found.tenants:
        for change in planned.changes:
            if change.verdict is Verdict.DRIFT:
                said = f"{dotted(change.path)} is {value_text(change.live)} instead of {value_text(change.desired)}"
                lines += wrapped(f"! {plain(planned.tenant)}  ", [plain(said)], width=width, hang=4)
    compared = found.plan.totals.existing
    flows = f"{compared} {'flow' if compared == 1 else 'flows'}"
    lines.append(f"{found.drifted} of {flows} changed outside" if found.drifted else f"{flows}, none changed outside")
    return "\n".join(lines)
