"""Completion as a shell asks for it: the real program, told by environment variables what is on the line."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import xlsxwriter

from deployer.cli import COMMANDS
from deployer.domain.lifecycle import Event
from deployer.journal.sqlite import SqliteJournal
from tests.docs.pages import ROOT
from tests.docs.parsing import every_command
from tests.docs.test_examples import set_out, unknown
from tests.engine.stage import Stage
from tests.factories import crowd, plan, rollout
from tests.journal.entries import after, entry

# A command with arguments as the program's own have them; it ends with the modules that completing imported.
COMMAND = """
import atexit, sys, click
from deployer.cli.completing import complete_rollout, complete_tenant
@click.command()
@click.argument("manifest", required=False)
@click.option("--tenant", multiple=True, shell_complete=complete_tenant)
@click.option("--rollout", shell_complete=complete_rollout)
@click.option("--journal")
def deployer(**words): ...
heavy = {"pydantic", "aiohttp", "anyio", "yaml", "rich", "structlog"}
atexit.register(lambda: print(*heavy & sys.modules.keys(), file=sys.stderr, end=""))
deployer(prog_name="deployer")
"""
NAMES = "acme", "acme-eu", "globex"
INDENTED = """
  - tenant: a
    labels:
      ring: canary  # first
      tier: gold
    integration: 1
  - tenant: b
    labels:
      ring: broad
    values: {size: 1}
