"""The pages of the schedules, and of the flows that are there."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from deployer.api.watching import Newest, WatchedJournal
from deployer.domain.deployment import Deployment, Instance
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import StepKind
from deployer.domain.pins import REVISION_DIGITS
from deployer.report.schedules import firing_row, schedule_row, time_row
from deployer.web.asked import ROWS
from deployer.web.rendering import Page, region
from deployer.web.rollouts import rollout_address, tenant_address
from deployer.web.site import NothingYetError, Site

_TIMES: Final = 5  # to come, of each schedule
_FIRINGS: Final = 100


async def all_schedules(site: Site, query: Mapping[str, str]) -> Page:  # noqa: ARG001 - as every page
    """Return the page of the schedules: what is in force, what comes next, what came of each time."""
    found, fired = await site.calendar(times=_TIMES, past=_FIRINGS)
    rows = [
        {
            "of": each.kept.rollout,
            **schedule_row(each.kept, each.last, [time_row(each.kept, *one) for one in each.coming]),
        }
        for each in found
    ]
    regions = {
        "schedules": region("in_force", schedules=rows),
        "firings": region("firings", firings=list(map(firing_row, fired)), address=rollout_address),
    }
    return Page("schedules", "Schedules", regions, place="/schedules")


async def all_instances(site: Site, query: Mapping[str, str]) -> Page:
    """Return a page of the flows that are remembered, by template and integration."""
    template, _, integration = query.get("after", "").partition(" ")
    after = InstanceKey(template, integration) if template else None
    try:
        async with site.look() as book:
            found = await book.instances(after=after, limit=ROWS + 1)
            page = found[:ROWS]
            compared = await _newest(book, page, ran=False)
            ran = await _newest(book, page, ran=True)
    except NothingYetError:
        found, page, compared, ran = [], [], {}, {}
    rows = [_row(each, compared, ran) for each in page]
    more = (
        f"/instances?{urlencode({'after': f'{page[-1].template} {page[-1].integration}'})}" if len(found) > ROWS else ""
    )
    regions = {"instances": region("flows", rows=rows, first=after is None, more=more)}
    return Page("instances", "Flows", regions, place="/instances")


async def _newest(book: WatchedJournal, page: Sequence[Instance], *, ran: bool) -> dict[InstanceKey, Newest]:
    """Return the newest deployment of each flow that compared, or `ran`, it."""
    found: dict[InstanceKey, Newest] = {}
    for template in {each.template for each in page}:
        integrations = [each.integration for each in page if each.template == template]
        newest = await book.newest(template, integrations, ran=ran)
        found |= {InstanceKey(template, integration): each for integration, each in newest.items()}
    return found


def _row(one: Instance, compared: Mapping[InstanceKey, Newest], ran: Mapping[InstanceKey, Newest]) -> dict[str, object]:
    key = InstanceKey(one.template, one.integration)
    last, run = compared.get(key), ran.get(key)
    return {
        "instance": one,
        "revision": one.revision[:REVISION_DIGITS],
        "address": tenant_address(last.deployment) if last else "",
        "drifted": [path for path, change in last.deployment.planned.every_change if change.verdict == "drift"]
        if last
        else [],
        "run": _run_of(run.deployment) if run else "",
        "ran_at": run.at if run else None,
        "ran_in": tenant_address(run.deployment) if run else "",
    }


def _run_of(deployment: Deployment) -> str:
    """Return how the run of a flow stands: as its jobs, where they are followed."""
    states = {step.kind: step.state.value for step in deployment.steps}
    run = states.get(StepKind.RUN, "")
    return states.get(StepKind.FOLLOW, run) if run == "done" else run
