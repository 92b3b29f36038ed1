"""The page of a rollout in a real browser: what it shows, that it is inert, and that it can be used without a mouse."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, Page, expect

from deployer.report.page import write_page
from deployer.report.text import plain
from tests.browser import started
from tests.report.hostile import NAMES
from tests.report.rollouts import Course, read

COURSES = {
    "three": Course(3, failing=0, outcome="succeeded", accounts=1),
    "many": Course(400, waves=[1, 5, "20%"]),
    "halted": Course(
        400, waves=[1, 5, "20%"], failing=30, upto=0.4, outcome="halted", reason="wave 3: 11 failed, 8 tolerated"
    ),
    "running": Course(400, waves=[1, 5, "20%"], upto=0.6, outcome="running"),
    "planned": Course(3, upto=0.0, outcome="running"),
    "hostile": Course(len(NAMES) + 5, failing=100, names=[*NAMES.values()], reason=NAMES["all"]),
}
SIZES = {"desk": 1280, "pocket": 400}
MOST_SECONDS, MOST_BYTES = 2.0, 30e6  # of CPU to open a page of a hundred thousand tenants, and its size


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as ready:
        yield ready


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def write(file: Path, course: Course) -> Path:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        write_page(stream, *read(course))
    return file


@contextmanager
def opened(browser: Browser, file: Path, **options: Any) -> Iterator[Page]:  # noqa: ANN401 - Playwright's own
    """Open a page; fail for whatever it asks for, complains of, or asks a person."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    page, complaints = context.new_page(), list[str]()
    page.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(file.as_uri())
    try:
        yield page
    finally:
        context.close()
    assert complaints == []


BROKEN = """() => [...document.querySelectorAll(".wide td")].filter((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const text = cell.innerText.trim();
    return /^[a-z.]{3,24}$/i.test(text) && new Set([...range.getClientRects()].map((each) => each.top)).size > 1;
}).map((cell) => cell.innerText)"""


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_a_word_in_a_cell_is_not_broken_for_a_long_name_beside_it(browser: Browser, file: Path, width: int) -> None:
    head, tenants = read(COURSES["halted"])
    names = ["everybody", "x" * 90, *map(str, range(len(head["waves"])))]
    changes = [{"class": "update", "field": "settings.batchSize", "tenants": 400}]
    waves = [{**wave, "name": name} for wave, name in zip(head["waves"], names, strict=False)]
    with file.open("w", encoding="utf-8") as stream:
        write_page(stream, {**head, "waves": waves, "changes": changes}, tenants)
    with opened(browser, file, viewport={"width": width, "height": 800}) as page:
        assert page.evaluate(BROKEN) == []


@pytest.mark.parametrize(
    ("spans", "said"), [([[0.0, 2.0], [50.0, 51.0]], "3.0s</dd><dd>2 spans"), ([], "0.0s</dd><dd>0 spans")]
)
def test_the_time_at_work_is_that_of_the_spans_beside_it(spans: list[list[float]], said: str) -> None:
    head, tenants = read(COURSES["three"])
    stream = StringIO()
    write_page(stream, {**head, "spans": spans}, tenants)
    assert f"<dt>At work</dt><dd>{said} of time</dd>" in stream.getvalue()


