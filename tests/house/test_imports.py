"""What the command line imports before it knows what it is asked for: --help and --version answer within 60 ms."""

import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "anyio", "asyncio", "pydantic", "rich", "shutil", "sqlite3", "structlog", "yaml"}
RUN = """
import sys
from deployer import cli
sys.stdout = None
cli.main(sys.argv[1:])
sys.stdout = sys.__stdout__
print(*sys.modules, sep="\\n")
"""


def imported(*words: str) -> set[str]:
    """Return the modules that a command line has imported when it ends."""
    told = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True)
    return set(told.stdout.splitlines())


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["-h"]], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    modules = imported(*words)
    assert "deployer.cli" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_help_imports_no_command_and_no_lower_floor(words: list[str]) -> None:
    ours = {module for module in imported(*words) if module.startswith("deployer")}
    assert ours == {"deployer", "deployer.cli", "deployer.errors", "deployer.version"}


@pytest.mark.parametrize("command", ["schema", "completion"])
def test_help_of_a_command_that_sends_nothing_imports_nothing_heavy(command: str) -> None:
    assert imported(command, "--help") & HEAVY == set()
