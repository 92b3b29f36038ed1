"""Every line that a help ends with is one that works: all of one user's day, in the order of the commands."""

import re
from collections.abc import Callable

import click
import pytest

from deployer.cli.options import Exemplified
from deployer.simulator import Customer, Rule
from tests.docs.parsing import calls, every_command, parse
from tests.engine.stage import US, Ended, Stage
from tests.engine.test_rebuild import lose_journal

WIDEST = 80
# What does not end by itself, or asks; its words are read all the same, and it is run where it says.
NOT_RUN = {
    "init": "tests/cli/test_init.py",
    "simulate": "tests/simulator/test_command.py",
    "worker": "tests/workers/test_workers.py",
    "serve": "tests/web/test_live.py",
    "completion": "tests/cli/test_completion.py",
}


def examples() -> list[tuple[str, str]]:
    return [
        (" ".join(words), line)
        for words, command in every_command()
        if isinstance(command, Exemplified)
        for line in command.examples
    ]


def test_every_command_has_examples_and_a_sentence() -> None:
    for words, command in every_command():
        assert command.help, words
        if not isinstance(command, click.Group):
            assert isinstance(command, Exemplified), words
            assert 1 <= len(command.examples) <= 4, words


@pytest.mark.parametrize(("command", "line"), examples())
def test_an_example_is_read_by_the_program_and_fits_a_terminal(command: str, line: str) -> None:
    [first, *_] = found = list(calls(re.sub(r'eval "\$\((.*)\)"', r"\1", line)))
    assert " ".join(first).startswith(command), "of another command"
    for words in found:
        parse(words)
    assert len(line) + 2 <= WIDEST


def set_out(stage: Stage) -> None:
    """Let there be three tenants, a value to set, two waves, and a schedule."""
    stage.one_at_a_time(0)
    stage.tenants = {name: Customer(US, number) for number, name in enumerate(("acme", "globex", "initech"))}
    stage.columns = {
        "acme": {"label.ring": "canary"},
        "globex": {"label.ring": "broad"},
        "initech": {"label.ring": "broad"},
    }
    stage.manifest["values"] = {"batchSize": 200}
    stage.manifest["flow"]["settings"]["batchSize"] = "${tenant.values.batchSize}"
    stage.manifest["schedules"] = {"nightly": {"do": "apply", "cron": "0 2 * * *", "timezone": "UTC"}}


def nothing(_stage: Stage) -> None: ...


def applied(stage: Stage) -> None:
    assert stage.apply().code == 0


def waiting(stage: Stage) -> None:
    """Let a rollout wait for somebody who approves its first wave."""
    canary = {"name": "canary", "select": "ring=canary", "approve": True}
    stage.manifest["waves"] = {"each": [canary, {"name": "broad", "size": "rest"}]}
    assert stage.apply().code == 5


def approved(stage: Stage) -> None:
    waiting(stage)
    assert stage.run("approve", "--plan", digest(stage)).code == 0


def left(stage: Stage) -> None:
    """Let a tenant leave the list."""
    applied(stage)
    del stage.tenants["initech"]


def edited(stage: Stage) -> None:
    applied(stage)
    stage.edit("acme", timezone="Asia/Tokyo")


def detached(stage: Stage) -> None:
    applied(stage)
    assert stage.run("detach", "--tenant", "acme", "--yes").code == 0


def changed(stage: Stage) -> None:
    """Let the manifest want something else."""
    stage.manifest["values"]["batchSize"] += 1


def unknown(stage: Stage) -> None:
    """Let nobody know whether a flow was run."""
    if "run" not in stage.manifest:
        stage.tenants = {"acme": stage.tenants["acme"]}
        stage.run_flows()
        stage.manifest["flow"]["schedule"] = "5 * * * *"
    stage.befall(Rule(action="lose", route="flows.run", nth=1, applied=True))
    assert stage.apply().tenants["acme"]["outcome"] == "unknown"
    stage.mend()


