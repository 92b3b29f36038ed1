"""The pages of all rollouts, and of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from deployer.api.board import Board, Order, needs_roster
from deployer.api.watching import WatchedJournal
from deployer.domain.deployment import OPEN, Deployment, Status
from deployer.domain.gate import GateState
from deployer.domain.plan import Plan
from deployer.report.causes import Cause
from deployer.report.schedules import schedule_row, time_row
from deployer.report.summary import next_commands, tenant_view
from deployer.report.text import words
from deployer.web.asked import ROWS, Asked, asked, page_of
from deployer.web.chart import chart
from deployer.web.rendering import Page, region, told
from deployer.web.site import NothingYetError, Rollout, Site, Standing, outcome_of

_PAST: Final = 20  # of a page
_UNFINISHED: Final = frozenset({"running", "halted", "waiting", "paused"})
_CAUSES: Final = 20
_COLUMNS: Final[Mapping[Order, str]] = {
    "tenant": "Tenant",
    "outcome": "Outcome",
    "action": "Action",
    "account": "Account",
    "wave": "Wave",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A rollout as lists show it; without a board its tenants are still being counted."""

    rollout: Rollout
    head: Mapping[str, Any]
    outcome: str
    board: Board | None

    @property
    def address(self) -> str:
        """Return where its page is."""
        return rollout_address(self.rollout.id)


async def all_rollouts(site: Site, query: Mapping[str, str]) -> Page:
    """Return the first page: what runs, what was, what comes next, and what there is."""
    number = page_of(query)
    try:
        async with site.look() as book:
            found = await book.rollouts(limit=_PAST * number + 1)
            at_work = await site.watch.at_work(book)
            page = found[_PAST * (number - 1) : _PAST * number]
            shown = [_shown(*await site.watch.standing(book, each), at_work=at_work) for each in page]
            revisions = await _revisions(site, book, found)
    except NothingYetError:
        found, shown, revisions = [], [], []
    outlooks, _ = await site.calendar(times=1, past=0)
    schedules = [
        schedule_row(each.kept, each.last, [time_row(each.kept, *one) for one in each.coming]) for each in outlooks
    ]
    current = [each for each in shown if each.rollout.outcome in _UNFINISHED]
    past = [each for each in shown if each.rollout.outcome not in _UNFINISHED]
    pages = {"newer": number - 1, "older": number + 1 if len(found) > _PAST * number else 0}
    regions = {
        "current": region("current", rollouts=current, empty=not found),
        "past": region("past", rollouts=past, pages=pages),
        "coming": region("coming", schedules=schedules),
        "revisions": region("revisions", revisions=revisions),
    }
    headline = "; ".join(f"{each.rollout.name} {each.outcome}" for each in current)
    return Page("rollouts", "Rollouts", regions, headline, place="/")


async def _revisions(site: Site, book: WatchedJournal, found: Sequence[Rollout]) -> list[dict[str, object]]:
    """Return, of the newest rollout of each name, how many flows are on which revision, and how many had drifted."""
    newest = {each.name: each for each in reversed(found) if each.kind != "run"}
    rows: list[dict[str, object]] = []
    for rollout in newest.values():
        plan = await site.watch.plan(book, rollout.id)
        templates = tuple(sorted({account.template for account in plan.accounts.values()}))
        on = await site.watch.revisions(book, templates)
        totals, current = plan.totals, {account.revision for account in plan.accounts.values()}
        rows.append({"rollout": rollout, "on": on, "current": current, "totals": totals, "seen": plan.observed_at})
    return rows


async def one_rollout(site: Site, rollout: str, query: Mapping[str, str]) -> Page:
    """Return the page of a rollout."""
    wanted = asked(query)
    async with site.look() as book:
        found = await site.find(book, rollout)
        now, board = await site.watch.standing(book, found)
        shown = _shown(now, board, at_work=await site.watch.at_work(book))
        newest = await site.is_newest(book, found)
        plan = await site.watch.plan(book, rollout)
        commands = _commands(site, shown) if newest else []
        regions = {
            "summary": region("summary", shown=shown, commands=commands, plan=plan, newest=newest),
            "actions": region(
                "actions",
                acts=[act for act in site.acts if act.rollout == rollout],
                **_may(site, shown, now, newest=newest),
            ),
            "waves": region("waves", waves=now.waves, head=now.head, counted=board is not None),
            "requests": region("requests", **await _requests(site, book, shown)),
            "causes": region("causes", **await _causes(site, book, found, board)),
            "tenants": region("tenants", **await _tenants(site, book, found, board, wanted)),
        }
    search = {
        "text": wanted.text,
        "outcome": wanted.outcome or "",
        "order": wanted.order,
        "direction": wanted.direction,
    }
    return Page("rollout", found.id, regions, _headline(shown, now), search=search)