labels:
  ring=broad: {size: 2}"""


def completed(*words: str, cwd: Path, program: tuple[str, ...] = ("-c", COMMAND), shell: str = "bash") -> list[str]:
    """Return what is suggested for the last of the words; nothing may be said, or imported, besides."""
    line = {"COMP_WORDS": " ".join(["deployer", *words]), "COMP_CWORD": str(len(words))}
    told = subprocess.run(
        [sys.executable, *program],
        cwd=cwd,
        env={**os.environ, **line, "_DEPLOYER_COMPLETE": f"{shell}_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr == ""
    return [line.removeprefix("plain,") for line in told.stdout.splitlines() if line]


def write(directory: Path, tenants: str, text: str = "", *, file: str = "", manifest: str = "rollout.yaml") -> None:
    directory.joinpath(manifest).write_text(f"name: order-sync\ntenants: {tenants}\nflow: {{}}\n", "utf-8")
    if file:
        directory.joinpath(file).write_text(text, "utf-8")


def test_commands_and_their_words_are_completed(tmp_path: Path) -> None:
    program = ("-m", "deployer")
    assert completed("", cwd=tmp_path, program=program) == list(COMMANDS)
    assert completed("s", cwd=tmp_path, program=program) == [name for name in COMMANDS if name.startswith("s")]
    assert completed("schema", "ma", cwd=tmp_path, program=program) == ["manifest"]
    assert "--version" in completed("--", cwd=tmp_path, program=program)


@pytest.mark.parametrize(
    ("tenants", "file", "text"),
    [
        ("tenants.csv", "tenants.csv", "tenant,integration\nacme,1\nacme-eu,2\nglobex,3\n"),
        (
            "'my tenants.csv'  # all",
            "my tenants.csv",
            '\ufefftenant;"integration"\r\nacme;1\r\n"acme-eu";2\r\nglobex;3',
        ),
        ('"t.tsv"', "t.tsv", "sep=\t\ntenant\tintegration\nacme\t1\nacme-eu\t2\nglobex\t3\n"),
        ("t.jsonl", "t.jsonl", '{"tenant": "acme"}\n{"id": 1, "tenant": "acme-eu"}\n{"tenant":"globex"}\n'),
        ("t.json", "t.json", '[{"tenant": "acme"}, {"tenant": "\\u0061cme-eu"}, {"tenant": "globex"}]'),
        ("\n  - tenant: acme  # first\n  - {tenant: acme-eu, id: 2}\n  - {id: 3, tenant: 'globex'}", "", ""),
    ],
    ids=["csv", "spreadsheet", "tsv", "lines", "json", "inline"],
)
def test_tenants_are_completed_from_what_the_manifest_names(tmp_path: Path, tenants: str, file: str, text: str) -> None:
    write(tmp_path, tenants, text, file=file)
    assert completed("--tenant", "", cwd=tmp_path) == list(NAMES)
    assert completed("--tenant", "acme", cwd=tmp_path) == ["acme", "acme-eu"]


def test_tenants_are_those_of_the_manifest_on_the_line_and_not_yet_named(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "tenant\nacme\nglobex\n", file="t.csv", manifest="other.yaml")
    assert completed("other.yaml", "--tenant", "", cwd=tmp_path) == ["acme", "globex"]
    assert completed("other.yaml", "--tenant", "acme", "--tenant", "", cwd=tmp_path) == ["globex"]


def test_no_more_is_suggested_than_anybody_reads(tmp_path: Path) -> None:
    rows = "\n".join(f"tenant-{number}" for number in range(5000))
    write(tmp_path, "t.csv", f"tenant\n{rows}\n", file="t.csv")
    assert len(completed("--tenant", "", cwd=tmp_path)) == 1000


@pytest.mark.parametrize(
    "name", ["x;touch pwned", "$(x)", "`x`", "a b", "a,b", "-rf", "*", "~", "a\x1b[2J", "a\u202eb", "a'b"]
)
def test_a_name_that_a_shell_could_act_on_is_not_suggested(tmp_path: Path, name: str) -> None:
    write(tmp_path, "t.csv", f'tenant\n"{name}"\nZażółć\n', file="t.csv")
    assert completed("--tenant", "", cwd=tmp_path) == ["Zażółć"]


@pytest.mark.parametrize("tenants", ["no-such.csv", "[", "t.csv", "-", "{"])
def test_what_cannot_be_read_is_completed_by_nothing(tmp_path: Path, tenants: str) -> None:
    write(tmp_path, tenants, "no,such,column\n1,2,3", file="t.csv")
    assert completed("--tenant", "", cwd=tmp_path) == []
    assert completed("no-such.yaml", "--tenant", "", cwd=tmp_path) == []
    assert completed("--rollout", "", cwd=tmp_path) == []


@pytest.mark.parametrize(
    ("tenants", "file", "text"),
    [
        ("t.csv", "t.csv", "tenant,label.ring,label.tier\nacme,canary,gold\nacme-eu,broad,\nglobex,broad,gold\n"),
        (
            "t.jsonl",
            "t.jsonl",
            '{"tenant": "a", "labels": {"ring": "canary", "tier":"gold"}}\n{"labels":{"ring":"broad"}}',
        ),
        ("\n  - {tenant: a, labels: {ring: canary, tier: 'gold'}}\n  - {tenant: b, labels: {ring: \"broad\"}}", "", ""),
        (INDENTED, "", ""),
    ],
    ids=["csv", "lines", "braces", "indented"],
)
def test_labels_are_completed_from_the_list_of_tenants(tmp_path: Path, tenants: str, file: str, text: str) -> None:
    write(tmp_path, tenants, text, file=file)
    every = ["ring=canary", "tier=gold", "ring=broad"]
    assert completed("plan", "--label", "", cwd=tmp_path, program=("-m", "deployer")) == every
    given = completed("plan", "--label", "tier=gold", "--label", "ring=c", cwd=tmp_path, program=("-m", "deployer"))
    assert given == ["canary"]  # bash puts it behind the `=`
    named = completed("plan", "--label", "ri", cwd=tmp_path, program=("-m", "deployer"))
    assert named == ["ring=canary", "ring=broad"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--label", "ring", "="], ["canary", "broad"]),
        (["--label", "ring", "=", "c"], ["canary"]),
        (["--label", "=", "ring", "=", "c"], ["canary"]),
        (["--label", "=", "r"], ["ring=canary", "ring=broad"]),
        (["--tenant", "=", "ac"], ["acme", "acme-eu"]),
        (["--label", "ring", "=", "canary", "--tenant", "gl"], ["globex"]),
    ],
)
def test_bash_parts_words_and_what_is_suggested_is_what_it_puts_behind(
    tmp_path: Path, words: list[str], shown: list[str]
) -> None:
    write(tmp_path, "t.csv", "tenant,label.ring\nacme,canary\nacme-eu,broad\nglobex,broad\n", file="t.csv")
    assert completed("plan", *words, cwd=tmp_path, program=("-m", "deployer")) == shown


def test_rollouts_are_completed_from_the_journal_the_newest_first(tmp_path: Path) -> None:
    async def begin() -> None:
        async with SqliteJournal(tmp_path / ".deployer" / "journal.db") as journal:
            for number, name in enumerate(("orders", "invoices", "orders")):
                await journal.begin(rollout(name, number=number), plan(name=name))

    asyncio.run(begin())
    assert completed("--rollout", "", cwd=tmp_path) == ["orders", "invoices"]
    assert completed("--journal", "sqlite:.deployer/journal.db", "--rollout", "in", cwd=tmp_path) == ["invoices"]


MANIFEST = """\
name: orders
tenants: {file: t.xlsx, sheet: 'Cust 1'}
waves:
  each:
    - {name: canary, select: ring=canary}
    - name: "everybody"   # name: nobody
      size: rest
