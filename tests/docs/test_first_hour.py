"""What the README and its first page show is what happens: typed in a fresh copy, with a home that holds nothing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Typed, blocks, typed
from tests.docs.shell import Shell, digests, settled, shell

README, FIRST = ROOT / "README.md", ROOT / "docs" / "first-rollout.md"
HERE = "127.0.0.1:8765"
SIMULATE = "deployer simulate --tenants 20 &"
# What the account of the page has here: its region is the simulator.
REAL = {
    "INTEGRATOR_TOKEN=…": "INTEGRATOR_TOKEN=sim-acme-us",
    "--region us": f"--url http://{HERE}",
    "account main (us)": f"account main (http://{HERE})",
    "account main (us,": f"account main ({HERE},",
}


def commands(heading: str, page: Path = README) -> list[Typed]:
    shown = [each for block in blocks(page, "console") if block.heading == heading for each in typed(block)]
    assert shown, f"no section {heading} in {page}"
    return shown


def replay(here: Shell, each: Typed) -> list[str]:
    """Type a command as the page has it, and return what it prints; nothing that a page shows may fail."""
    if each.command.endswith("&"):
        return here.start(each.command, len(each.shown))
    lines, code = here.type(each.command)
    assert code == 0, "\n".join([each.command, *lines])
    return lines


@contextmanager
def clone(directory: Path, standing: dict[str, str]) -> Iterator[Shell]:
    """Open a shell in a fresh copy; whatever is done, a home keeps nothing but the locks of accounts."""
    copy, home = directory / "clone", directory / "home"
    home.mkdir()
    shutil.copytree(ROOT / "templates", copy / "templates")
    with shell(copy, home, standing) as here:
        yield here
    assert [str(path.relative_to(home)) for path in home.rglob("*") if path.is_dir()] == [
        ".local",
        ".local/state",
        ".local/state/deployer",
        ".local/state/deployer/locks",
    ]


@pytest.mark.timeout(120)
def test_sixty_seconds_go_as_they_are_shown(tmp_path: Path) -> None:
    minted = False
    with clone(tmp_path, {"/tmp": str(tmp_path)}) as here:  # noqa: S108 - what the page says, not where it goes
        for each in commands("Sixty seconds"):
            printed = replay(here, each)
            assert settled(printed, minted=minted) == settled(each.shown, minted=minted), each.command
            minted |= each.command.startswith("deployer apply")


@pytest.mark.timeout(120)
def test_the_first_rollout_goes_as_it_is_shown(tmp_path: Path) -> None:
    """A plan's digest is of the account's address too, so that another one is typed here."""
    with clone(tmp_path, dict(REAL)) as here:
        here.start(SIMULATE, 3)
        for each in commands("The first rollout on a real account", FIRST):
            printed = replay(here, each)
            assert settled(printed, minted=True) == settled(each.shown, minted=True), each.command
            here.standing.update(zip(digests(each.shown), digests(printed), strict=True))


@pytest.mark.timeout(180)
def test_the_demo_is_killed_halfway_goes_on_and_ends_unchanged() -> None:
    [demo, *_] = commands("Two commands")
    assert demo.command == "python3 scripts/demo"
    told = subprocess.run([sys.executable, "scripts/demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    after_the_kill = told.stdout.partition("-> ended by signal 9")[2]
    assert "40 unchanged · nothing to do" in after_the_kill
    assert "40 tenants have a flow, 0 of them two; 40 runs." in after_the_kill
