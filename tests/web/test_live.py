"""A rollout that another process carries out, seen live in a real browser, and told what to do from there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from deployer.domain.lifecycle import Event
from deployer.engine.whoever import whoever
from deployer.journal.home import SqliteHome
from deployer.journal.postgres import PostgresHome
from deployer.simulator import Customer, Knobs
from tests.engine.stage import US, Stage
from tests.factories import crowd, plan
from tests.journal.entries import entry
from tests.postgres import Server
from tests.telemetry.listener import listening as hearing
from tests.web.journals import FIRST, written
from tests.web.visited import SOON, apart, events, listening, run, serving, visiting

pytestmark = pytest.mark.timeout(180)  # several processes and a browser, on a machine that may be busy
SECONDS = SOON / 1000
BEGUN = re.compile(r"\b[1-9]\d* done")
STREAM = f"/events?of=/rollouts/{FIRST.id}"
APPLY = ("apply", "--yes", "--json")


@pytest.fixture
def slow(stage: Stage) -> Stage:
    """Return a stage with a dozen tenants, one after the other, each of which takes its time."""
    stage.one_at_a_time(12)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.5})
    return stage


@pytest.fixture
def waved(stage: Stage) -> Stage:
    """Return a stage with four tenants in two waves, the first of which has to be approved."""
    stage.tenants = {f"tenant-{number}": Customer(US, number) for number in range(4)}
    stage.manifest["waves"] = {"sizes": [1, 3], "approve": True}
    return stage


@pytest.mark.anywhere
def test_a_rollout_is_seen_from_its_first_tenant_to_its_last_without_the_page_being_loaded_again(
    slow: Stage, browser: Browser
) -> None:
    with serving(slow.directory) as dashboard, visiting(browser, dashboard) as visit:
        visit.see("Nothing was rolled out yet")
        visit.mark()
        with slow.started("apply", "--yes") as working:
            visit.see("running")
            visit.see(BEGUN)
            working.wait(SECONDS)
        visit.see("12 done")
        visit.see("succeeded")
        visit.see("No rollout is unfinished")
        assert visit.is_marked
        assert visit.complaints == []


def test_what_is_looked_at_keeps_its_focus_and_its_place_while_it_changes(slow: Stage, browser: Browser) -> None:
    with (
        serving(slow.directory) as dashboard,
        visiting(browser, dashboard) as visit,
        slow.started("apply", "--yes") as working,
    ):
        visit.see(BEGUN)
        visit.page.locator("article h3 a").click()
        visit.await_live()
        link = visit.page.locator("table.tenants tbody a").nth(9)
        link.focus()
        working.wait(SECONDS)
        expect(visit.page.locator(".chips")).to_contain_text("done 12", timeout=SOON)
        expect(link).to_be_focused()
        expect(visit.page.locator("#announcer")).to_have_text("order-sync succeeded", timeout=SOON)


def test_what_was_filtered_stays_so_while_it_changes(slow: Stage, browser: Browser) -> None:
    slow.refuse("tenant-3")
    with serving(slow.directory) as dashboard, visiting(browser, dashboard) as visit:
        assert run(slow, *APPLY).code == 3
        visit.page.locator("tbody th a").click()
        visit.page.get_by_role("link", name="failed 1").click()
        visit.await_live()
        assert visit.page.locator("table.tenants tbody th").all_inner_texts() == ["tenant-3"]
        slow.mend()
        visit.mark()
        assert run(slow, "resume", "--failed").code == 0
        visit.see("0 tenants, failed")
        assert visit.is_marked


def test_an_approval_is_given_with_a_click_attributed_and_heeded(waved: Stage, browser: Browser) -> None:
    assert run(waved, *APPLY).code == 5
    with serving(waved.directory, "--allow-actions") as dashboard, visiting(browser, dashboard) as visit:
        visit.see("waiting")
        visit.page.locator("article h3 a").click()
        visit.page.get_by_role("button", name="Approve wave 1").click()
        visit.see("wave 1 approved")
        ended = run(waved, "resume", "--json")
        visit.see("succeeded")
        assert visit.complaints == []
    assert (ended.code, ended.document["outcome"]) == (0, "succeeded")
    assert ended.document["waves"][0]["approved_by"] == f"{whoever()} through the dashboard"


def test_a_rollout_at_work_is_paused_with_a_click_and_the_pause_taken_back(slow: Stage, browser: Browser) -> None:
    with serving(slow.directory, "--allow-actions") as dashboard, visiting(browser, dashboard) as visit:
        with slow.started("apply", "--yes") as working:
            visit.see(BEGUN)
            visit.page.locator("article h3 a").click()
            visit.page.get_by_role("button", name="Pause", exact=True).click()
            assert working.wait(SECONDS) == 5
        visit.see("paused")
        visit.see(f"by {whoever()} through the dashboard")
        assert run(slow, *APPLY).code == 6
        visit.page.get_by_role("button", name="Take the pause back").click()
        visit.see("unfinished")
        slow.simulator.knobs = Knobs()
        assert run(slow, *APPLY).code == 0


def test_a_rollout_at_work_is_ended_where_it_stands_once_that_is_confirmed(slow: Stage, browser: Browser) -> None:
    with serving(slow.directory, "--allow-actions") as dashboard, visiting(browser, dashboard) as visit:
        with slow.started("apply", "--yes") as working:
            visit.see(BEGUN)
            visit.page.locator("article h3 a").click()
            visit.page.get_by_text("Abort…").click()
            button = visit.page.get_by_role("button", name="Abort", exact=True)
            button.click()
            assert "rollouts" in visit.page.url  # the box is not checked, and the browser says so
            assert working.poll() is None
            visit.page.get_by_label("where it stands").check()
            button.click()
            visit.see("aborted")
            working.wait(SECONDS)
        assert visit.page.get_by_role("button", name=re.compile("Abort|Pause")).count() == 0
    head = run(slow, "status", "--json").document
    assert (head["outcome"], head["reason"]) == ("aborted", f"by {whoever()} through the dashboard")
    assert head["counts"]["cancelled"] + head["counts"]["done"] == 12


@pytest.mark.parametrize("known", [True, False])
def test_who_aborts_from_the_page_is_heard_by_those_whom_the_manifest_names_or_told_who_was_not(
    waved: Stage,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
) -> None:
    with hearing() as listener:
        assert run(waved, *APPLY).code == 5
        waved.manifest["notify"] = [{"url": "env:HOOK_URL"}]
        waved.write()
        if known:
            monkeypatch.setenv("HOOK_URL", listener.url)
        with serving(waved.directory, "--allow-actions") as dashboard, visiting(browser, dashboard) as visit:
            visit.page.locator("article h3 a").click()
            visit.page.get_by_text("Abort…").click()
            visit.page.get_by_label("where it stands").check()
            visit.page.get_by_role("button", name="Abort", exact=True).click()
            visit.see("aborted" if known else "notify[0] (json) was not told of it")
    assert [(told["event"], told["outcome"]) for told in listener.told] == [("finished", "aborted")] * known
    assert run(waved, "status", "--json").document["outcome"] == "aborted"


def test_what_cannot_be_done_is_said_and_changes_nothing(waved: Stage, browser: Browser) -> None:
    assert run(waved, *APPLY).code == 5
    with serving(waved.directory, "--allow-actions") as dashboard, visiting(browser, dashboard) as visit:
        visit.page.locator("article h3 a").click()
        visit.await_live()
        visit.page.evaluate("document.querySelector('[name=plan]').value = 'x'.repeat(64)")
        visit.page.get_by_role("button", name="Approve wave 1").click()
        visit.see("is not of plan xxx")
        visit.see("waiting")


async def fail(home: SqliteHome) -> None:
    """Let a tenant of a rollout fail."""
    async with home.open() as journal:
        [one] = await journal.deployments(FIRST.id, after=-1, limit=1)
        await journal.record(entry(one, Event.INTEND))


def test_whoever_comes_again_is_told_what_changed_since_and_nothing_they_know(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path / "journal.db")
    apart(written, home.path, plan(*crowd(3)))
    with serving(tmp_path, "--journal", "journal.db") as dashboard:
        [(first, digest, told)] = events(dashboard, STREAM)
        [(again, _, nothing)] = events(dashboard, STREAM, since=digest)
        apart(fail, home)
        [(after, other, changed)] = events(dashboard, STREAM, since=digest)
    assert (first, again, after) == ("regions", "same", "regions")
    assert "3</b> pending" in told["regions"]["summary"]
    assert nothing == {}
    assert other != digest
    assert "1</b> running" in changed["regions"]["summary"]


def test_whoever_looks_on_is_told_only_the_regions_that_changed(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path / "journal.db")
    apart(written, home.path, plan(*crowd(3)))
    with (
        serving(tmp_path, "--journal", "journal.db") as dashboard,
        listening(dashboard, f"/events?of=/rollouts/{FIRST.id}") as told,
    ):
        assert next(told)[2]["regions"].keys() >= {"summary", "tenants", "waves", "causes", "requests", "actions"}
        apart(fail, home)
        name, _, changed = next(each for each in told if each[0] != "beat")
    assert (name, changed["regions"].keys()) == ("regions", {"summary", "tenants"})


def test_a_journal_that_is_taken_away_and_put_back_is_said_and_seen_again(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path / "journal.db")
    apart(written, home.path, plan(*crowd(3)))
    with (
        serving(tmp_path, "--journal", "journal.db") as dashboard,
        listening(dashboard, f"/events?of=/rollouts/{FIRST.id}") as told,
    ):
        next(told)
        home.path.rename(tmp_path / "away.db")
        trouble = next(each for each in told if each[0] != "beat")
        (tmp_path / "away.db").rename(home.path)
        back = next(each for each in told if each[0] != "beat")
        home.path.unlink()
        apart(written, home.path, plan(*crowd(5)))
        another = next(each for each in told if each[0] == "regions")
    assert trouble[0] == "trouble"
    assert "there is no journal" in trouble[2]["what"]
    assert back[0] == "same"
    assert "5</b> pending" in another[2]["regions"]["summary"]


def test_a_database_that_dies_and_comes_back_is_said_and_seen_again(tmp_path: Path, own_database: Server) -> None:
    home = PostgresHome(own_database.new_database(), tmp_path)

    async def begin() -> None:
        async with home.open() as journal:
            await journal.begin(FIRST, plan(*crowd(3)))

    apart(begin)
    with serving(tmp_path, "--journal", home.address) as dashboard, listening(dashboard, STREAM) as told:
        assert "3</b> pending" in next(told)[2]["regions"]["summary"]
        own_database.crash()
        trouble = next(each for each in told if each[0] != "beat")
        own_database.restart()
        back = next(each for each in told if each[0] not in {"beat", "trouble"})
    assert trouble[0] == "trouble"
    assert back[0] == "same"


def test_a_stream_that_breaks_is_taken_up_again_and_that_is_said(stage: Stage, browser: Browser) -> None:
    assert run(stage, *APPLY).code == 0
    with serving(stage.directory) as dashboard, visiting(browser, dashboard) as visit:
        visit.page.route("**/events?**", lambda route: route.abort())
        visit.page.reload()
        expect(visit.page.locator("#connection")).to_have_text("not connected, trying again")
        visit.page.unroute("**/events?**")
        visit.await_live()


def test_a_dashboard_ends_at_once_however_many_look_on(stage: Stage, browser: Browser) -> None:
    assert run(stage, *APPLY).code == 0
    with serving(stage.directory) as dashboard, visiting(browser, dashboard) as visit:
        assert dashboard.end() == 0
        expect(visit.page.locator("#connection")).to_have_text("not connected, trying again")
        visit.see("succeeded")