def _commands(site: Site, shown: Shown) -> list[tuple[str, str]]:
    """Return what to type next: nothing while somebody is at work, or before anybody has counted."""
    if shown.board is None or shown.outcome == "running":
        return []
    return next_commands(shown.head, site.manifest_of(shown.rollout))


def _may(site: Site, shown: Shown, now: Standing, *, newest: bool) -> dict[str, object]:
    """Return what can be said to a rollout now."""
    unfinished = site.may_act and newest and shown.rollout.outcome in _UNFINISHED
    waiting = [each.wave.name for each in now.waves if each.gate and each.gate.state is not GateState.RELEASED]
    asks = shown.rollout.outcome in {"waiting", "paused"} and bool(waiting)
    return {
        "rollout": shown.rollout,
        "check": site.check,
        "pause": unfinished and shown.rollout.outcome in {"running", "waiting", "halted"},
        "resume": unfinished and shown.rollout.outcome == "paused",
        "abort": unfinished,
        "approve": waiting[0] if unfinished and asks else "",
    }


async def _requests(site: Site, book: WatchedJournal, shown: Shown) -> dict[str, object]:
    """Return how fast a rollout goes, against its limit."""
    traffic, board = await site.watch.traffic(book, shown.rollout.id, shown.board), shown.board
    going = shown.outcome == "running" and board is not None
    left = traffic.left(sum(board.counts[status] for status in OPEN)) if board is not None and going else None
    return {
        "traffic": traffic,
        "now": traffic.now(site.clock.utc()) if going else None,
        "left": left,
        "chart": chart(traffic.spans),
    }


async def _causes(site: Site, book: WatchedJournal, rollout: Rollout, board: Board | None) -> dict[str, object]:
    causes: Sequence[Cause] = ()
    unseen = more = 0
    if board is not None:
        found, unseen = await site.watch.causes(book, rollout.id, board)
        ordered = found.ordered()
        causes, more = ordered[:_CAUSES], len(ordered[_CAUSES:])
    return {"causes": causes, "more": more, "unseen": unseen}


async def _tenants(
    site: Site, book: WatchedJournal, rollout: Rollout, board: Board | None, wanted: Asked
) -> dict[str, object]:
    """Return a page of a rollout's tenants, with the addresses of all others."""
    rows: list[dict[str, Any]] = []
    total, last = 0, 1
    if board is not None:
        if needs_roster(wanted.wanted):
            await site.watch.enrol(book, rollout.id, board)
        places = board.find(wanted.wanted)
        total, last = len(places), max(1, -(-len(places) // ROWS))
        wanted = wanted.at(min(wanted.page, last))
        page = places[ROWS * (wanted.page - 1) : ROWS * wanted.page]
        plan = await site.watch.plan(book, rollout.id)
        for deployment in await book.deployments_at(rollout.id, page):
            row = tenant_view(deployment)
            rows.append({**row, "wave": wave_name(plan, deployment), "address": tenant_address(deployment)})
    here = rollout_address(rollout.id)
    return {
        "rows": rows,
        "board": board,
        "asked": wanted,
        "total": total,
        "last": last,
        "begin": ROWS * (wanted.page - 1),
        "outcomes": told(board.counts) if board else [],
        "columns": _COLUMNS,
        "address": lambda one: f"{here}{one.query}#tenants",
    }


def _shown(now: Standing, board: Board | None, *, at_work: bool) -> Shown:
    return Shown(now.rollout, now.head, outcome_of(now, at_work=at_work) if board else now.rollout.outcome, board)


def _headline(shown: Shown, now: Standing) -> str:
    """Return what is said aloud: what is worth it, and not each tenant that is done."""
    waves = [
        f"{each.wave.name} {each.view['state']}"
        for each in now.waves
        if each.view["state"] not in {"pending", "released"}
    ]
    troubled = [f"{count} {status}" for status, count in told(now.counts) if status in {Status.FAILED, Status.UNKNOWN}]
    return ", ".join([f"{shown.rollout.name} {words(shown.outcome)}", *waves, *troubled])


def wave_name(plan: Plan, deployment: Deployment) -> str:
    """Return the name of the wave that a tenant is in; nothing where there is none."""
    number = deployment.planned.wave
    return plan.waves[number - 1].name if number and plan.waves else ""


def rollout_address(rollout: str) -> str:
    """Return where the page of a rollout is."""
    return f"/rollouts/{quote(rollout, safe='')}"


def tenant_address(deployment: Deployment) -> str:
    """Return where the page of a tenant is: by its row in the plan, for no address holds every name there may be."""
    return f"{rollout_address(deployment.rollout)}/tenants/{deployment.place + 1}"
