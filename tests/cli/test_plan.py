"""`deployer plan` and `validate`: what can be seen before anything is sent."""

import json
from importlib import resources

import jsonschema
import pytest

from deployer.simulator import Customer
from tests.engine.stage import US, Stage


def test_plan_sends_reads_only_and_leaves_nothing_in_the_account(stage: Stage) -> None:
    before = stage.simulator.world.dump()

    ended = stage.run("plan")

    assert (ended.code, stage.writes) == (0, [])
    assert stage.simulator.world.dump() == before


def test_plan_makes_no_journal(stage: Stage) -> None:
    stage.run("plan")

    assert {path.name for path in (stage.directory / ".deployer").iterdir()} == {"plans"}


def test_plan_names_every_change_of_a_tenant(stage: Stage) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["flow"]["timezone"] = "Asia/Tokyo"

    [update, *_] = stage.plan().values()

    written = {change["path"]: change for change in update["changes"] if change["verdict"] == "update"}
    assert written.keys() == {"settings.batchSize", "timezone"}
    assert (written["settings.batchSize"]["from"], written["settings.batchSize"]["to"]) == (200, 300)


def test_plan_does_not_depend_on_what_was_edited_where_nothing_is_ours(stage: Stage) -> None:
    stage.apply()
    stage.edit("acme", pageProcessors=[], somebodys="note")

    assert stage.plan()["acme"]["action"] == "no_change"


def test_a_bad_tenant_is_blocked_and_the_others_proceed(stage: Stage) -> None:
    stage.columns["acme"] = {"integration": "0123456789abcdef01234567"}

    planned = stage.plan()

    assert {name: tenant["action"] for name, tenant in planned.items()} == {
        "acme": "blocked",
        "globex": "create",
        "initech": "create",
    }
    assert "0123456789abcdef01234567" in planned["acme"]["reason"]


def test_a_misspelt_connection_is_blocked_with_the_name_that_was_meant(stage: Stage) -> None:
    acme = stage.tenants["acme"]
    stage.columns["acme"] = {"slack": f"{acme.name} Slak"}

    reason = stage.plan()["acme"]["reason"]

    assert f"{acme.name} Slack" in reason


@pytest.mark.parametrize(
    ("words", "code"), [(("plan",), 0), (("plan", "--detailed-exitcode"), 2)], ids=["plain", "detailed"]
)
def test_the_exit_code_of_plan_tells_of_changes_only_where_asked(
    stage: Stage, words: tuple[str, ...], code: int
) -> None:
    assert stage.run(*words).code == code


@pytest.mark.parametrize(
    ("bad", "plain", "detailed"), [(["acme"], 3, 1), (["acme", "globex", "initech"], 1, 1)], ids=["some", "all"]
)
def test_the_exit_code_of_plan_tells_of_blocked_tenants(
    stage: Stage, bad: list[str], plain: int, detailed: int
) -> None:
    stage.columns = {name: {"slack": "no such connection"} for name in bad}

    assert (stage.run("plan").code, stage.run("plan", "--detailed-exitcode").code) == (plain, detailed)


def test_the_detailed_exit_code_is_0_where_nothing_is_to_do_and_1_for_every_error(stage: Stage) -> None:
    stage.apply()
    quiet = stage.run("plan", "--detailed-exitcode")
    stage.manifest["flow"]["timezone"] = "Mars/Olympus"
    del stage.manifest["accounts"]
    wrong = stage.run("plan", "--detailed-exitcode")

    assert (quiet.code, wrong.code) == (0, 1)


@pytest.mark.parametrize("words", [("plan",), ("apply", "--yes"), ("status",)], ids=["plan", "apply", "status"])
def test_the_json_fits_the_schema_that_is_shipped(stage: Stage, words: tuple[str, ...]) -> None:
    stage.columns["initech"] = {"integration": "0123456789abcdef01234567"}
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300

    document = stage.run(*words, "--json").document

    name = "plan.schema.json" if words[0] == "plan" else "summary.schema.json"
    schema = json.loads(resources.files("deployer.report").joinpath("schemas", name).read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)


def test_validate_shows_every_problem_at_once_with_its_place(stage: Stage) -> None:
    stage.manifest["flow"]["disabeld"] = False
    stage.manifest["run"] = {"trigger": "yes", "mode": "twice"}
    stage.manifest["prune"] = {}
    stage.manifest["accounts"][US]["tokn"] = "env:X"

    ended = stage.run("validate")

    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert all(line.startswith("error: rollout.yaml:") for line in lines)
    for named in ("flow.disabeld", "run.trigger", "run.mode", "prune", f"accounts.{US}.tokn"):
        assert sum(f": {named}: " in line for line in lines) == 1, named
    assert 'did you mean "disabled"' in ended.err
    assert "not supported in this version" in ended.err


def test_validate_sends_nothing_and_names_the_tenants_it_blocks(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["region"] = "${tenant.values.regoin}"

    ended = stage.run("validate")

    assert (ended.code, len(stage.simulator.ledger.arrivals)) == (3, 0)
    assert ended.out.count('did you mean "tenant.values.region"') == 3


def test_tenants_are_checked_all_at_once_too(stage: Stage) -> None:
    stage.columns = {"globex": {"account": "acme-uk"}, "initech": {"integration": "5.98E+23"}}
    stage.tenants["again"] = Customer(US, 0)  # the integration that acme has

    ended = stage.run("validate")

    assert ended.code == 2
    assert [f"tenants.csv:{row}:" in ended.err for row in (3, 4, 5)] == [True, True, True]


def test_of_thousands_of_bad_rows_each_kind_is_told_and_counted_and_each_row_to_who_asks(stage: Stage) -> None:
    bad = "".join(f"t{n},{US},x{n}\n" for n in range(2000))
    stage.manifest["tenants"] = "bad.csv"
    stage.write()
    (stage.directory / "bad.csv").write_text(f"tenant,account,integration\n{bad}twice,nowhere,{'a' * 24}\n", "utf-8")

    ended, every, document = (stage.run("validate", *words) for words in ((), ("--all",), ("--json",)))

    assert {each.code for each in (ended, every, document)} == {2}
    lines = ended.err.splitlines()
    assert len(lines) == 6
    assert lines[3:] == [
        "error: … and 1,997 more like it",
        'error: bad.csv:2002: account: unknown account "nowhere"',
        "2,001 problems (deployer validate --all shows each)",
    ]
    assert len(every.err.splitlines()) == len(document.document["problems"]) == 2001
    assert stage.run("plan").err == ended.err


def test_of_thousands_of_blocked_tenants_each_kind_is_told_and_counted(stage: Stage) -> None:
    rows = "".join(f"t{n},{US},{n:024x}\n" for n in range(2000))
    stage.manifest |= {"tenants": "many.csv"}
    stage.manifest["flow"]["settings"]["region"] = "${tenant.values.regoin}"
    stage.write()
    (stage.directory / "many.csv").write_text(f"tenant,account,integration\n{rows}", "utf-8")

    ended, every, document = (stage.run("validate", *words) for words in ((), ("--all",), ("--json",)))

    assert {each.code for each in (ended, every, document)} == {3}
    assert len(ended.out.splitlines()) == 6
    assert ended.out.splitlines()[-2:] == [
        "  blocked: … and 1,997 more like it",
        "2,000 problems (deployer validate --all shows each)",
    ]
    assert len(every.out.splitlines()) - 1 == len(document.document["blocked"]) == 2000