def test_on_paper_the_ground_is_white(browser: Browser, file: Path) -> None:
    with opened(browser, write(file, COURSES["three"]), color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def rows(page: Page) -> list[str]:
    """Return the names in the rows that are there."""
    return page.locator("#grid td.c-tenant").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", COURSES)
def test_a_page_needs_nothing_and_lacks_nothing_for_those_who_do_not_see_it(
    browser: Browser, file: Path, tmp_path: Path, name: str, scheme: Literal["light", "dark"]
) -> None:
    write(file, COURSES[name])
    for size, width in SIZES.items() if scheme == "light" else [("desk", SIZES["desk"])]:
        with opened(browser, file, color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
            expect(page.locator("#found")).to_contain_text(f"of {COURSES[name].tenants} tenants")
            found = Axe().run(page).response["violations"] if size == "desk" else []
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
            assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing has to be scrolled aside
            page.screenshot(path=tmp_path / f"{name}-{scheme}-{size}.png", full_page=True)


def test_hostile_names_are_shown_as_text(browser: Browser, file: Path) -> None:
    course = COURSES["hostile"]
    write(file, course)
    with opened(browser, file) as page:
        page.locator("#grid").evaluate("grid => { grid.style.maxHeight = 'none'; dispatchEvent(new Event('resize')); }")
        names = page.locator("tbody td.c-tenant .foreign").evaluate_all("cells => cells.map(cell => cell.textContent)")
        assert names[: len(NAMES)] == [plain(name) for name in NAMES.values()]
        assert page.locator(".reason .foreign").text_content() == plain(NAMES["all"])
        assert page.locator("img, iframe, object, embed, a, base, link").count() == 0
        assert page.locator("script").count() == 2  # its own, and the meaning of the numbers


def test_the_policy_lets_nothing_run_and_nothing_be_asked_for(browser: Browser, file: Path) -> None:
    write(file, COURSES["three"])
    context = browser.new_context()
    page, refused = context.new_page(), list[str]()
    page.on("console", lambda message: refused.append(message.text))
    page.goto(file.as_uri())
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.setblocking(False)
    page.evaluate(
        """async (address) => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src=" + address + " onerror='window.ran = true'>");
            document.body.insertAdjacentHTML("beforeend", "<p style='color: red' onclick='window.ran = true'>x</p>");
            document.body.lastChild.click();
            await fetch(address).catch(() => null);
        }""",
        f"http://127.0.0.1:{elsewhere.getsockname()[1]}/",
    )
    assert page.evaluate("window.ran") is None
    with elsewhere, pytest.raises(BlockingIOError):
        elsewhere.accept()
    assert len(refused) >= 5
    context.close()


def test_tenants_are_found_and_sorted_by_keyboard(browser: Browser, file: Path) -> None:
    write(file, COURSES["many"])
    with opened(browser, file) as page:
        page.locator("#find").focus()
        page.keyboard.type("TENANT-39")
        expect(page.locator("#found")).to_have_text("11 of 400 tenants")  # 39 and 390 to 399
        page.keyboard.press("Tab")
        page.keyboard.type("done")
        expect(page.locator("#found")).to_contain_text(" of 400 tenants")
        page.locator("th.c-tenant button").press("Enter")
        page.locator("th.c-tenant button").press("Enter")
        assert page.locator("th.c-tenant").get_attribute("aria-sort") == "descending"
        names = rows(page)
        assert names == sorted(names, key=lambda name: -int(name.removeprefix("tenant-")))
        assert {*page.locator("#grid tbody .outcome").all_inner_texts()} == {"✓ done"}


@pytest.mark.parametrize(
    ("column", "key"),
    [
        ("account", lambda row: (row["account"],)),
        ("wave", lambda row: (row["wave"] or 0,)),
        ("took", lambda row: (-1 if row["seconds"] is None else round(row["seconds"], 2),)),
    ],
)
def test_a_column_sorts_and_what_is_alike_stays_in_order(browser: Browser, file: Path, column: str, key: Any) -> None:  # noqa: ANN401 - a function
    _, tenants = read(COURSES["many"])
    write(file, COURSES["many"])
    with opened(browser, file) as page:
        page.locator(f"th.c-{column} button").press("Enter")
        found = rows(page)
    assert found == [row["tenant"] for row in sorted(tenants, key=key)][: len(found)]


def test_a_tenant_is_opened_and_left_by_keyboard(browser: Browser, file: Path) -> None:
    write(file, COURSES["many"])
    with opened(browser, file) as page:
        grid, dialog = page.locator("#grid"), page.locator("#details")
        grid.focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
        assert page.locator("tr.current td.c-tenant").inner_text() == "tenant-1"
        assert grid.get_attribute("aria-activedescendant") == page.locator("tr.current").get_attribute("id")
        page.keyboard.press("Enter")
        expect(dialog).to_be_visible()
        assert "waits for its turn: the rate, and others first" in dialog.inner_text()
        assert "clone" in dialog.inner_text()
        assert [each["id"] for each in Axe().run(page).response["violations"]] == []
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(grid).to_be_focused()
        page.keyboard.press("End")
        assert page.locator("tr.current td.c-tenant").inner_text() == "tenant-399"


def test_without_scripts_the_summary_is_there_and_says_where_the_tenants_are(browser: Browser, file: Path) -> None:
    write(file, COURSES["halted"])
    with opened(browser, file, java_script_enabled=False) as page:
        text = page.locator("main").inner_text()
        assert "wave 3: 11 failed, 8 tolerated" in text
        assert page.locator(".chart .rate").count() > 3
        assert "deployer report -o csv" in text
        expect(page.locator("#grid")).to_be_hidden()


def test_on_paper_stands_what_can_be_read_there(browser: Browser, file: Path, tmp_path: Path) -> None:
    write(file, COURSES["many"])
    with opened(browser, file, color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="light")
        expect(page.locator("#tools")).to_be_hidden()
        expect(page.get_by_role("heading", name="Failures by cause")).to_be_visible()
        page.screenshot(path=tmp_path / "paper.png", full_page=True)
        paper = page.pdf()
        assert paper.startswith(b"%PDF")
        assert paper.count(b"/Type /Page\n") > 5  # all 400 tenants, and not those alone that the screen had room for


def seconds(browser: Browser, file: Path) -> float:
    """Return how long the tasks of a browser take until a page can be used."""
    with opened(browser, file) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        expect(page.locator("#found")).to_have_text("100,000 of 100,000 tenants")
        spent = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        return float(spent["TaskDuration"])


def test_a_hundred_thousand_tenants_open_at_once(browser: Browser, file: Path) -> None:
    head, few = read(Course(2000, waves=[1, 5, "20%"], per_second=600.0))
    copies = 50
    counts = {name: copies * count for name, count in head["counts"].items()}
    many = ({**row, "tenant": f"{row['tenant']} of {copy}"} for copy in range(copies) for row in few)
    with file.open("w", encoding="utf-8") as stream:
        write_page(stream, {**head, "counts": counts}, many)
    assert file.stat().st_size < MOST_BYTES
    assert any(seconds(browser, file) < MOST_SECONDS for _ in range(3))  # on a machine that may be busy
    with opened(browser, file) as page:
        assert page.locator("tbody tr").count() < 80
        page.locator("#grid").press("End")
        assert page.locator("tr.current td.c-tenant").inner_text() == "tenant-1999 of 49"
        page.locator("#find").fill("tenant-77 of 4")
        expect(page.locator("#found")).to_have_text("11 of 100,000 tenants")
