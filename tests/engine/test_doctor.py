"""`deployer doctor`: every check once well and once not, nothing sent but reads, nothing changed."""

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployer.domain.checkup import Checkup, Finding, Verdict
from deployer.journal.lock import exclusive
from deployer.report.checkup import checkup_text
from deployer.simulator import Rule, token_of
from deployer.version import __version__
from tests.engine.stage import EU, US, Ended, Stage, template


def content(directory: Path) -> dict[Path, bytes]:
    """Return every file but those that SQLite makes for whoever reads, as status leaves them too."""
    files = (file for file in directory.rglob("*") if file.is_file())
    return {file: file.read_bytes() for file in files if not file.name.endswith(("-shm", "-wal"))}


def verdicts(ended: Ended) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in ended.document["findings"]:
        found.setdefault(finding["check"], set()).add(finding["verdict"])
    return found


def ailing(ended: Ended) -> set[tuple[str, str]]:
    """Return what is not well, each with its verdict; there has to be a remedy for each."""
    bad = [finding for finding in ended.document["findings"] if finding["verdict"] != "ok"]
    assert all(finding["remedy"] for finding in bad), bad
    return {(finding["check"], finding["verdict"]) for finding in bad}


def test_all_is_well(stage: Stage) -> None:
    stage.apply()
    stage.forget_requests()

    ended = stage.run("doctor", "--json")

    assert (ended.code, ended.err) == (0, "")
    checks = ("account", "template", "tenants", "clock", "journal", "disk")
    assert verdicts(ended) == {check: {"ok"} for check in checks}
    assert stage.writes == []


def test_a_journal_that_is_worked_on_is_a_warning_with_the_holder(stage: Stage) -> None:
    stage.apply()
    with exclusive(stage.directory / ".deployer" / "journal.db.lock", "the journal"):
        ended = stage.run("doctor", "--json")

    assert (ended.code, ailing(ended)) == (0, {("journal", "warning")})
    assert f"process {os.getpid()} on" in ended.out


def test_a_disk_that_is_nearly_full_is_a_warning(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**29))

    ended = stage.run("doctor", "--json")

    assert (ended.code, ailing(ended)) == (0, {("disk", "warning")})


def test_what_there_is_stays_as_it_is(stage: Stage) -> None:
    stage.apply()
    before = content(stage.directory.parent)

    stage.run("doctor")

    assert content(stage.directory.parent) == before


def test_what_people_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**31))
    lost_connection(stage)

    head, _, *lines = stage.run("doctor").out.splitlines()

    assert head == f"deployer {__version__} on Python {platform.python_version()}"
    assert lines == [
        'x  connections   acme: connection "zzz" not found',
        "                 → mend connections: in the manifest, or the values it takes",
        "ok account       acme-us: answers, and accepts the token of user",
        "                 1976cfef91704dd565cd52ef",
        'ok template      acme-us: "Send GitHub Events to Slack" is readable, with its',
        "                 exports and imports",
        "ok tenants       globex, initech: integration and connections are there",
        "ok clock         acme-us: its clock and ours agree",
        "ok journal       there is none at .deployer/journal.db yet; the first apply",
        "                 makes it",
        "ok disk          2.0 GiB are free beside the journal",
    ]


def test_what_programs_read(stage: Stage) -> None:
    document = stage.run("doctor", "--json").document

    assert list(document) == ["format_version", "deployer", "python", "findings"]
    assert document["format_version"] == 1
    assert document["findings"][0] == {
        "check": "account",
        "verdict": "ok",
        "what": "answers, and accepts the token",
        "remedy": "",
        "noun": "accounts",
        "names": [US],
        "count": 1,
        "detail": f"of user {stage.simulator.world.accounts[US].user}",
    }


def test_nothing_is_made_where_nothing_was(stage: Stage) -> None:
    stage.write()
    before = sorted(stage.directory.parent.rglob("*"))

    assert stage.run("doctor").code == 0
    assert sorted(stage.directory.parent.rglob("*")) == before


def no_token(_: Stage) -> None:
    del os.environ["EU_TOKEN"]


def open_token(stage: Stage) -> None:
    stage.manifest["accounts"][EU]["token"] = "file:token"
    stage.write()
    (stage.directory / "token").write_text(token_of(EU))
    (stage.directory / "token").chmod(0o644)


def gone_template(stage: Stage) -> None:
    stage.simulator.world.accounts[EU].drop("flows", template(EU))


