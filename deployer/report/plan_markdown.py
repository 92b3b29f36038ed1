"""A plan as Markdown, for a comment on a pull request or the summary of a CI job."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from deployer.domain.command import typed
from deployer.domain.documents import MISSING
from deployer.domain.plan import Action, Plan, Planned
from deployer.report.markdown import code
from deployer.report.plan_view import DIGITS, plan_totals
from deployer.report.text import value_text

_ROOM: Final = 50_000  # characters of the table; a comment on GitHub holds 65,536
_CHANGES: Final = 5  # of a tenant


def plan_markdown(plan: Plan, digest: str, *, manifest: str, scope: str = "") -> Iterator[str]:
    """Yield the lines: the totals, every tenant that something is done to or that is blocked, and what applies it.

    What does not fit into a comment is counted.
    """
    yield f"## Plan {code(plan.name)}"
    yield ""
    yield " · ".join(plan_totals(plan))
    yield ""
    yield from _table(plan)
    if plan.waves:
        waves = (f"{code(wave.name)} {wave.size}{', then approval' if wave.approve else ''}" for wave in plan.waves)
        yield f"Waves: {' · '.join(waves)}"
        yield ""
    if plan.work:
        yield f"Apply it: {code(typed('apply', manifest) + scope + ' --plan ' + digest[:DIGITS])}"


def _table(plan: Plan) -> Iterator[str]:
    rows, room, left = list[str](), _ROOM, 0
    for planned in plan.tenants:
        if planned.action is not Action.NO_CHANGE or planned.is_drifted:
            row = _row(planned)
            room -= len(row)
            if room > 0:
                rows.append(row)
            else:
                left += 1
    if rows:
        yield from chain(["| tenant | account | what | wave | changes |", "|---|---|---|---|---|"], rows)
        yield ""
    if left:
        yield f"… and {left} more tenants: the log of the job shows them"
        yield ""


def _row(planned: Planned) -> str:
    wave = planned.wave or (1 if planned.steps else "")
    what = "drifted" if planned.action is Action.NO_CHANGE else planned.action.value
    cells = code(planned.tenant), code(planned.account), f"**{what}**", str(wave), "<br>".join(_changes(planned))
    return f"| {' | '.join(cells)} |"


def _changes(planned: Planned) -> Iterator[str]:
    if planned.reason:
        yield code(planned.reason)
    changes = [*planned.every_change]
    for path, change in changes[:_CHANGES]:
        before = "" if change.live is MISSING else f"{value_text(change.live)} → "
        yield code(f"{path} {before}{value_text(change.desired)}")
    if more := len(changes[_CHANGES:]):
        yield f"… and {more} more"
