"""The pages as people, screen readers and hostile names meet them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser

from deployer.domain.documents import MISSING
from deployer.domain.firing import State
from deployer.domain.merge3 import Memory
from deployer.domain.plan import Action
from deployer.domain.schedule import Kept, Pause, Schedule
from deployer.domain.waves import Wave
from deployer.domain.wording import is_broken
from deployer.journal.home import SqliteHome
from deployer.journal.sqlite import SqliteJournal
from tests.factories import crowd, instance, path, plan, planned, rollout
from tests.report.hostile import HOSTILE, NAMES, is_inert
from tests.report.stage import change
from tests.web.journals import FIRST, written
from tests.web.visited import Dashboard, apart, serving, visiting

NIGHTLY = Schedule.model_validate({"do": "apply", "cron": "0 2 * * *", "timezone": "Europe/Berlin"})
SINCE, NIGHT = "2026-03-01T10:00:00.000Z", datetime(2026, 3, 2, 1, 0, 30, tzinfo=UTC)
ROLLOUT = f"/rollouts/{FIRST.id}"
PAGES = ("/", ROLLOUT, f"{ROLLOUT}/tenants/2", "/schedules", "/instances")
STORABLE = list(dict.fromkeys(name for name in NAMES.values() if not is_broken(name)))


async def furnished(folder: Path, *names: str) -> None:
    """Write a journal that has something for every page to show, the first of the names wherever it can be."""
    home, [name, *others] = SqliteHome(folder / "journal.db"), names
    changes = (change(f"settings.{name}", name, name),)
    tenants = [replace(each, wave=1, changes=changes) for each in crowd(3)]
    blocked = [
        planned(each, integration=f"integr{number:03}", action=Action.BLOCKED, steps=(), reason=each)
        for number, each in enumerate((name, *others))
    ]
    made = replace(plan(*tenants, *blocked), waves=(Wave(name, 3, 3, 0, approve=True, bake=(60.0, 60.0)),))
    ended = replace(rollout("another", reason=name), who=name, outcome="aborted", ended_at="2026-03-01T11:00:00+00:00")
    async with SqliteJournal(home.path) as journal:
        await journal.begin(ended, plan(*crowd(2), name="another"))
        fields = {path(f"settings.{name}"): Memory(f"sent {name}", f"back {name}", MISSING)}
        await journal.remember([instance(name, integration=each.integration, fields=fields) for each in tenants])
    await written(home.path, made, begun=replace(FIRST, who=name, reason=name), failing=["tenant-1"])
    async with home.calendar() as calendar:
        kept = Kept("order-sync", "nightly", NIGHTLY, name, SINCE, stated=True)
        await calendar.keep(kept)
        await calendar.keep(replace(kept, name="resting", pause=Pause(name, SINCE)))
        for due in await calendar.look(None, NIGHT, name):
            counts = {"done": 2, "failed": 1}
            fired = replace(due, reason=name, rollout=FIRST.id, code=3, began_at=due.due, ended_at=SINCE, counts=counts)
            await calendar.move(due, replace(fired, state=State.ENDED))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Start a dashboard in which every page has something to show."""
    folder = tmp_path_factory.mktemp("plain")
    apart(furnished, folder, "Acme & Sons")
    with serving(folder, "--journal", "journal.db", "--allow-actions") as started:
        yield started


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Start a dashboard of somebody who chose the worst names there are."""
    folder = tmp_path_factory.mktemp("hostile")
    apart(furnished, folder, HOSTILE, *(name for name in STORABLE if name != HOSTILE))
    with serving(folder, "--journal", "journal.db", "--allow-actions") as started:
        yield started


class Elements(HTMLParser):
    """What a page is made of: its elements with their attributes, its texts, its links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.texts += [value or "" for _, value in attrs]
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("path", [*PAGES, f"{ROLLOUT}?page=2", "/nowhere"])
def test_a_hostile_name_is_only_ever_text(hostile: Dashboard, plain: Dashboard, path: str) -> None:
    """What a page is made of is what it is made of where all names are harmless."""
    page, model = (Elements(each.ask(path, headers=each.enter()).text) for each in (hostile, plain))
    assert page.elements <= model.elements | {"br"}
    assert page.attributes <= model.attributes | {"rel"}
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links)
    assert all(map(is_inert, page.texts))


def test_every_tenant_has_a_page_whatever_its_name(hostile: Dashboard) -> None:
    first, second = (hostile.ask(f"{ROLLOUT}?page={page}", headers=hostile.enter()).text for page in (1, 2))
    links = [link for page in (first, second) for link in Elements(page).links if "/tenants/" in link]
    assert len(links) == 3 + len(STORABLE)
    for link in links:
        shown = hostile.ask(unescape(link), headers=hostile.enter())
        assert shown.status == 200, link
        assert is_inert("".join(Elements(shown.text).texts))


