"""`deployer schedule`: what is in force, how that is changed, and what has others ask for what is due."""

import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from deployer.report.shapes import schema
from tests.cli.firing import came_into_force, firings, just_now, written
from tests.engine.stage import Stage

ANALYZE = shutil.which("systemd-analyze") or ""
NIGHTLY = {"do": "apply", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}


def listed(stage: Stage) -> dict[str, dict[str, object]]:
    document = json.loads(stage.run("schedule", "list", "--json").out)
    return {each["schedule"]: each for each in document["schedules"]}


def test_looking_says_what_is_not_in_force_and_leaves_nothing_behind(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    ended = stage.run("schedule", "list")
    assert ended.code == 0
    assert ended.err.startswith("not in force: nightly;")
    assert listed(stage) == {}
    assert not (stage.directory / ".deployer").exists()


@pytest.mark.anywhere
def test_what_stands_in_the_manifest_is_put_in_force_and_goes_out_of_it(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY, "drift": {**NIGHTLY, "do": "drift", "jitter": "10m"}}
    assert stage.run("schedule", "sync").out.splitlines() == [
        "drift: drift at 30 2 * * * Europe/Berlin",
        "nightly: apply at 30 2 * * * Europe/Berlin",
    ]
    since = listed(stage)["nightly"]["since"]
    stage.manifest["schedules"]["drift"]["cron"] = "? 0 3 ? * SUN"
    stage.run("schedule", "sync")
    found = listed(stage)
    assert (found["nightly"]["since"], found["drift"]["cron"]) == (since, "0 3 * * SUN")
    assert found["drift"]["since"] != since

    del stage.manifest["schedules"]["drift"]
    stage.run("schedule", "sync")
    assert list(listed(stage)) == ["nightly"]
    assert stage.run("schedule", "list").err == ""


@pytest.mark.anywhere
def test_one_is_added_by_hand_and_removed(stage: Stage) -> None:
    words = ("--do", "run", "--cron", "0 3 * * *", "--timezone", "Asia/Tokyo", "--catch-up", "10m")
    ended = stage.run("schedule", "add", "early", *words)
    assert (ended.code, ended.out) == (0, "early: run at 0 3 * * * Asia/Tokyo\n")
    assert listed(stage)["early"]["catch_up"] == 600.0
    assert stage.run("schedule", "sync").out == "early: run at 0 3 * * * Asia/Tokyo (added by hand)\n"

    stage.manifest["schedules"] = {"early": NIGHTLY}
    both = stage.run("schedule", "sync")
    assert both.code == 2
    assert "schedule early was added by hand, and stands in the manifest too" in both.err
    assert "schedule early stands in the manifest" in stage.run("schedule", "add", "early", *words).err
    assert stage.run("schedule", "remove", "early").out == "early is removed\n"
    stage.run("schedule", "sync")
    ended = stage.run("schedule", "remove", "early")
    assert ended.code == 2
    assert "stands in the manifest rollout.yaml" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cron", "0 25 * * *"), '--cron: "25" is no hour of a schedule'),
        (
            ("--timezone", "Europe/Pariss"),
            '--timezone: unknown time zone "Europe/Pariss" (did you mean "Europe/Paris"?)',
        ),
        (("--do", "destroy"), "--do: must be 'apply', 'run' or 'drift'"),
        (("--jitter", "soon"), "--jitter: must be a duration such as 250ms, 30s, 5m or 2h"),
        (("--overlap", "both"), "--overlap: must be 'skip' or 'queue'"),
    ],
)
def test_what_is_no_schedule_is_refused_by_its_option(stage: Stage, words: tuple[str, str], said: str) -> None:
    given = {"--do": "run", "--cron": "0 3 * * *", "--timezone": "UTC", words[0]: words[1]}
    ended = stage.run("schedule", "add", "early", *(word for pair in given.items() for word in pair))
    assert (ended.code, ended.err) == (2, f"error: {said}\n")