def unknown_again(stage: Stage) -> None:
    applied(stage)
    changed(stage)
    unknown(stage)


def lost(stage: Stage) -> None:
    applied(stage)
    lose_journal(stage)


def synced(stage: Stage) -> None:
    assert stage.run("schedule", "sync").code == 0


def paused(stage: Stage) -> None:
    synced(stage)
    assert stage.run("schedule", "pause", "nightly").code == 0


def changed_and(before: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def both(stage: Stage) -> None:
        changed(stage)
        before(stage)

    return both


def added(stage: Stage) -> None:
    words = ["hourly", "--do", "drift", "--cron", "5 * * * *", "--timezone", "UTC"]
    assert stage.run("schedule", "add", *words).code == 0


# What has to be so before a command has anything to do.
BEFORE: dict[str, Callable[[Stage], None]] = {
    "resume": approved,
    "status": applied,
    "pause": waiting,
    "approve": waiting,
    "exclude": waiting,
    "abort": waiting,
    "rollback": applied,
    "adopt": detached,
    "detach": left,
    "delete": left,
    "drift": edited,
    "history": applied,
    "report": applied,
    "resolve": unknown,
    "run": applied,
    "rebuild": lost,
    "sweep": applied,
    "schedule firings": synced,
    "schedule pause": synced,
    "schedule resume": paused,
    "schedule remove": added,
}
# What a line needs besides, since the one before it did it all; and what says by its exit code that there is something.
AGAIN: dict[str, Callable[[Stage], None]] = {
    "deployer abort rollout.yaml --yes": changed_and(waiting),
    "deployer apply rollout.yaml --plan b5dcfeb3989d --yes": changed,
    "deployer rollback rollout.yaml --theirs acme --yes": changed_and(applied),
    "deployer resolve acme --took 5f0000000000000000000f01": unknown_again,
}
TELLING = {
    "deployer plan rollout.yaml --detailed-exitcode": 2,
    "deployer drift rollout.yaml": 3,
    "deployer drift rollout.yaml --label ring=canary -o wide": 3,
    "deployer pause rollout.yaml && deployer status rollout.yaml": 5,
}


def digest(stage: Stage) -> str:
    """Return the digest of the plan that is rolled out, else of one that is made now."""
    status = stage.run("status", "--json")
    return str((status if status.code == 5 else stage.run("plan", "--json")).document["plan"])[:12]


def typed(stage: Stage, line: str) -> Ended:
    """Type a line without what only a shell does, with an id and a digest of today, and a yes to what is asked."""
    if "b5dcfeb3989d" in line:
        line = line.replace("b5dcfeb3989d", digest(stage))
    if "5f0000000000000000000f01" in line:
        made = stage.effects("run")[-1]["jobs"][0] if "resolve" in line else stage.flow("acme")["_id"]
        line = line.replace("5f0000000000000000000f01", made)
    *before, last = [stage.run(*words, *answered(words)) for words in calls(line)]
    assert [ended.code for ended in before] == [0] * len(before)
    return last


def answered(words: list[str]) -> list[str]:
    asks = any("--yes" in each.opts for each in parse(words).command.params)
    return ["--yes"] if asks and "--yes" not in words else []


RUN = sorted({command for command, _ in examples()} - NOT_RUN.keys())


@pytest.mark.parametrize("command", RUN)
def test_an_example_does_what_its_help_says(stage: Stage, command: str) -> None:
    set_out(stage)
    BEFORE.get(command, nothing)(stage)
    for line in (line for name, line in examples() if name == command and "until Ctrl-C" not in line):
        said = line.split("#")[0].rstrip()
        AGAIN.get(said, nothing)(stage)
        ended = typed(stage, line)
        assert ended.code == TELLING.get(said, 0), f"{line}\n{ended.out}\n{ended.err}"
        assert ended.out or ended.err