schedules:
  nightly: {do: apply, cron: "0 2 * * *", timezone: UTC}
  "runs":
    do: run
flow: {name: x}
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a directory with a manifest, a workbook, a journal and saved plans."""

    async def begin() -> None:
        async with SqliteJournal(tmp_path / ".deployer" / "journal.db") as journal:
            await journal.begin(rollout("orders", number=1), plan(name="orders"))

    asyncio.run(begin())
    (tmp_path / "rollout.yaml").write_text(MANIFEST, "utf-8")
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        book.add_worksheet("Notes")
        page = book.add_worksheet("Cust 1")
        page.write_row(2, 1, ["integration", "tenant"])
        for row, name in enumerate(NAMES, start=3):
            page.write_row(row, 1, ["1", name])
    plans = tmp_path / ".deployer" / "plans"
    plans.mkdir()
    for age, digit in enumerate("abc"):
        (plans / f"{digit * 64}.json").touch()
        os.utime(plans / f"{digit * 64}.json", (1000 - age, 1000 - age))
    return tmp_path


ID = rollout("orders", number=1).id
ASKED = {
    "status --tenant": list(NAMES),
    "exclude": list(NAMES),
    "plan rollout.yaml --ours acme --theirs": list(NAMES),
    "explain": list(NAMES),
    "status --rollout": ["orders"],
    "history --rollout": [ID],
    "rollback --rollout": [ID],
    "report --rollout": [ID],
    "approve --wave": ["canary", "everybody"],
    "approve --plan": ["a" * 12, "b" * 12, "c" * 12],
    "apply --plan": ["a" * 12, "b" * 12, "c" * 12],
    "schedule pause": ["nightly", "runs"],
    "schedule firings --name": ["nightly", "runs"],
}


@pytest.mark.parametrize("line", ASKED)
def test_every_command_that_takes_a_name_completes_it(kept: Path, line: str) -> None:
    assert completed(*line.split(), "", cwd=kept, program=("-m", "deployer")) == ASKED[line]


def test_a_flow_to_adopt_is_one_that_the_tenant_had_and_has_no_more(stage: Stage) -> None:
    def flows(name: str) -> list[str]:
        return completed("adopt", name, "", cwd=stage.directory, program=("-m", "deployer"))

    assert stage.apply().code == 0
    assert flows("acme") == []
    assert stage.run("detach", "--tenant", "acme", "--yes").code == 0
    assert stage.run("delete", "--tenant", "globex", "--yes").code == 0
    assert flows("acme") == [stage.flow("acme")["_id"]]
    assert (flows("globex"), flows("initech"), flows("nobody")) == ([], [], [])
    assert stage.run("adopt", "acme", stage.flow("acme")["_id"], "--yes").code == 0
    assert flows("acme") == []
    assert stage.run("detach", "--tenant", "acme", "--yes").code == 0
    assert flows("acme") == [stage.flow("acme")["_id"]]


def test_what_a_run_may_have_made_is_completed_and_nothing_of_a_tenant_whose_calls_were_heard(stage: Stage) -> None:
    set_out(stage)
    unknown(stage)
    [job] = stage.effects("run")[-1]["jobs"]
    line = ("--journal", ".deployer/journal.db", "acme", "--took", "")
    assert completed("resolve", "acme", "--took", "", cwd=stage.directory, program=("-m", "deployer")) == [job]
    assert completed("resolve", *line, cwd=stage.directory, program=("-m", "deployer")) == [job]
    assert completed("resolve", "globex", "--took", "", cwd=stage.directory, program=("-m", "deployer")) == []
    assert stage.run("resolve", "acme", "--took", job).code == 0
    assert completed("resolve", "acme", "--took", "", cwd=stage.directory, program=("-m", "deployer")) == []


def test_flows_that_a_clone_may_have_made_are_completed(tmp_path: Path) -> None:
    async def doubt() -> None:
        async with SqliteJournal(tmp_path / ".deployer" / "journal.db") as journal:
            await journal.begin_work()
            await journal.begin(rollout(), plan(*crowd(1)))
            deployment = await journal.deployment(rollout().id, "tenant-0")
            assert deployment is not None
            for event in (Event.INTEND, Event.UNDECIDABLE):
                told = entry(deployment, event, {"doubtful": ["f1", "f2"]} if event is Event.UNDECIDABLE else {})
                await journal.record(told)
                deployment = after(told)

    asyncio.run(doubt())
    assert completed("resolve", "tenant-0", "--took", "", cwd=tmp_path, program=("-m", "deployer")) == ["f1", "f2"]


def test_nothing_is_sent_for_a_completion(stage: Stage) -> None:
    assert stage.apply().code == 0
    stage.forget_requests()
    for words in (
        "adopt acme",
        "resolve acme --took",
        "plan --label",
        "exclude",
        "rollback --rollout",
    ):
        completed(*words.split(), "", cwd=stage.directory, program=("-m", "deployer"))
    assert stage.ledger.arrivals == []


def test_who_takes_a_name_and_completes_none_is_known() -> None:
    """What is new is known nowhere."""
    named = {"tenants", "tenant", "rollout", "digest", "wave", "name", "excluded", "recreate", "ours", "theirs"}
    named |= {"labelled", "flow", "took"}
    without = {
        (" ".join(words), each.name)
        for words, command in every_command()
        for each in command.params
        if each.name in named and not each.type.name.startswith(("choice", "boolean")) and not completes(each)
    }
    assert without == {("init", "tenants"), ("simulate", "tenants"), ("schedule add", "name")}


def completes(parameter: click.Parameter) -> bool:
    return parameter._custom_shell_complete is not None  # noqa: SLF001 - click keeps what it was given there


def test_a_real_bash_completes_a_tenant(kept: Path) -> None:
    """The script that is printed is put to use, and asked as a press of Tab asks it."""
    program = kept / "bin" / "deployer"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deployer "$@"\n', "utf-8")
    program.chmod(0o755)
    script = """
        eval "$(deployer completion bash)"
        COMP_WORDS=(deployer apply rollout.yaml --tenant ac) COMP_CWORD=4
        _deployer_completion deployer ac --tenant
        echo "${COMPREPLY[@]}"
    """
    path = f"{program.parent}:{os.environ['PATH']}"
    told = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=kept,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (told.stdout, told.stderr) == ("acme acme-eu\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_says_how_to_put_it_to_use(tmp_path: Path, shell: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "deployer", "completion", shell],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"deployer completion {shell} >" in told.stdout
    assert "_DEPLOYER_COMPLETE" in told.stdout
    first = told.stdout.splitlines()[0]
    assert first == "#compdef deployer" if shell == "zsh" else first.startswith("# Put this to use")


def test_bash_takes_the_script(tmp_path: Path) -> None:
    script = 'eval "$("$0" -m deployer completion bash)" && complete -p deployer'
    told = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout == "complete -o nosort -F _deployer_completion deployer\n"
