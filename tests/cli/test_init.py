"""`deployer init` as a person types it on the first day."""

import csv
import shlex

import pytest

from deployer.domain.manifest import Account
from deployer.domain.wording import is_broken
from deployer.engine.accounts import said_of
from deployer.simulator import token_of
from deployer.simulator.templates import SIMPLE
from tests.cli.terminal import screen, terminal
from tests.engine.stage import CUSTOMERS, US, Ended, Stage, template
from tests.report.hostile import NAMES, is_inert

COMING = {kind: name for kind, name in NAMES.items() if not is_broken(name)}  # an answer with half a character is none
SAFE = ("--url", "{url}", "--token", "env:US_TOKEN", "--account", US)


def init(stage: Stage, *words: str, into: str = "new") -> Ended:
    return stage.run("init", into, *(word.format(url=stage.url) for word in SAFE), *words)


def rows(stage: Stage, directory: str = "new") -> list[dict[str, str]]:
    with (stage.directory / directory / "tenants.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def text(stage: Stage, file: str = "new/rollout.yaml") -> str:
    return (stage.directory / file).read_text("utf-8")


def test_what_it_wrote_is_valid_and_deploys_at_once_with_reads_alone_sent_before(stage: Stage) -> None:
    begun = init(stage, "--template-name", SIMPLE)
    assert begun.code == 0, begun.err
    assert begun.out.splitlines() == [
        f'wrote new/rollout.yaml: template "{SIMPLE}", account {US} ({stage.url})',
        f"wrote new/tenants.csv: {CUSTOMERS} tenants",
        "",
        "Next:",
        "  deployer validate new/rollout.yaml",
        "  deployer plan new/rollout.yaml",
        "  deployer apply new/rollout.yaml",
    ]
    assert stage.writes == []
    for line in begun.out.splitlines()[4:]:
        ended = stage.run(*line.split()[1:], *(["--yes"] if "apply" in line else []))
        assert ended.code == 0, ended.err
    assert {flow["disabled"] for flow in stage.flows("acme")} == {True}
    assert stage.flow("acme")["name"] == f"{SIMPLE}: {stage.tenants['acme'].name}"


def test_each_key_of_the_manifest_has_a_comment_and_each_tenant_its_connections(stage: Stage) -> None:
    init(stage, "--template", template())
    written = text(stage).replace(stage.url, "http://127.0.0.1:8765")
    assert written == GOLDEN
    who = stage.tenants["acme"]
    [row] = [row for row in rows(stage) if row["integration"] == stage.integration("acme")]
    assert row["account"] == US
    assert row["name"] == who.name
    assert [row["github"], row["slack"]] == [who.id("connections", system) for system in ("GitHub", "Slack")]


GOLDEN = """\
# Rolls "Send GitHub Events to Slack" out: a clone of that flow for each tenant.
# deployer plan shows what would change, and changes nothing; deployer schema manifest tells of every key.
name: send-github-events-to-slack
template: {flow: 55ea78c6b751843c37b7b367}

accounts:
  acme-us:
    url: "http://127.0.0.1:8765"
    token: env:US_TOKEN                                   # where the token is, and never the token itself
    connections:                                          # what the template uses → what the tenant has: an id, a name, or keep
      4891f82d5ff6c6ec399debc0: "${tenant.values.github}" # Templates GitHub
      b2d591152ea351c06ad747f4: "${tenant.values.slack}"  # Templates Slack

tenants: tenants.csv                                      # a row each; more columns are values: ${tenant.values.TITLE}

flow:                                                     # what each tenant's flow is to be; all else is left alone
  name: "Send GitHub Events to Slack: ${tenant.values.name}"
  timezone: ${tenant.values.timezone}
  disabled: true                                          # the flows are made, and rest: false lets them work
  # schedule: "0 2 * * *"                                 # five fields, in the tenant's timezone
  # settings: {region: "${tenant.values.region}"}

waves: {sizes: [1, 5, "20%"]}                             # so many tenants at a time; a failure lets no further wave begin
"""  # noqa: E501 - as it is written


def test_a_comment_that_is_taken_away_leaves_a_line_that_is_true(stage: Stage) -> None:
    init(stage, "--template", template(), "--tenants", stage.tenants["acme"].name)
    manifest = stage.directory / "new" / "rollout.yaml"
    lively = text(stage).replace("disabled: true ", "disabled: false").replace("# schedule", "schedule")
    manifest.write_text(lively.replace("# settings", "settings").replace("values.region", "values.name"), "utf-8")
    assert stage.run("apply", "new/rollout.yaml", "--yes").code == 0
    assert stage.flow("acme")["schedule"] == "? 0 2 ? * *"
    assert stage.flow("acme")["settings"] == {"region": stage.tenants["acme"].name}


def test_a_connection_that_is_not_found_is_left_to_be_filled_in_and_blocks_its_tenant(stage: Stage) -> None:
    account = stage.simulator.world.accounts[US]
    account.drop("connections", stage.tenants["acme"].id("connections", "Slack"))
    begun = init(stage, "--template", template(), "--tenants", stage.tenants["acme"].name)
    assert "1 cell holds ?: put in the tenant's connection, its id or its name" in begun.out
    assert stage.run("validate", "new/rollout.yaml").code == 0
    assert 'connection "?" not found' in stage.run("plan", "new/rollout.yaml").out


def test_without_tenants_there_is_a_row_to_go_by(stage: Stage) -> None:
    assert init(stage, "--template", template(), "--tenants", "none").code == 0
    assert [row["tenant"] for row in rows(stage)] == ["example"]
    assert stage.run("validate", "new/rollout.yaml").code == 0
    assert "blocked" in stage.run("plan", "new/rollout.yaml").out


@pytest.mark.parametrize("file", ["rollout.yaml", "tenants.csv"])
def test_what_is_there_stays_unless_it_is_to_be_replaced(stage: Stage, file: str) -> None:
    there = stage.directory / "new" / file
    there.parent.mkdir(parents=True)
    there.write_text("mine", "utf-8")
    refused = init(stage, "--template", template())
    assert refused.code == 2
    assert refused.err == f"error: new/{file}: is there already\n  take another directory, or replace it: --force\n"
    assert [path.name for path in there.parent.iterdir()] == [file]
    assert stage.ledger.arrivals == []
    assert init(stage, "--template", template(), "--force").code == 0
    assert stage.run("validate", "new/rollout.yaml").code == 0


def test_a_directory_that_cannot_be_written_is_an_error_that_leaves_nothing(stage: Stage) -> None:
    there = stage.directory / "new"
    there.parent.mkdir()
    there.write_text("a file")
    assert init(stage, "--template", template()).code == 2
    ended = init(stage, "--template", template(), into="new/below")
    assert ended.code == 2
    assert ended.err == "error: new/below: cannot be written: Not a directory\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            [],
            2,
            "which flow is the template?\n  say --template ID or --template-name NAME; it has:\n  55ea78",
        ),
        (["--template-name", "Send GitHub Event to Slack"], 2, f'(did you mean "{SIMPLE}"?)'),
        (["--template", "55ea78c6b751843c37b7b368"], 2, '(did you mean "55ea78c6b751843c37b7b367"?)'),
        (["--template", "x", "--template-name", "y"], 2, "--template and --template-name contradict each other"),
        (["--region", "eu"], 2, "--region and --url contradict each other"),
        (["--account", "a/b"], 2, '--account "a/b": an account\'s name is made of letters'),
        (["--token", "abc123"], 2, "--token: a token itself never stands in a manifest"),
        (["--token", "env:NO_SUCH_TOKEN"], 4, "NO_SUCH_TOKEN is not set\n  export NO_SUCH_TOKEN=<token>"),
        (["--token", "env:WRONG_TOKEN"], 4, "the API does not accept the token (401)"),
        (["--url", "ftp://x"], 2, "--url: must begin with https://"),
        (["--template", template(), "--tenants", "Nobody"], 2, 'no integration is called "Nobody"'),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out_and_nothing_is_written(
    stage: Stage, words: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG_TOKEN", "wrong")
    ended = init(stage, *words)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    assert not (stage.directory / "new").exists()


def test_the_token_of_another_region_is_told_of_the_regions(stage: Stage) -> None:
    assert said_of(Account(region="us", token="env:T")).endswith("integrator.io, not for another region (eu, au, ca)")
    assert said_of(Account(url=stage.url, token="env:T")) == stage.url


def test_an_account_that_holds_only_the_template_has_nobody_to_begin_with(stage: Stage) -> None:
    account = stage.simulator.world.accounts[US]
    for id_ in list(account.documents["integrations"]):
        if account.documents["integrations"][id_]["name"] != "Templates":
            account.drop("integrations", id_)
    ended = init(stage, "--template", template())
    assert ended.code == 2
    assert "no integration besides the template's" in ended.err
    assert "--tenants none" in ended.err


def test_hostile_names_are_inert_in_the_manifest_in_the_cells_and_on_the_terminal(stage: Stage) -> None:
    account = stage.simulator.world.accounts[US]
    for number, name in enumerate(COMING.values()):
        account.keep("integrations", {"_id": f"{number:024x}", "name": name})
    begun = init(stage, "--template", template(), "--tenants", "all")
    assert begun.code == 0, begun.err
    assert stage.run("validate", "new/rollout.yaml").out.startswith("new/rollout.yaml is valid")
    found = {row["integration"]: row for row in rows(stage)}
    assert {f"{number:024x}" for number in range(len(COMING))} <= found.keys()
    for row in found.values():
        for cell in row.values():
            assert is_inert(cell), row
            assert "\n" not in cell
            assert cell.lstrip()[:1] not in set("=+-@＝＋－＠"), row  # noqa: RUF001 - as a spreadsheet takes them


def test_a_hostile_name_of_the_template_stays_text(stage: Stage) -> None:
    account = stage.simulator.world.accounts[US]
    for name in COMING.values():
        account.keep("flows", {**account.documents["flows"][template()], "name": name})
        account.keep("connections", {**account.documents["connections"]["4891f82d5ff6c6ec399debc0"], "name": name})
        begun = init(stage, "--template", template(), "--tenants", stage.tenants["acme"].name, "--force")
        assert begun.code == 0, begun.err
        assert is_inert(begun.out)
        assert is_inert(text(stage))
        ended = stage.run("validate", "new/rollout.yaml")
        assert (ended.code, ended.err) == (0, ""), name


def typing(stage: Stage, *answers: str, words: tuple[str, ...] = ()) -> tuple[str, int]:
    """Type the command and its answers at a terminal; return what stands there at last, and the exit code."""
    environment = {"INTEGRATOR_TOKEN": token_of(US), "CI": ""}
    with terminal(stage, "init", "new", *words, environment=environment) as typed:
        typed.type("".join(f"{answer}\n" for answer in answers))
        shown = screen(typed.read())
        return shown, typed.process.wait()


def test_a_person_is_asked_what_no_option_says_and_told_how_not_to_be(stage: Stage) -> None:
    shown, code = typing(stage, stage.url, "", "github", stage.tenants["acme"].name)
    assert code == 0, shown
    assert "Region of the account (us, eu, au, ca), or the URL of its API [us]:" in shown
    assert f"   1  {SIMPLE}  {template()}" in shown
    again = shown.split("without the questions: deployer ")[1].replace("\n", "")
    first = text(stage), text(stage, "new/tenants.csv")
    assert [row["integration"] for row in rows(stage)] == [stage.integration("acme")]
    (stage.directory / "new" / "rollout.yaml").unlink()
    (stage.directory / "new" / "tenants.csv").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTEGRATOR_TOKEN", token_of(US))
        assert stage.run(*shlex.split(again)).code == 0
    assert first == (text(stage), text(stage, "new/tenants.csv"))


def test_an_answer_that_is_none_is_asked_for_again(stage: Stage) -> None:
    answers = ["nonsense", "s", "2", "Nobody", "all"]
    shown, code = typing(stage, *answers, words=("--url", stage.url, "--token", "env:INTEGRATOR_TOKEN"))
    assert code == 0, shown
    assert 'error: the account has no flow "nonsense"' in shown
    assert 'error: no integration is called "Nobody"' in shown
    assert "Update Usage Stats" in text(stage)


def test_who_says_it_all_is_asked_nothing(stage: Stage) -> None:
    words = ("--url", stage.url, "--token", "env:INTEGRATOR_TOKEN", "--template", template(), "--tenants", "all")
    shown, code = typing(stage, words=words)
    assert code == 0, shown
    assert "without the questions" not in shown
    assert ":" not in shown.split("wrote", maxsplit=1)[0]


@pytest.mark.parametrize("words", [("--no-input",), ()])
def test_nobody_is_asked_who_does_not_want_to_be(stage: Stage, words: tuple[str, ...]) -> None:
    environment = {"INTEGRATOR_TOKEN": token_of(US), "CI": "" if words else "true"}
    with terminal(stage, "init", "new", "--url", stage.url, *words, environment=environment) as typed:
        shown = screen(typed.read())
        assert typed.process.wait() == 2
    assert "error: which flow is the template?" in shown
