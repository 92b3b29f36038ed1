"""The Python API as a program meets it."""

import inspect
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import pytest

import deployer
from deployer.errors import GuardError
from deployer.journal.lock import exclusive
from deployer.simulator import Knobs
from deployer.telemetry.events import EVENTS
from tests.engine.stage import SOON, Stage

pytestmark = pytest.mark.anyio
HEAVY = {"aiohttp", "anyio", "asyncio", "pydantic", "rich", "sqlite3", "structlog", "yaml"}


def loaded(stage: Stage) -> deployer.Loaded:
    stage.write()
    return deployer.load(stage.directory / "rollout.yaml")


def example() -> str:
    """Return the program in the package's docstring."""
    _, _, text = (deployer.__doc__ or "").partition("\n\n")
    return textwrap.dedent(text)


def test_the_example_in_the_docstring_rolls_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.write()
    monkeypatch.chdir(stage.directory)
    program = f"import asyncio\nasync def main():\n{textwrap.indent(example(), '    ')}\nasyncio.run(main())"

    exec(compile(program, "<docstring>", "exec"), {})  # noqa: S102 - our own text, which promises to work

    out = capsys.readouterr().out
    assert "rollout.ended" in out
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]


async def test_events_are_of_the_closed_list_and_every_tenant_rests_once(stage: Stage) -> None:
    async with deployer.apply(loaded(stage)) as events:
        told = [event async for event in events]

    assert {event.name for event in told} <= EVENTS.keys()
    rested = [event.fields["tenant"] for event in told if event.name == "tenant.rested"]
    assert sorted(map(str, rested)) == sorted(stage.tenants)


async def test_leaving_the_block_early_stops_and_the_next_apply_goes_on(stage: Stage) -> None:
    stage.one_at_a_time(5)
    stage.simulator.knobs = Knobs(latency={"flows.clone": 0.2})
    async with deployer.apply(loaded(stage)) as events:
        async for event in events:
            if event.name == "tenant.rested":
                break
        first = events.rollout.id
    assert sum(len(stage.flows(name)) for name in stage.tenants) < 5

    async with deployer.apply(loaded(stage)) as events:
        assert events.rollout.id == first
        assert [event.name async for event in events][-1] == "rollout.ended"

    assert [len(stage.flows(name)) for name in stage.tenants] == [1] * 5


async def test_status_is_what_the_journal_holds(stage: Stage) -> None:
    work = loaded(stage)
    async with deployer.apply(work) as events:
        _ = [event async for event in events]

    now = await deployer.status(work)

    assert now.head["outcome"] == "succeeded"
    assert [tenant["tenant"] async for tenant in now.tenants()] == list(stage.tenants)


async def test_a_lock_held_elsewhere_is_a_guard_error(stage: Stage) -> None:
    work = loaded(stage)
    held = exclusive(stage.directory / ".deployer" / "journal.db.lock", "the journal")
    with held, pytest.raises(GuardError, match="journal"):
        async with deployer.apply(work):
            pass
    assert stage.writes == []


async def test_an_account_held_elsewhere_is_a_guard_error_and_no_group_of_errors(stage: Stage) -> None:
    work = loaded(stage)
    async with deployer.apply(work) as events:
        _ = [event async for event in events]
    locks = Path(stage.environment["XDG_STATE_HOME"]) / "deployer" / "locks"
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.forget_requests()
    with ExitStack() as held:
        for path in locks.glob("*.lock"):
            held.enter_context(exclusive(path, "the account"))
        with pytest.raises(GuardError, match="account acme-us"):
            async with deployer.apply(loaded(stage)) as events:
                _ = [event async for event in events]
    assert stage.writes == []


async def test_an_error_of_the_callers_own_arrives_as_it_was_raised(stage: Stage) -> None:
    with pytest.raises(ZeroDivisionError):
        async with deployer.apply(loaded(stage)):
            _ = 1 // 0


@pytest.mark.parametrize("name", deployer.__all__)
def test_every_name_that_is_promised_is_there(name: str) -> None:
    assert getattr(deployer, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = deployer.no_such_name


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, deployer; print({HEAVY!r} & sys.modules.keys())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=SOON)
    assert told.stdout == "set()\n"


@pytest.mark.parametrize("name", ["apply", "load", "plan", "scope_of", "status"])
def test_help_of_a_function_says_what_it_raises(name: str) -> None:
    assert "Raise " in (inspect.getdoc(getattr(deployer, name)) or "")


def test_a_users_program_is_checked_strictly_against_our_types(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    lines = textwrap.indent(example().replace("import deployer\n", ""), "    ")
    program.write_text(f"import deployer\n\n\nasync def main() -> None:\n{lines}", "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path)]

    told = subprocess.run([*command, str(program)], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert files("deployer").joinpath("py.typed").is_file()