def test_a_mistake_in_the_manifest_is_told_with_its_place(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": {**NIGHTLY, "cron": "61 * * * *", "catchup": "1h"}, "Bad Name": NIGHTLY}
    lines = stage.run("validate").err.splitlines()
    assert [line.split(": ", 2)[2] for line in lines] == [
        'schedules.nightly.cron: "61" is no minute of a schedule',
        'schedules.nightly.catchup: unknown key (did you mean "catch_up"?)',
        'schedules.Bad Name: must be lower-case letters, digits, "-" and "_", 63 at most',
    ]


def test_schedules_are_no_part_of_what_is_rolled_out(stage: Stage) -> None:
    before = stage.run("plan", "--json").document["plan"]
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    assert stage.run("plan", "--json").document["plan"] == before


def test_a_paused_schedule_skips_until_it_is_resumed_and_makes_up_for_nothing(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply")}
    came_into_force(stage)
    assert stage.run("schedule", "pause", "nightly").code == 0
    assert stage.run("schedule", "pause", "nightly").code == 6
    assert stage.run("schedule", "next").out.splitlines()[1:] == []

    assert stage.run("schedule", "run", "--due").code == 0
    [firing] = firings(stage)
    assert (firing["outcome"], firing["cause"]) == ("skipped", "paused")

    assert stage.run("schedule", "resume", "nightly").code == 0
    assert stage.run("schedule", "resume", "nightly").code == 6
    assert stage.run("schedule", "run", "--due").err == "nothing is due\n"
    assert len(written(stage)) == 1
    assert not stage.writes


def test_a_name_that_is_not_known_is_told_with_those_that_are(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    stage.run("schedule", "sync")
    for words in (("pause", "nightli"), ("resume", "nightli"), ("remove", "nightli"), ("firings", "--name", "nightli")):
        ended = stage.run("schedule", *words)
        assert ended.code == 2
        assert 'no schedule nightli of order-sync is in force (did you mean "nightly"?)' in ended.err


def test_the_next_times_are_told_in_order_through_changes_of_clocks(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY, "hourly": {"do": "run", "cron": "0 * * * *", "timezone": "UTC"}}
    stage.run("schedule", "sync")
    times = json.loads(stage.run("schedule", "next", "--limit", "50", "--json").out)["times"]
    assert len(times) == 50
    assert [each["at"] for each in times] == sorted(each["at"] for each in times)
    assert {each["schedule"] for each in times} == {"nightly", "hourly"}


def test_without_a_schedule_there_is_nothing_to_fire_or_to_export(stage: Stage) -> None:
    assert stage.run("schedule", "run", "--due").code == 2
    assert stage.run("schedule", "export", "cron").code == 2


def test_a_crontab_asks_at_every_hour_that_may_be_one(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    line = stage.run("schedule", "export", "cron").out.splitlines()[-1]
    minute, hours, *days, _ = line.split(" ", 5)
    assert (minute, days) == ("0,30", ["*", "*", "*"])  # on the hour where 02:30 is skipped
    here = {
        each.astimezone().hour
        for each in (datetime(2026, 1, 15, 1, 30, tzinfo=UTC), datetime(2026, 7, 15, 0, 30, tzinfo=UTC))
    }
    assert {int(hour) for hour in hours.split(",")} >= here
    assert line.endswith(" schedule run rollout.yaml --due")


def test_a_path_is_a_path_in_every_unit(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    stage.directory = stage.directory.with_name("100% of $HOME")
    line = stage.run("schedule", "export", "cron").out.splitlines()[-1]
    assert r"100\% of $HOME' && " in line
    assert f"WorkingDirectory={stage.directory}".replace("%", "%%") in stage.run("schedule", "export", "systemd").out
    stage.directory /= "a\nb"
    assert stage.run("schedule", "export", "cron").code == 2


ODD = 'it\'s a: b #1 "q" 100% $HOME \\n ${{ x }}.yaml'


def unquoted(line: str) -> list[str]:
    """Return the words of a command as systemd reads them (systemd.service and systemd.syntax, by their pages)."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"(?= |$)|([^\s"\']+)', line)
    assert " ".join(f'"{quoted}"' if quoted else bare for quoted, bare in words) == line
    plain = [re.sub(r"\\(.)", r"\1", quoted) if quoted else bare for quoted, bare in words]
    return [word.replace("%%", "%").replace("$$", "$") for word in plain]


def test_a_manifest_of_any_name_is_one_word_in_every_unit(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    stage.write()
    (stage.directory / ODD).write_text((stage.directory / "rollout.yaml").read_text("utf-8"), "utf-8")
    unit = stage.run("schedule", "export", "systemd", ODD).out
    started = next(line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart="))
    assert unquoted(started)[-4:] == ["schedule", "run", ODD, "--due"]
    made = yaml.safe_load(stage.run("schedule", "export", "github", ODD).out)
    command = made["jobs"]["due"]["steps"][-1]["run"].replace("${{ '${{' }}", "${{")
    assert shlex.split(command) == ["deployer", "schedule", "run", ODD, "--due"]
    line = stage.run("schedule", "export", "cron", ODD).out.splitlines()[-1]
    assert shlex.split(line.replace(r"\%", "%"))[-4:] == ["schedule", "run", ODD, "--due"]


@pytest.mark.skipif(not ANALYZE, reason="systemd is not here")
def test_the_units_are_ones_that_systemd_takes(stage: Stage, tmp_path: Path) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    ended = stage.run("schedule", "export", "systemd", "--directory", str(tmp_path / "units"))
    names = [Path(line) for line in ended.out.splitlines()]
    assert [name.name for name in names] == ["deployer-order-sync.service", "deployer-order-sync.timer"]
    checked = subprocess.run(
        [ANALYZE, "verify", "--man=no", *map(str, names)], capture_output=True, text=True, check=False
    )
    assert "order-sync" not in checked.stderr, checked.stderr
    asked = next(line.partition("=")[2] for line in names[1].read_text("utf-8").splitlines() if "OnCalendar" in line)
    calendar = subprocess.run(
        [ANALYZE, "calendar", "--iterations=2", asked], capture_output=True, text=True, check=True
    )
    assert "00,01:00,30:00 UTC" in calendar.stdout


def test_the_workflow_asks_in_utc_and_takes_the_tokens_from_secrets(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": NIGHTLY}
    made = yaml.safe_load(stage.run("schedule", "export", "github").out)
    assert made[True]["schedule"] == [{"cron": "0,30 0,1 * * *"}]
    job = made["jobs"]["due"]
    assert job["env"]["US_TOKEN"] == "${{ secrets.US_TOKEN }}"
    assert job["steps"][-1]["run"] == "deployer schedule run rollout.yaml --due\n"


def test_at_every_time_of_a_year_somebody_asks(stage: Stage) -> None:
    """The exported minutes and hours hold each time to come, in UTC."""
    stage.manifest["schedules"] = {
        "nightly": NIGHTLY,
        "half": {"do": "run", "cron": "15 4 * * MON", "timezone": "Australia/Lord_Howe"},
    }
    stage.run("schedule", "sync")
    made = yaml.safe_load(stage.run("schedule", "export", "github").out)
    minutes, hours, *_ = made[True]["schedule"][0]["cron"].split(" ")
    times = json.loads(stage.run("schedule", "next", "--limit", "400", "--json").out)["times"]
    asked = {(int(hour), int(minute)) for hour in hours.split(",") for minute in minutes.split(",")}
    found = [datetime.fromisoformat(each["at"]) for each in times]
    assert max(found) - min(found) > timedelta(days=300)
    assert {(each.hour, each.minute) for each in found} <= asked


def test_the_json_fits_the_schema_that_is_shipped(stage: Stage) -> None:
    stage.manifest["schedules"] = {"nightly": just_now(do="apply"), "drift": just_now(do="drift"), "late": NIGHTLY}
    came_into_force(stage)
    stage.run("schedule", "pause", "late")
    assert stage.run("schedule", "run", "--due").code == 0
    shape = Draft202012Validator(schema("schedule"))
    documents = [json.loads(stage.run("schedule", word, "--json").out) for word in ("list", "next", "firings")]
    for document in (*documents, *documents[-1]["firings"]):
        shape.validate(document)
