"""What the README shows is what happens: its sections typed in a fresh copy, with a home that holds nothing."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Typed, blocks, typed
from tests.docs.shell import Shell, settled, shell

README = ROOT / "README.md"


def commands(heading: str) -> list[Typed]:
    shown = [each for block in blocks(README, "console") if block.heading == heading for each in typed(block)]
    assert shown, f"no section {heading} in {README}"
    return shown


def replay(here: Shell, each: Typed) -> list[str]:
    """Type a command as the page has it, and return what it prints; nothing that a page shows may fail."""
    if each.command.endswith("&"):
        return here.start(each.command, len(each.shown))
    lines, code = here.type(each.command)
    assert code == 0, "\n".join([each.command, *lines])
    return lines


@pytest.mark.timeout(120)
def test_sixty_seconds_go_as_they_are_shown(tmp_path: Path) -> None:
    clone, home, elsewhere = tmp_path / "clone", tmp_path / "home", tmp_path / "elsewhere"
    for directory in (clone, home, elsewhere):
        directory.mkdir()
    shutil.copytree(ROOT / "templates", clone / "templates")
    with shell(clone, home, {"/tmp": str(elsewhere)}) as here:  # noqa: S108 - what the page says, not where it goes
        minted = False
        for each in commands("Sixty seconds"):
            printed = replay(here, each)
            assert settled(printed, minted=minted) == settled(each.shown, minted=minted), each.command
            minted |= each.command.startswith("deployer apply")
    assert [path.name for path in home.iterdir()] == [".local"], "locks alone are kept in a home"