@pytest.mark.parametrize(
    "search", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "%00%1b[2J", "%ed%a0%80"]
)
def test_what_is_searched_for_is_only_ever_text(hostile: Dashboard, search: str) -> None:
    answer = hostile.ask(f"{ROLLOUT}?search={search}".replace(" ", "+"), headers=hostile.enter())
    page = Elements(answer.text)
    assert answer.status == 200
    assert "img" not in page.elements
    assert all(map(is_inert, page.texts))


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=99999999999", "page=x", "order=x", "outcome=x", "direction=x", "page=%C2%B2"],
)
def test_an_address_that_asks_for_what_is_not_there_shows_what_is(plain: Dashboard, query: str) -> None:
    answer = plain.ask(f"{ROLLOUT}?{query}", headers=plain.enter())
    assert answer.status == 200
    assert "tenant-1" in answer.text


def test_a_browser_runs_nothing_that_a_name_says_and_has_nothing_to_complain_about(
    hostile: Dashboard, browser: Browser
) -> None:
    with visiting(browser, hostile) as visit:
        for path in (*PAGES, f"{ROLLOUT}?page=2"):
            visit.go(path)
            assert is_inert(visit.text("body").replace("\t", " "))  # a browser's own, between cells
            assert visit.page.evaluate("[document.scripts.length, document.images.length]") == [1, 0]
            assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_a_screen_reader(plain: Dashboard, browser: Browser, scheme: str) -> None:
    with visiting(browser, plain, color_scheme=scheme) as visit:
        for path in PAGES:
            visit.go(path)
            found = Axe().run(visit.page).response["violations"]
            serious = [(path, each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] != "minor"]
            assert serious == []


@pytest.mark.parametrize("width", [400, 1280])
def test_pages_fit_the_window(plain: Dashboard, browser: Browser, width: int) -> None:
    with visiting(browser, plain, viewport={"width": width, "height": 800}) as visit:
        for path in PAGES:
            visit.go(path)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, path


BROKEN = """() => [...document.querySelectorAll("td, tbody th")].filter((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const text = cell.innerText.trim();
    return /^[a-z0-9@]{3,24}$/i.test(text) && new Set([...range.getClientRects()].map((each) => each.top)).size > 1;
}).map((cell) => cell.innerText)"""


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_a_word_in_a_cell_is_not_broken_for_a_long_name_beside_it(browser: Browser, tmp_path: Path, width: int) -> None:
    apart(furnished, tmp_path, "everybody", "x" * 500)
    with (
        serving(tmp_path, "--journal", "journal.db") as dashboard,
        visiting(browser, dashboard, viewport={"width": width, "height": 800}) as visit,
    ):
        for path in PAGES:
            visit.go(path)
            assert visit.page.evaluate(BROKEN) == [], path


def test_a_heap_of_accents_stays_in_its_row(hostile: Dashboard, browser: Browser) -> None:
    with visiting(browser, hostile) as visit:
        visit.go(ROLLOUT)
        names = visit.page.locator("table.tenants tbody th")
        assert set(names.evaluate_all("all => all.map(each => getComputedStyle(each).overflow)")) == {"clip"}


def test_on_paper_the_ground_is_white_and_nothing_waits_to_be_pressed(plain: Dashboard, browser: Browser) -> None:
    with visiting(browser, plain, color_scheme="dark") as visit:
        for path in PAGES:
            visit.go(path)
            visit.page.emulate_media(media="print")
            assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert not any(
                each.is_visible() for each in visit.page.locator("nav[aria-label*=Pages], button, input").all()
            )
            visit.page.emulate_media(media="screen")


def test_without_a_script_the_pages_show_how_it_stood_when_they_were_loaded(plain: Dashboard, browser: Browser) -> None:
    with visiting(browser, plain, java_script_enabled=False) as visit:
        assert "as of the last load" in visit.text("header")
        visit.page.click("article h3 a")
        assert "no zone tenant-1" in visit.text()
        visit.page.fill("#search", "TENANT-2")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**search=TENANT-2**")
        assert visit.page.locator("table.tenants tbody th").all_inner_texts() == ["tenant-2"]


def test_everything_is_reached_with_the_keyboard_alone(plain: Dashboard, browser: Browser) -> None:
    with visiting(browser, plain) as visit:
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "main"
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url(f"**{ROLLOUT}")
        summary = visit.page.get_by_text("Abort…")
        summary.focus()
        visit.page.keyboard.press("Space")
        assert visit.page.get_by_label("where it stands").is_visible()


SHOWN = {
    PAGES[0]: "unfinished|1 failed|2 pending|aborted|nightly|2026-03-02 01:00:00Z|rev:|of 0 had drifted",
    PAGES[1]: "asks for approval|bakes 1m00s|no zone tenant-1|→ mend it|deployer resume MANIFEST|Pause",
    PAGES[2]: "no zone tenant-1|refuse|settings.Acme|Integration"
    "|deployer explain tenant-1 -m MANIFEST|deployer resolve tenant-1 MANIFEST --took ID"
    '|Before us|"Acme & Sons"|"sent Acme & Sons"|"back Acme & Sons"|(none)|update',
    PAGES[3]: f"0 2 * * *|Europe/Berlin|paused|failed|2 done, 1 failed|{FIRST.id}|Acme & Sons",
    PAGES[4]: "Acme & Sons|never from here|none seen",
}


@pytest.mark.parametrize("path", PAGES)
def test_each_page_shows_what_it_is_for(plain: Dashboard, path: str) -> None:
    page = " ".join("".join(Elements(plain.ask(path, headers=plain.enter()).text).texts).split())
    assert [text for text in SHOWN[path].split("|") if text not in page] == []
