"""What every command says, at 80 and at 120 columns, while one user's days go by. UPDATE_GOLDEN=1 writes it anew."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from click import Context

from deployer.cli import COMMANDS
from deployer.cli.schedule import schedule
from deployer.simulator import Customer, Rule
from deployer.simulator.world import iso
from tests.engine.stage import US, Stage, template
from tests.engine.test_rebuild import lose_journal
from tests.engine.test_sweep import doubled

GOLDEN = Path(__file__).parent / "golden"
Step = str | Callable[[Stage], None]

# What differs from run to run, with something as long in its place, so that lines break where they do.
CHANGING: Final = [
    (r"\b[0-9a-f]{24}\b", "0" * 24),
    (r"\d{8}T\d{6}-[0-9a-f]{4}\b", "20260101T000000-0000"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "2026-01-01T00:00:00.000Z"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T00:00:00Z"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:00000"),
    (r"(?<=--plan )[0-9a-f]{12}\b", "0" * 12),
    (r"\b(?!20\d\d)[0-9a-f]{12}\b", "0" * 12),
    (r"\b\d+\.\d+s\b", "0.0s"),
    (r"on Python \d+\.\d+\.\d+", "on Python 0.0.0"),
    (r"\b\d+\.\d GiB", "0.0 GiB"),
    (r"\b\d+ rows\b", "000 rows"),
]


def settled(text: str) -> str:
    for pattern, stand_in in CHANGING:
        text = re.sub(pattern, stand_in, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def compare(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8"), f"{file}: if that is meant, UPDATE_GOLDEN=1"


def four_tenants(stage: Stage) -> None:
    stage.one_at_a_time(0)
    stage.tenants = {name: Customer(US, n) for n, name in enumerate(("acme", "globex", "initech", "hooli"))}
    stage.manifest["waves"] = {"sizes": [1, 3], "approve": True}


def new_template(stage: Stage) -> None:
    """Let the template have another address, one tenant a copy of its own, and the manifest another value."""
    world = stage.simulator.world.accounts[US]
    flow = world.documents["flows"][template()]
    part, copy = (world.documents["exports"][each["_exportId"]] for each in (flow, stage.flow("initech")))
    world.keep("exports", {**part, "http": {"method": "GET", "relativeURI": "/v2/events"}, "lastModified": iso(4e9)})
    world.keep("exports", {**copy, "http": {"method": "GET", "relativeURI": "/mine"}, "lastModified": iso(4e9)})
    stage.note_edit(US, "exports", copy["_id"])
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.manifest["integration"] = {"settings": {"region": "${tenant.values.region}"}}


def a_refusal(stage: Stage) -> None:
    stage.manifest["flow"]["settings"]["batchSize"] = 400
    stage.refuse("globex")


def a_lost_run(stage: Stage) -> None:
    stage.mend()
    stage.run_flows()
    stage.befall(Rule(action="lose", route="flows.run", id=stage.flow("acme")["_id"], applied=False, nth=1))


def a_tenant_that_left(stage: Stage) -> None:
    stage.mend()
    del stage.manifest["run"]
    stage.manifest["flow"]["schedule"] = "5 * * * *"
    del stage.tenants["hooli"]


def edited(stage: Stage) -> None:
    stage.edit("acme", timezone="Asia/Tokyo")


def taken_back(stage: Stage) -> None:
    """Adopt the flow that was detached, whose id is not known before."""
    stage.tenants["acme"] = Customer(US, 0)
    stage.manifest["flow"]["timezone"] = "Asia/Tokyo"


def adopted(stage: Stage) -> str:
    return f"adopt acme {stage.flow('acme')['_id']} --yes"


def frozen(stage: Stage) -> None:
    stage.manifest["freeze"] = [{"timezone": "UTC", "start": "2020-01-01", "end": "2999-01-01", "why": "year end"}]


DAYS: list[tuple[str, list[Step | Callable[[Stage], str]]]] = [
    ("validate", [four_tenants, "validate"]),
    ("first", ["plan", "apply --yes", "status", "approve --plan {plan}"]),
    ("control", ["pause", "apply --yes", "exclude hooli", "resume", "status", "abort --yes"]),
    ("again", [lambda stage: stage.manifest.pop("waves"), "apply --yes", "apply --yes"]),
    ("drift", [edited, "drift", "plan"]),
    ("upgrade", [new_template, "plan", "rehearse", "apply --yes --allow many-updates", "status"]),
    ("history", ["history", "history --rollout {rollout} --tenant globex", "explain globex settings"]),
    ("rollback", ["rollback --plan", "rollback --yes"]),
    ("refused", [a_refusal, "apply --yes --allow many-updates --ours initech", "resume --failed"]),
    ("run", [a_lost_run, "run", "resolve acme --skip", "resume"]),
    ("parting", [a_tenant_that_left, "delete --absent --yes", "detach --tenant acme --yes", taken_back, adopted]),
    ("sweep", [doubled, "sweep"]),
    ("freeze", [frozen, "plan", "apply --yes"]),
    ("journal", ["doctor", lose_journal, "apply --yes --despite-freeze urgent", "rebuild", "rebuild --yes"]),
]


def filled(words: str, stage: Stage) -> list[str]:
    if "{" not in words:
        return words.split(" ")
    head = stage.run("status", "--json").document
    return words.format(plan=head["plan"][:12], rollout=head["rollout"]).split(" ")


@pytest.mark.parametrize("width", [80, 120])
def test_every_command_reads_like_this(stage: Stage, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LOGNAME", "kim")
    monkeypatch.setattr(socket, "gethostname", lambda: "host")
    texts: dict[str, str] = {}
    for name, steps in DAYS:
        said: list[str] = []
        for step in steps:
            words = step if isinstance(step, str) else step(stage)
            if isinstance(words, str):
                ended = stage.run(*filled(words, stage))
                said.append(f"$ deployer {words}\n{ended.out}{ended.err}[{ended.code}]\n")
        texts[name] = settled("\n".join(said).replace(str(stage.directory), "/here"))
    for name, text in texts.items():
        compare(f"{name}-{width}", text)


def every_command() -> list[list[str]]:
    grouped = [["schedule", name] for name in schedule.list_commands(Context(schedule))]
    return [[], *([name] for name in COMMANDS), *grouped]


def test_every_help_reads_like_this(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    texts = [stage.run(*words, "--help").out for words in every_command()]
    compare("help", settled("\n".join(texts)))


def _copied(line: str) -> bool:
    """Tell whether a line is for a person to copy or search for, which is never broken, or part of a list."""
    return (
        line.startswith(("error:", "ROLLOUT", "order-sync-", "unknown ", "  2026-", "  account "))
        or "deployer " in line
    )


def test_a_golden_line_is_no_wider_than_its_terminal() -> None:
    for file in sorted(GOLDEN.glob("*-80.txt")):
        wide = [line for line in file.read_text("utf-8").splitlines() if len(line) > 80 and not _copied(line)]
        assert wide == [], file.name
