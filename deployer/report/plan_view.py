"""A plan as a document for programs and as text for people."""

import shlex
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from deployer.domain.documents import Document
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount, requests
from deployer.domain.records import change_view
from deployer.report.pace import limit_of, seconds
from deployer.report.plan_lines import drifted, tenant_lines
from deployer.report.text import plain, some, wrapped

_FORMAT = 1
_DIGITS = 12  # of a digest, to type
_REVISION_DIGITS = 6
_ACCOUNTS = 5  # named in the header
_ABSENT = 10  # named, of the tenants that left the manifest
_TOTALS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.ADOPT: "to adopt",
    Action.RUN: "to run",
    Action.NO_CHANGE: "unchanged",
    Action.BLOCKED: "blocked",
}


def plan_document(plan: Plan, digest: str) -> Document:
    """Return the plan as `plan --json` shows it; `seconds` is what the rate alone takes."""
    return {
        "format_version": _FORMAT,
        "plan": digest,
        "revision": plan.revision,
        "requests": requests(plan.tenants),
        "seconds": round(seconds(plan), 1),
        "blast_radius": len(plan.work),  # without waves nothing stops before all
        "tenants": [_tenant(planned) for planned in plan.tenants],
    }


def _tenant(planned: Planned) -> dict[str, Any]:
    return {
        "tenant": planned.tenant,
        "account": planned.account,
        "action": planned.action.value,
        "wave": 1 if planned.steps else None,
        "reason": planned.reason,
        "changes": [change_view(change) for change in planned.changes],
    }


def plan_text(plan: Plan, digest: str, *, width: int, show_all: bool, manifest: str) -> str:
    """Return the plan for people; unchanged tenants, and more of a kind than can be read, only with `show_all`."""
    lines = [
        *_header(plan, width),
        "",
        *tenant_lines(plan.tenants, width=width, show_all=show_all),
        *_absent(plan, width=width, show_all=show_all),
        "",
        *wrapped("", _totals(plan), width=width, hang=2, gap=" · "),
    ]
    if plan.work:
        lines.append(f"Apply it:  deployer apply {shlex.quote(plain(manifest))} --plan {digest[:_DIGITS]}")
    return "\n".join(lines)


def _header(plan: Plan, width: int) -> list[str]:
    templates = dict.fromkeys(_template(account) for account in plan.accounts.values())
    accounts = [_account(plan, account) for account in plan.accounts.values()]
    more = len(accounts) - _ACCOUNTS
    pieces = [*templates, *accounts[:_ACCOUNTS], *([f"… and {more} more accounts"] if more > 0 else [])]
    lines = wrapped(f"Rollout {plain(plan.name)}    ", pieces, width=width, hang=2)
    if len({account.revision for account in plan.accounts.values()}) > 1:
        lines += wrapped("  ! ", ["the template is not the same in all accounts"], width=width, hang=4)
    return lines


def _template(account: PlannedAccount) -> str:
    return f'template "{plain(account.template_name)}" @rev:{account.revision[:_REVISION_DIGITS]}'


def _account(plan: Plan, account: PlannedAccount) -> str:
    limit = limit_of(plan.settings, account.account)
    whole = f" of {limit.per_second:g}" if limit.share < 1 else ""
    host = urlsplit(account.base_url).netloc
    return f"account {plain(account.account)} ({plain(host)}, {limit.per_second * limit.share:g} req/s{whole})"


def _absent(plan: Plan, *, width: int, show_all: bool) -> list[str]:
    if not plan.absent:
        return []
    names = some(plan.absent, len(plan.absent) if show_all else _ABSENT)
    start = f"  - {len(plan.absent)} not in manifest, left alone: "
    return wrapped(start, names.split(" "), width=width, hang=6, gap=" ")


def _totals(plan: Plan) -> Iterator[str]:
    counts = plan.actions()
    parts = [f"{counts[action]} {words}" for action, words in _TOTALS.items() if counts[action]]
    outside = sum(map(drifted, plan.tenants))
    yield ", ".join([*parts, *([f"{outside} drifted among them"] if outside else [])]) or "no tenants"
    if not plan.work:
        yield "nothing to do"
        return
    yield f"{requests(plan.tenants)} requests, {_about(seconds(plan))}"
    tenants = len(plan.work)
    yield "at most 1 tenant can fail" if tenants == 1 else f"without waves nothing stops before all {tenants} tenants"


def _about(span: float) -> str:
    """Return a time as an estimate may be read: seconds, minutes or hours, rounded up."""
    for size, word in ((3600, "h"), (60, "min")):
        if span >= 2 * size:
            return f"about {-(-span // size):.0f} {word}"
    return f"about {max(1, -(-span // 1)):.0f} s"
