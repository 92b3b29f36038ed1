"""A plan as a document for programs and as text for people."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from urllib.parse import urlsplit

from deployer.domain.command import typed
from deployer.domain.documents import Document
from deployer.domain.merge3 import Change
from deployer.domain.pins import REVISION_DIGITS
from deployer.domain.plan import Action, Plan, Planned, PlannedAccount
from deployer.domain.plan_records import change_view
from deployer.report.hiding import shown
from deployer.report.pace import limit_of, seconds
from deployer.report.plan_lines import PlanLines, every_line
from deployer.report.text import duration, numbered, plain, some, wrapped

_FORMAT = 1
DIGITS = 12  # of a digest, to type
_ACCOUNTS = 5  # named in the header
_WAVES = 10  # named in the header
_ABSENT = 10  # named, of the tenants that left the manifest
_TOTALS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.ADOPT: "to adopt",
    Action.RUN: "to run",
    Action.DELETE: "to delete",
    Action.DETACH: "to detach",
    Action.NO_CHANGE: "unchanged",
    Action.BLOCKED: "blocked",
}


def plan_head(plan: Plan, digest: str) -> Document:
    """Return the plan as `plan --json` shows it, without its tenants; `seconds` is what the rate alone takes."""
    return {
        "format_version": _FORMAT,
        "plan": digest,
        "revision": plan.revision,
        "requests": plan.requests,
        "seconds": round(seconds(plan), 1),
        "blast_radius": plan.blast_radius,
        "waves": [asdict(wave) for wave in plan.waves],
    }


def plan_tenant(planned: Planned) -> Document:
    """Return a tenant as `plan --json` shows it."""
    return {
        "tenant": planned.tenant,
        "account": planned.account,
        "action": planned.action.value,
        "wave": planned.wave or (1 if planned.steps else None),
        "reason": planned.reason,
        "upgrade": list(planned.upgrade) if planned.upgrade else None,
        "last_modified": planned.last_modified or None,
        "changed_by": planned.changed_by or None,
        "changes": [_change(path, change) for path, change in planned.every_change],
    }


def _change(path: str, change: Change) -> Document:
    live, desired, base = (shown(path, value) for value in (change.live, change.desired, change.base))
    return change_view(path, replace(change, live=live, desired=desired, base=base))


def plan_text(  # noqa: PLR0913 - what is shown, and what to type then
    plan: Plan,
    digest: str,
    lines: PlanLines,
    *,
    width: int,
    manifest: str,
    scope: str = "",
    verb: str = "apply",
    every: str = "--all",
) -> str:
    """Return the plan for people; `lines` saw its tenants while they were decided, and `verb` carries it out.

    `every` is what to type to see each tenant.
    """
    target = _target(manifest, scope) if verb == "apply" else ""
    tenants = lines.lines(width=width, every=every)
    return "\n".join(_text(plan, digest, tenants, width=width, target=target, absent=_ABSENT))


def whole_plan_text(plan: Plan, digest: str, *, width: int, manifest: str, scope: str = "") -> Iterator[str]:
    """Yield the lines of the plan for people, with every tenant."""
    tenants = every_line(plan.tenants, width=width)
    yield from _text(plan, digest, tenants, width=width, target=_target(manifest, scope), absent=len(plan.absent))


def _target(manifest: str, scope: str) -> str:
    return f"{typed('apply', plain(manifest))}{plain(scope)}"


def _text(plan: Plan, digest: str, tenants: Iterable[str], *, width: int, target: str, absent: int) -> Iterator[str]:
    yield from _header(plan, width)
    yield ""
    yield from tenants
    yield from _absent(plan, width=width, most=absent)
    yield ""
    yield from wrapped("", plan_totals(plan), width=width, hang=2, gap=" · ")
    if plan.work and target:
        yield f"Apply it:  {target} --plan {digest[:DIGITS]}"


def _header(plan: Plan, width: int) -> list[str]:
    templates = dict.fromkeys(_template(account) for account in plan.accounts.values())
    accounts = [_account(plan, account) for account in plan.accounts.values()]
    more = len(accounts) - _ACCOUNTS
    pieces = [*templates, *accounts[:_ACCOUNTS], *([f"… and {more} more accounts"] if more > 0 else [])]
    lines = wrapped(f"Rollout {plain(plan.name)}    ", pieces, width=width, hang=2)
    if len({account.revision for account in plan.accounts.values()}) > 1:
        lines += wrapped("  ! ", ["the template is not the same in all accounts"], width=width, hang=4)
    if plan.waves:
        lines += wrapped("  waves ", _waves(plan), width=width, hang=8, gap=" · ")
    return lines


def _waves(plan: Plan) -> Iterator[str]:
    """Yield the waves with the numbers that their amounts come to; of many alike, the first are named."""
    for wave in plan.waves[:_WAVES]:
        bounds = [f"{wave.tolerance:,} tolerated"] if wave.tolerance else []
        bounds += [f"{wave.concurrency:,} at once"] if wave.concurrency < wave.size else []
        bounds += [f"bake {duration(wave.bake[0])}"] if wave.bake[0] else []
        bounds += ["checked"] if wave.checks else []
        bounds += ["then approval"] if wave.approve else []
        yield f"{plain(wave.name)}: {wave.size:,}" + (f" ({', '.join(bounds)})" if bounds else "")
    if (more := len(plan.waves) - _WAVES) > 0:
        yield f"… and {more} more"
    yield f"of {numbered(plan.work, 'tenant')} with work{', strict' if plan.strict else ''}"


def _template(account: PlannedAccount) -> str:
    return f'template "{plain(account.template_name)}" @rev:{account.revision[:REVISION_DIGITS]}'


def _account(plan: Plan, account: PlannedAccount) -> str:
    limit = limit_of(plan.settings, account.account)
    whole = f" of {limit.per_second:g}" if limit.share < 1 else ""
    host = urlsplit(account.base_url).netloc
    return f"account {plain(account.account)} ({plain(host)}, {limit.per_second * limit.share:g} req/s{whole})"


def _absent(plan: Plan, *, width: int, most: int) -> list[str]:
    if not plan.absent:
        return []
    names = some(plan.absent, most)
    start, hint = f"  - {len(plan.absent):,} not in manifest, left alone: ", "(see deployer delete --absent)"
    return wrapped(start, [*names.split(" "), *hint.split(" ")], width=width, hang=6, gap=" ")


def plan_totals(plan: Plan) -> Iterator[str]:
    """Yield what is to be done and how often, what it takes, and what can go wrong."""
    counts = plan.totals.actions
    parts = [f"{counts[action]:,} {words}" for action, words in _TOTALS.items() if counts[action]]
    outside = plan.totals.drifted
    yield ", ".join([*parts, *([f"{outside:,} drifted among them"] if outside else [])]) or "no tenants"
    if not plan.work:
        yield "nothing to do"
        return
    bakes = sum(wave.bake[0] for wave in plan.waves[:-1])  # nobody waits for the last one
    besides = f" besides {duration(bakes)} in which waves bake" if bakes else ""
    yield f"{plan.requests:,} requests, {_about(seconds(plan))}{besides}"
    radius = plan.blast_radius
    if plan.waves or radius == 1:
        yield f"at most {numbered(radius, 'tenant')} can fail before it stops"
    else:
        yield f"without waves nothing stops before all {radius:,} tenants"


def _about(span: float) -> str:
    """Return a time as an estimate may be read: seconds, minutes or hours, rounded up."""
    for size, word in ((3600, "h"), (60, "min")):
        if span >= 2 * size:
            return f"about {-(-span // size):.0f} {word}"
    return f"about {max(1, -(-span // 1)):.0f} s"
