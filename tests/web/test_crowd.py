"""A hundred thousand tenants: pages answer at once, and the browser has no more to do than with fifty."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest
from playwright.sync_api import Browser, expect

from deployer.domain.lifecycle import Event
from deployer.journal.home import SqliteHome
from tests.journal.entries import entry
from tests.web.journals import FIRST, crowded
from tests.web.visited import SOON, Dashboard, apart, serving, visiting

TENANTS, DONE, FAILED = 100_000, 60_000, 12
PAGE = f"/rollouts/{FIRST.id}"
QUICK = 0.3  # seconds of CPU, also on a machine that others are busy on


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SqliteHome:
    found = SqliteHome(tmp_path_factory.mktemp("crowd") / "journal.db")
    anyio.run(partial(crowded, found.path, TENANTS, done=DONE, failed=FAILED))
    return found


@pytest.fixture(scope="module")
def dashboard(home: SqliteHome) -> Iterator[Dashboard]:
    """Start a dashboard, and let it count the tenants."""
    with serving(home.folder, "--journal", "journal.db") as started:
        deadline = time.monotonic() + SOON / 500
        while "counting" in started.ask(PAGE, headers=started.enter()).text:
            assert time.monotonic() < deadline, "the tenants were never counted"
        yield started


def cpu_of(dashboard: Dashboard) -> float:
    """Return the seconds of CPU that a dashboard has taken so far."""
    fields = Path(f"/proc/{dashboard.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize(
    ("query", "first", "found"),
    [
        ("", "tenant-000000", "100,000 tenants, page 1 of 2,000"),
        ("?page=1500", "tenant-074950", "page 1,500 of 2,000"),
        ("?outcome=failed", "tenant-060000", "12 tenants, failed"),
        ("?outcome=done&page=1200", "tenant-059950", "60,000 tenants, done, page 1,200 of 1,200"),
        ("?order=tenant&direction=down", "tenant-099999", "100,000 tenants"),
        ("?order=outcome&page=2000", "tenant-060011", "page 2,000 of 2,000"),
        ("?search=0999", "tenant-000999", "120 tenants"),
    ],
)
def test_any_page_of_all_tenants_costs_less_than_a_third_of_a_second(
    dashboard: Dashboard, query: str, first: str, found: str
) -> None:
    dashboard.ask(PAGE + query, headers=dashboard.enter())  # what an order costs once is kept
    before = cpu_of(dashboard)
    answer = dashboard.ask(PAGE + query, headers=dashboard.enter())
    taken = cpu_of(dashboard) - before
    assert found in " ".join(answer.text.split())
    assert first in answer.text.partition("<tbody>")[2].rpartition("<tbody>")[2]
    assert len(answer.text) < 60_000
    assert taken < QUICK


def test_one_tenant_that_moves_among_all_is_seen_at_once_and_costs_the_browser_nothing(
    home: SqliteHome, dashboard: Dashboard, browser: Browser
) -> None:
    async def move() -> None:
        async with home.open() as journal:
            deployment = await journal.deployment(FIRST.id, "tenant-099999")
            assert deployment is not None
            await journal.record(entry(deployment, Event.INTEND))

    with visiting(browser, dashboard) as visit:
        visit.go(PAGE)
        rows = visit.page.locator("table.tenants tbody tr").count()
        elements = visit.page.evaluate("document.querySelectorAll('*').length")
        before = cpu_of(dashboard)
        apart(move)
        expect(visit.page.locator(".chips")).to_contain_text("running 1", timeout=SOON)
        taken = cpu_of(dashboard) - before
        blocked = visit.page.evaluate("""() => {
            const begun = performance.now();
            for (let turn = 0; turn < 5; turn += 1) document.body.getBoundingClientRect();
            return performance.now() - begun;
        }""")
        assert visit.complaints == []
    assert rows == 50
    assert elements < 1000
    assert taken < 2 * QUICK
    assert blocked < 50