def same_account(stage: Stage) -> None:
    stage.manifest["accounts"][EU]["token"] = "env:US_TOKEN"
    stage.manifest["accounts"][EU]["template"] = template()


def lost_integration(stage: Stage) -> None:
    stage.simulator.world.accounts[US].drop("integrations", stage.integration())


def lost_connection(stage: Stage) -> None:
    stage.columns["acme"] = {"slack": "zzz"}


def value_missing(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["region"] = "${tenant.values.none}"


def offline(stage: Stage) -> None:
    account, slack = stage.simulator.world.accounts[US], stage.tenants["acme"].id("connections", "Slack")
    account.keep("connections", {**account.documents["connections"][slack], "offline": True})


def damaged_row(stage: Stage) -> None:
    stage.apply()
    with sqlite3.connect(stage.directory / ".deployer" / "journal.db") as journal:
        journal.execute("UPDATE event SET at = 'never' WHERE number = 1")
    journal.close()


def no_database(stage: Stage) -> None:
    (stage.directory / ".deployer").mkdir(parents=True)
    (stage.directory / ".deployer" / "journal.db").write_text("this is no database, but long enough to be one" * 9)


@pytest.mark.parametrize(
    ("break_", "code", "found"),
    [
        (open_token, 3, {("account", "problem")}),
        (no_token, 3, {("account", "problem")}),
        (gone_template, 3, {("template", "problem")}),
        (same_account, 0, {("account", "warning")}),
        (lost_integration, 3, {("integrations", "problem")}),
        (lost_connection, 3, {("connections", "problem")}),
        (value_missing, 3, {("tenants", "problem")}),
        (offline, 0, {("connections", "warning")}),
        (damaged_row, 1, {("journal", "problem")}),
        (no_database, 1, {("journal", "problem")}),
    ],
)
def test_each_ailment_is_found_with_its_remedy(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    break_: Callable[[Stage], None],
    code: int,
    found: set[tuple[str, str]],
) -> None:
    monkeypatch.setenv("EU_TOKEN", token_of(EU))  # so that one that is deleted comes back
    stage.add_account()
    break_(stage)

    ended = stage.run("doctor", "--json")

    assert ended.code == code, ended.err
    assert ailing(ended) == found


def test_a_clock_that_is_months_off_is_a_warning(stage: Stage) -> None:
    date = {"Date": "Mon, 05 Jan 2026 09:00:00 GMT"}
    stage.befall(Rule(action="refuse", route="connections.list", status=403, code="forbidden", headers=date))

    assert ("clock", "warning") in ailing(stage.run("doctor", "--json"))


@pytest.mark.parametrize("date", ["soon", "Wed, 01 Jun 99999999999 10:00:00 GMT"])
def test_a_date_that_is_none_says_nothing_of_a_clock(stage: Stage, date: str) -> None:
    stage.befall(Rule(action="refuse", route="connections.list", status=403, code="forbidden", headers={"Date": date}))

    assert ailing(stage.run("doctor", "--json")) == {("template", "problem")}


def test_no_account_that_works_is_exit_code_4_and_no_token_is_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("US_TOKEN", "a-secret-that-is-wrong")

    ended = stage.run("doctor")

    assert ended.code == 4
    assert "does not accept the token" in ended.out
    assert "a-secret" not in ended.out + ended.err


def test_a_manifest_that_cannot_be_read_is_exit_code_2(stage: Stage) -> None:
    stage.manifest["nonsense"] = 1

    assert stage.run("doctor").code == 2


def test_accounts_that_are_alike_are_one_line_and_the_worst_comes_first() -> None:
    checkup = Checkup()
    checkup.take(Finding("account", Verdict.OK, "answers", "", "accounts", (f"a-{n}",)) for n in range(198))
    checkup.note(Finding("account", Verdict.PROBLEM, "no answer", "check the address", "accounts", ("b",)))

    assert checkup_text(checkup.findings, width=80).splitlines()[2:] == [
        "x  account       b: no answer",
        "                 → check the address",
        "ok account       198 accounts: answers",
    ]


def test_tenants_that_all_ail_otherwise_take_no_more_room_than_people_read() -> None:
    checkup = Checkup()
    checkup.take(Finding("tenants", Verdict.PROBLEM, f"ail {n}", "mend", "tenants", (f"t{n}",)) for n in range(500))

    assert len(checkup.findings) == 21
    assert sum(found.count for found in checkup.findings) == 500
